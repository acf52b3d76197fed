package app

import (
	"context"
	"time"

	"github.com/bgloop/bgloop/tasks"
)

// runContext is a handle as its handler's context. The standard context behind
// it is made only when somebody asks for what only that can give.
type runContext handle

type runKey struct{}

// Deadline reports none: in a simulation it would be a virtual one, which
// packages that compare it with the real time misread. See Instance.Deadline.
func (*runContext) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done ends when the instance is canceled or over.
func (c *runContext) Done() <-chan struct{} { return c.real().Done() }

// Err is context.Canceled when the instance is canceled or over.
func (c *runContext) Err() error {
	if (*handle)(c).isOver() != nil {
		return context.Canceled
	}
	return nil
}

// Value is that of the context of Fire, or of the App's base context.
func (c *runContext) Value(key any) any {
	if key == (runKey{}) {
		return (*handle)(c)
	}
	return c.real().Value(key)
}

// real makes the standard context behind c.
func (c *runContext) real() context.Context {
	x := (*handle)(c).extra()
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	if x.ctx == nil {
		base := (*handle)(c).origin()
		if base == nil {
			base = c.r.a.base
		}
		x.ctx, x.cancel = context.WithCancelCause(context.WithoutCancel(base))
		switch {
		case !(*handle)(c).share():
			x.cancel(tasks.ErrOver)
		case c.r.ended != nil:
			x.cancel(c.r.ended)
		}
	}
	return x.ctx
}

// endContext cancels the standard context, if there is one, with r.mu held.
func (h *handle) endContext(cause error) {
	if x := h.more.Load(); x != nil && x.cancel != nil {
		x.cancel(cause)
	}
}

// origin is the context that a firing made with ctx hands its values on from.
// From inside a handler that is the handler's own origin: else a task that
// fires itself would hold on to every instance there ever was.
func origin(ctx context.Context) context.Context {
	if c, ok := ctx.(*runContext); ok {
		return (*handle)(c).origin()
	}
	return ctx
}

// inHandler reports whether ctx is that of an instance that is not over.
func (a *App) inHandler(ctx context.Context) bool {
	if ctx == nil {
		return false
	}
	h, ok := ctx.Value(runKey{}).(*handle)
	return ok && h.r.a == a && !h.gone()
}

// gone reports whether the instance is over or abandoned.
func (h *handle) gone() bool {
	h.r.mu.Lock()
	defer h.r.mu.Unlock()
	return !h.share() || h.r.past
}

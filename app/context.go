package app

import (
	"context"
	"time"
)

// runContext is a run as its handler's context. The standard context behind it
// is made only when somebody asks for what only that can give.
type runContext run

type runKey struct{}

// Deadline reports none: in a simulation it would be a virtual one, which
// packages that compare it with the real time misread. See Instance.Deadline.
func (*runContext) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done ends when the instance is canceled or over.
func (c *runContext) Done() <-chan struct{} { return c.real().Done() }

// Err is context.Canceled when the instance is canceled or over.
func (c *runContext) Err() error {
	if (*run)(c).isOver() != nil {
		return context.Canceled
	}
	return nil
}

// Value is that of the context of Fire, or of the App's base context.
func (c *runContext) Value(key any) any {
	if key == (runKey{}) {
		return (*run)(c)
	}
	return c.real().Value(key)
}

// real makes the standard context behind c.
func (c *runContext) real() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx == nil {
		base := c.is.Act.Origin
		if base == nil {
			base = c.a.base
		}
		c.ctx, c.cancelIt = context.WithCancelCause(context.WithoutCancel(base))
		(*run)(c).endContext()
	}
	return c.ctx
}

// endContext cancels the standard context, if there is one and it is time to.
func (r *run) endContext() {
	if r.cancelIt != nil && r.ended != nil {
		r.cancelIt(r.ended)
	}
}

// origin is the context that a firing made with ctx hands its values on from.
// From inside a handler that is the handler's own origin: else a task that
// fires itself would hold on to every instance there ever was.
func origin(ctx context.Context) context.Context {
	if c, ok := ctx.(*runContext); ok {
		return c.is.Act.Origin
	}
	return ctx
}

// inHandler reports whether ctx is that of an instance that is not over.
func (a *App) inHandler(ctx context.Context) bool {
	if ctx == nil {
		return false
	}
	r, ok := ctx.Value(runKey{}).(*run)
	return ok && r.a == a && !r.gone()
}

func (r *run) gone() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.past
}

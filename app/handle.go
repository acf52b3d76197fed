package app

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/tasks"
)

// A handle is what leaves the App of one attempt: the handler's *tasks.Instance
// and, as *runContext, its context; and of the first attempt, what the receipts
// of the activation wait on. It is never used again, while the record behind it
// is: a handle that is stale knows who it was, and answers ErrOver. It
// implements seam.Run.
type handle struct {
	in      tasks.Instance
	r       *run
	task    *engine.Task
	act     uint64
	id      uint64 // the instance's; zero before the start
	details any
	more    atomic.Pointer[extras]
	attempt uint32        // its number, after a bit that is barren
	state   atomic.Uint32 // of the following
}

// barren, in handle.attempt: the values that the handler sees are those of a
// context of the firing's that has none. Without it they are those of the extras'
// origin or, if there is none, of the App's base context.
const barren = 1

// What is known of a handle's instance.
const (
	shared  = 1 << iota // not only the handler's strand has to do with the record
	over                // it is over: the record may serve another
	settled             // the outcome of the activation is known
)

// share says, with r.mu held, that somebody else than the handler's strand has to
// do with the record, and reports whether that still serves the handle: it does
// so until r.mu is released. Who finds that it does not must not look at it.
func (h *handle) share() bool {
	for {
		switch s := h.state.Load(); {
		case s&over != 0:
			return false
		case s&shared != 0 || h.state.CompareAndSwap(s, s|shared):
			return true
		}
	}
}

// endAlone says that the instance is over, if nobody else than the caller, the
// handler's strand, has to do with it.
func (h *handle) endAlone() bool { return h.state.Load() == 0 && h.state.CompareAndSwap(0, over) }

// Extras are what few handles need.
type extras struct {
	latch                   // opens with the outcome
	outcome error           // set before settled
	merged  uint64          // firings
	origin  context.Context //nolint:containedctx // of the firing; nil: none, or it has no values

	// r.mu guards the following, the standard context, made when first asked
	// for: see context.go.
	ctx    context.Context //nolint:containedctx // as it says
	cancel context.CancelCauseFunc
}

func newHandle(r *run, t *engine.Task, act uint64) *handle {
	h := &handle{r: r, task: t, act: act}
	h.in.Init(h)
	return h
}

// begin says which attempt it is, and whose values the handler sees.
func (h *handle) begin(origin context.Context, attempt int) {
	h.attempt = uint32(attempt) << 1 //nolint:gosec // attempts are few
	switch origin {
	case nil:
	case context.Background(), context.TODO():
		h.attempt |= barren
	default:
		h.extra().origin = origin
	}
}

func (h *handle) number() int { return int(h.attempt >> 1) }

// origin is the context whose values the handler sees, or nil: the App's base.
func (h *handle) origin() context.Context {
	if h.attempt&barren != 0 {
		return context.Background()
	}
	if x := h.more.Load(); x != nil {
		return x.origin
	}
	return nil
}

// extra is the handle's, made when it is first asked for.
func (h *handle) extra() *extras {
	if x := h.more.Load(); x != nil {
		return x
	}
	h.more.CompareAndSwap(nil, new(extras))
	return h.more.Load()
}

// settle tells the outcome of the activation. The owner calls it, once.
func (h *handle) settle(err error) {
	if err != nil {
		h.extra().outcome = err
	}
	h.state.Or(settled) // who makes the extras from now on sees this
	if x := h.more.Load(); x != nil {
		x.release()
	}
}

func (h *handle) isSettled() bool { return h.state.Load()&settled != 0 }

// Wait implements activation.Waiter.
func (h *handle) Wait(ctx context.Context) error {
	a := h.r.a
	if a.inHandler(ctx) {
		return ErrInHandler
	}
	if !h.isSettled() {
		if x := h.extra(); !h.isSettled() {
			if err := x.wait(ctx, a.driver); err != nil {
				return err
			}
		}
	}
	if x := h.more.Load(); x != nil {
		return x.outcome
	}
	return nil
}

// why is why the instance cannot go on, with r.mu held: ErrOver if it is over or
// abandoned, else the reason for which it was canceled, nil if it was not.
func (h *handle) why() error {
	if !h.share() || h.r.past {
		return tasks.ErrOver
	}
	return h.r.ended
}

// isOver is why, for one who does not hold r.mu.
func (h *handle) isOver() error {
	h.r.mu.Lock()
	defer h.r.mu.Unlock()
	return h.why()
}

// Info implements seam.Run. Of what is over it does not say when it was due.
func (h *handle) Info() seam.Info {
	n := seam.Info{
		Group: h.task.Key.Group, Task: h.task.Key.Name, Registration: h.task.ID,
		Activation: h.act, Instance: h.id, Attempt: h.number(), Details: h.details, Merged: 1,
	}
	if x := h.more.Load(); x != nil && x.merged != 0 {
		n.Merged = x.merged
	}
	h.r.mu.Lock()
	defer h.r.mu.Unlock()
	if h.why() != tasks.ErrOver { //nolint:errorlint // the very value
		n.Due, n.Deadline = h.r.is.Act.Due, h.r.deadline
	}
	return n
}

// Details implements seam.Run.
func (h *handle) Details() any { return h.details }

// ID implements seam.Run.
func (h *handle) ID() uint64 { return h.id }

// Key implements seam.Run.
func (h *handle) Key() (group, task string) { k := &h.task.Key; return k.Group, k.Name }

// Log implements seam.Run.
func (h *handle) Log() *slog.Logger {
	k := &h.task.Key
	return h.r.a.log.With("task", taskName(k.Group, k.Name), "activation", h.act, "instance", h.id, "attempt", h.number())
}

// letIn waits for the driver to let the caller in.
func (h *handle) letIn() {
	if admit := h.r.a.admit; admit != nil {
		admit(h.id)
	}
}

// Take implements seam.Run.
func (h *handle) Take(why string) (*deferral.Deferral, error) {
	h.r.mu.Lock()
	defer h.r.mu.Unlock()
	if h.why() == tasks.ErrOver { //nolint:errorlint // the very value
		return nil, tasks.ErrOver
	}
	if !h.r.deferred {
		h.r.deferred = true
		h.r.group.Init(h.r, h.r.a.debug)
	}
	return h.r.group.Take(why)
}

// Progress implements seam.Run.
func (h *handle) Progress(n uint64) error {
	h.letIn()
	r := h.r
	r.mu.Lock()
	over := h.why() == tasks.ErrOver //nolint:errorlint // the very value
	is := r.is
	r.mu.Unlock()
	if over {
		return tasks.ErrOver
	}
	r.a.post(&engine.Input{Op: engine.Progress, Inst: is, ID: h.id, N: n})
	return nil
}

// OnCanceled implements seam.Run.
func (h *handle) OnCanceled(f func(activation.Reason)) error {
	r := h.r
	r.mu.Lock()
	defer r.mu.Unlock()
	switch why := h.why().(type) { //nolint:errorlint // ours, never wrapped
	case nil:
		r.onCancel = append(r.onCancel, f)
	case activation.Reason:
		r.a.spawn(&errand{r.a, nil, "Canceled", func() { f(why) }, false})
	default:
		return tasks.ErrOver
	}
	return nil
}

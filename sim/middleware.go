package sim

import (
	"context"

	"github.com/bgloop/bgloop/tasks"
)

// An injected is what a handler panics with when that is a fault.
type injected struct{}

func (injected) Error() string { return "sim: a fault" }

// Planned implements seam.Planned.
func (injected) Planned() {}

// isInjected reports whether a panic is a fault.
func isInjected(v any) bool { _, yes := v.(injected); return yes }

// middleware is around the dispatch of the process's App: it shows the oracles
// the handler's context, and lets faults into the handler.
func (t *term) middleware(next tasks.Handler) tasks.Handler {
	l := t.ledger
	faulty := l.p.s.rates.any(faultPanic, faultDeaf)
	return tasks.HandlerFunc(func(ctx context.Context, in *tasks.Instance) error {
		task := l.enters(ctx, in)
		if task == nil {
			return next.Run(ctx, in)
		}
		defer l.returned(in.ID())
		ctx, leave := t.untilItsEnd(ctx)
		defer leave()
		if faulty {
			return (&attempt{l.p, t, in, l.streamsOf(task), next}).run(ctx)
		}
		return next.Run(ctx, in)
	})
}

// enters notes that the handler of an instance begins. It returns nil if the
// ledger knows of no such instance.
func (l *ledger) enters(ctx context.Context, in *tasks.Instance) *taskRow {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.insts.row(in.ID())
	if i == nil || !i.started || i.ended {
		return nil
	}
	if i.ctx = ctx; i.canceled && ctx.Err() == nil {
		l.broken(Cancellation, "instance %d of %s was canceled before its handler began, and its context lives", in.ID(), in.Name())
	}
	if !i.canceled && !i.task.reg.Volatile {
		l.durable = max(l.durable, i.newest)
	}
	return i.task
}

// returned notes that the handler of an instance has.
func (l *ledger) returned(id uint64) {
	l.mu.Lock()
	if i := l.insts.row(id); i != nil {
		i.returned, i.since = true, l.now()
	}
	l.mu.Unlock()
}

// An attempt is a handler's run in which something may go wrong.
type attempt struct {
	p    *Proc
	t    *term
	in   *tasks.Instance
	st   *streams
	next tasks.Handler
}

func (a *attempt) run(ctx context.Context) error {
	s := a.p.s
	if s.happens(faultSlow, a.st) {
		d := s.lasts(faultSlow, a.st, shortFault)
		a.told("is %v slow", d)
		_ = a.in.Sleep(d)
	}
	if s.happens(faultHang, a.st) {
		a.told("hangs")
		if err := s.hang(ctx); err != nil {
			return err
		}
	}
	if s.happens(faultDeaf, a.st) {
		return a.deaf(ctx)
	}
	if s.happens(faultPanic, a.st) {
		return a.panic(ctx)
	}
	return a.next.Run(ctx, a.in)
}

// panic panics before, after, or holding a deferral.
func (a *attempt) panic(ctx context.Context) error {
	s := a.p.s
	how := s.below(a.st.of(faultPanic), 3)
	switch how {
	case 1:
		_ = a.next.Run(ctx, a.in)
	case 2:
		_, _ = a.in.Deferral("a fault")
	}
	a.told("panics, %s", [...]string{"before its work", "after its work", "holding a deferral"}[how])
	panic(injected{})
}

// deaf runs the handler without telling it of its cancellation, and returns late
// if there was one.
func (a *attempt) deaf(ctx context.Context) error {
	a.told("is deaf")
	deaf, leave := a.t.untilItsEnd(context.WithoutCancel(ctx))
	defer leave()
	err := a.next.Run(deaf, a.in)
	if ctx.Err() != nil {
		a.p.s.sleep(a.p.s.lasts(faultDeaf, a.st, deafFault))
	}
	return err
}

func (a *attempt) told(format string, args ...any) {
	if a.p.s.story != nil {
		a.p.s.tell("%sfault: the handler of %s "+format, append([]any{a.p.prefix, a.in.Name()}, args...)...)
	}
}

// hang waits for ctx to end, or for all to be well again.
func (s *S) hang(ctx context.Context) error {
	p := s.world.NewPark()
	s.mu.Lock()
	s.hung = append(s.hung, p)
	s.mu.Unlock()
	return p.Park(ctx)
}

// heal ends all that hangs, and everything that would go wrong from now on.
func (s *S) heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for _, p := range s.hung {
		p.Unpark()
	}
	s.hung = nil
}

// isOver reports whether the scenario has returned.
func (s *S) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

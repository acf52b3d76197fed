package sim

import (
	"context"
	"fmt"
	"strings"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/record"
)

// act does what was done then.
func (l *reliving) act(r *record.Record) error {
	ctx := context.Background()
	switch r.Op { //nolint:exhaustive // the others are not for here
	case record.Begin:
		return l.do(func() error { return l.app.Start(ctx) })
	case record.Drain:
		ctx, l.halt = context.WithCancel(ctx)
		l.world.Spawn(seam.JobFunc(func() { _, _ = l.app.Stop(ctx) }))
		return nil
	case record.DrainNow:
		if l.halt != nil {
			l.halt()
		}
		return nil
	case record.Reserve:
		l.reserve(r)
		return nil
	case record.Register, record.Update:
		return l.register(r)
	case record.Jump:
		l.clock.elapsed -= r.For
	}
	return l.do(func() error { return l.call(ctx, r) })
}

// do runs f as a strand, and with it nothing that takes time.
func (l *reliving) do(f func() error) (err error) {
	if stuck := l.world.Do(func() { err = f() }); stuck != nil {
		return stuck
	}
	return err
}

func (l *reliving) call(ctx context.Context, r *record.Record) error {
	switch r.Op { //nolint:exhaustive // see act
	case record.Tick:
		l.clock.ring()
	case record.Jump:
		_ = l.app.String() // whatever asks the App makes it look at the clock
	case record.Fire, record.FirePlace, record.Raise:
		return l.fire(ctx, r)
	case record.Unreserve:
		l.places[r.Place].release()
		delete(l.places, r.Place)
	case record.Report:
		l.replica(taskKey{r.Group, r.Task}).report(r)
	case record.PauseAll:
		pause(l.app, r.On)
	case record.PauseGroup:
		pause(l.app.Group(r.Group), r.On)
	case record.Pause:
		if t, ok := l.task(r); ok {
			pause(t, r.On)
		}
	case record.Unregister:
		if t, ok := l.task(r); ok {
			t.Unregister(r.On)
		}
	case record.CancelTask:
		if t, ok := l.task(r); ok {
			t.Cancel(r.Reason)
		}
	case record.Returned, record.Over, record.Progress:
		return l.tell(r)
	}
	return nil
}

// task finds the registration that stands under a name. What was done to one
// that had ended had no effect.
func (l *reliving) task(r *record.Record) (*app.Task, bool) {
	if r.Group == "" {
		return l.app.Task(r.Task)
	}
	return l.app.Group(r.Group).Task(r.Task)
}

func pause(p interface {
	Pause()
	Resume()
}, on bool,
) {
	if on {
		p.Pause()
		return
	}
	p.Resume()
}

func (l *reliving) tell(r *record.Record) error {
	h := l.hands[r.Instance]
	if h == nil && r.Op == record.Progress {
		return nil // of a handle that was stale
	}
	if h == nil {
		return fmt.Errorf("sim: %s of instance %d, whose handler does not run", r.Op, r.Instance)
	}
	switch r.Op { //nolint:exhaustive // the three of an instance
	case record.Returned:
		h.defers(r.Err)
	case record.Over:
		h.over(r.Err)
		delete(l.hands, r.Instance)
	case record.Progress:
		h.in.Progress(r.N)
	}
	return nil
}

func (l *reliving) fire(ctx context.Context, r *record.Record) error {
	var details any
	if l.Details != nil && r.Details != nil {
		var err error
		if details, err = l.Details(r.Task, r.Details); err != nil {
			return err
		}
	}
	switch r.Op { //nolint:exhaustive // the three of a firing
	case record.Raise:
		_, _ = l.app.Raise(ctx, strings.TrimPrefix(r.Topic, "event/"), details)
	case record.FirePlace:
		if s := l.places[r.Place]; s != nil && s.slot != nil {
			_, _ = s.slot.Fire(ctx, details)
		}
		delete(l.places, r.Place)
	case record.Fire:
		if !r.On {
			if t, ok := l.task(r); ok {
				_, _ = t.Fire(ctx, details)
			}
			return nil
		}
		if p := l.port(r); p != nil {
			_, _ = p.Fire(ctx, details)
		}
	}
	return nil
}

// port is the branch of the trigger that a record names.
func (l *reliving) port(r *record.Record) activation.Port {
	ports := l.replica(taskKey{r.Group, r.Task}).ports
	if r.Index >= len(ports) {
		return nil
	}
	return ports[r.Index]
}

// reserve waits for a place on a strand of its own.
func (l *reliving) reserve(r *record.Record) {
	p := l.port(r)
	if p == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &replicaSlot{cancel: cancel}
	l.places[r.Place] = s
	l.world.Spawn(seam.JobFunc(func() { s.slot, _ = p.Reserve(ctx) }))
}

func (s *replicaSlot) release() {
	switch {
	case s == nil:
	case s.slot == nil:
		s.cancel()
	default:
		s.slot.Release()
	}
}

func (l *reliving) register(r *record.Record) error {
	if l.Register == nil {
		return fmt.Errorf("%w: %s of task %q", ErrNotToldHow, r.Op, r.Task)
	}
	if r.Op == record.Register {
		p := l.replica(taskKey{r.Group, r.Task})
		p.recorded = append(p.recorded, r)
	}
	return l.do(func() error { return l.Register(l.app, *r) })
}

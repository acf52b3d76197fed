package app

import (
	"context"
	"sync/atomic"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// A Task is a registration that the App has accepted. Its methods may be called
// from any goroutine. When the registration has ended nothing can make it due
// anymore; what still runs of it can be canceled and observed.
type Task struct {
	target atomic.Pointer[target]
	is     engine.Task
	ties   *ties // the owner's; nil: none
}

// A target is where a task's activations go.
type target struct {
	registry *registry
	handler  tasks.Handler // what the registry has for the task; nil: it was not found yet
}

func (t *Task) registry() *registry { return t.target.Load().registry }

// ties are what holds a task that not only time makes due.
type ties struct {
	port      *port // nil: nothing of it is needed anymore
	observers []*Observer
}

func newTask(g *registry, p *port) *Task {
	t := new(Task)
	t.target.Store(&g.target)
	p.spec.Host, p.spec.Task = t, &t.is
	t.tie(p, nil)
	return t
}

// accepted is called by the owner.
func (t *Task) accepted() {
	if p := t.port(); p != nil {
		p.accepted(&t.is)
	}
}

// tie keeps a port, if anything of it will be needed, and observers.
func (t *Task) tie(p *port, observers []*Observer) {
	if p != nil && p.inert {
		p = nil
	}
	t.ties, t.is.Watched = nil, len(observers) > 0
	if p != nil || t.is.Watched {
		t.ties = &ties{p, observers}
	}
}

// port is nil if nothing of it is needed. It is the owner's.
func (t *Task) port() *port {
	if t.ties == nil {
		return nil
	}
	return t.ties.port
}

// observers are the task's own. They are the owner's.
func (t *Task) observers() []*Observer {
	if t.ties == nil {
		return nil
	}
	return t.ties.observers
}

// Name is the task's name.
func (t *Task) Name() string { return t.is.Key.Name }

// Group is the ID of its group, empty for a task of the App itself.
func (t *Task) Group() string { return t.registry().group }

// ID is the registration's: unique in its App, and new after Replace.
func (t *Task) ID() uint64 { return t.is.ID }

// String is the task's group and name.
func (t *Task) String() string {
	if t.registry().group == "" {
		return t.Name()
	}
	return t.registry().group + "/" + t.Name()
}

// Fire makes the task due at once, whatever its trigger is, with details for
// its handler. A refusal is a Result and a nil error. The error is ErrUnbound
// when the registration has ended, ErrNotRunning before Run and after Stop. The
// activation's context takes its values from ctx, which may end.
func (t *Task) Fire(ctx context.Context, details any) (activation.Receipt, error) {
	return t.registry().a.call(&engine.Input{Op: engine.Fire, Task: &t.is, Details: details, Origin: origin(ctx)}).receipt()
}

// Pause keeps the task from starting until Resume. Instances that run go on.
// Firings of time and of events are kept for later as the registration's Missed
// says; others are answered activation.DisabledByPolicy. The task is paused as
// well while its group or the App is.
func (t *Task) Pause() { t.registry().a.call(&engine.Input{Op: engine.Pause, Task: &t.is, On: true}) }

// Resume lets a paused task start again.
func (t *Task) Resume() { t.registry().a.call(&engine.Input{Op: engine.Pause, Task: &t.is}) }

// Unregister ends the registration; see App.Unregister.
func (t *Task) Unregister(cancelRunning bool) {
	t.registry().a.call(&engine.Input{Op: engine.Unregister, Task: &t.is, On: cancelRunning})
}

// Cancel cancels every running instance of the task with the given reason, ends
// what waits for another attempt, and reports how many those were. A reason
// that is not one of the twelve is taken as activation.Abort. What is pending
// and has not been tried yet stays.
func (t *Task) Cancel(r activation.Reason) int {
	if !r.Valid() {
		r = activation.Abort
	}
	return t.registry().a.call(&engine.Input{Op: engine.CancelTask, Task: &t.is, Reason: r}).N
}

// OnCompleted calls f each time an activation of the task is over, on a
// goroutine of the App's, one call after the other; none is left out. The
// event's Err is the outcome. It goes on after the registration has ended, for
// what still runs then.
func (t *Task) OnCompleted(f func(event.Event)) *Observer {
	return t.observe(newObserver(t.registry().a, f, event.Completed))
}

// OnProgress calls f when an instance of the task reports progress; while f is
// busy only the newest report of each instance is kept.
func (t *Task) OnProgress(f func(event.Event)) *Observer {
	return t.observe(newObserver(t.registry().a, f, event.Progressed))
}

func (t *Task) observe(o *Observer) *Observer {
	o.task = t
	o.a.own(func() {
		t.tie(t.port(), append(t.observers(), o))
	})
	return o
}

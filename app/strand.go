package app

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/tasks"
)

// spawn runs a job that calls rest at its end. Before Run, when only the owner
// calls it, it keeps the job for then.
func (a *App) spawn(j seam.Job) {
	if !a.awake {
		a.held = append(a.held, j)
		return
	}
	a.busy.Add(1)
	a.driver.Spawn(j)
}

// spawnOwned is spawn for the owner.
func (a *App) spawnOwned(j seam.Job) {
	if !a.awake {
		a.held = append(a.held, j)
		return
	}
	a.busy.Add(1)
	a.hand(j)
}

// hand gives a job a strand, which may be the owner's own if that is about to
// return.
func (a *App) hand(j seam.Job) {
	if a.last {
		a.relay.SpawnLast(j)
		return
	}
	a.driver.Spawn(j)
}

// awaken runs what was kept. The owner calls it.
func (a *App) awaken() {
	if a.awake {
		return
	}
	a.awake = true
	for _, j := range a.held {
		a.spawn(j)
	}
	a.held = nil
}

// An errand calls a function of the user's on a strand of its own.
type errand struct {
	a    *App
	task *engine.Task // whose trigger or condition it is; may be nil
	what string
	f    func()
	must bool // call it also if the App has stopped in the meantime
}

// Run implements seam.Job.
func (e *errand) Run() {
	done := false
	defer func() {
		if v := recover(); !done {
			err := e.a.caught(e.what, v)
			if e.task != nil {
				e.a.post(&engine.Input{Op: engine.SourceEnded, Task: e.task, Err: err})
			}
		}
		e.a.rest()
	}()
	if e.must || !e.a.silent.Load() {
		e.f()
	}
	done = true
}

// caught reports a callback that panicked or called runtime.Goexit.
func (a *App) caught(what string, v any) error {
	err := panicked(v)
	a.log.Error("bgloop: a callback panicked", "callback", what, "err", err)
	return err
}

// panicked makes an error of what recover returned, on the panic's stack; nil
// means runtime.Goexit.
func panicked(v any) *tasks.Panic {
	if v == nil {
		v = tasks.ErrGoexit
	}
	if err, is := v.(error); is && !sound(err) {
		v = fmt.Sprintf("a %T that panics when it is asked", v)
	}
	if _, planned := v.(seam.Planned); planned {
		return &tasks.Panic{Value: v}
	}
	return &tasks.Panic{Value: v, Stack: debug.Stack()}
}

// sound reports whether err can be asked without a panic.
func sound(err error) (yes bool) {
	defer func() { yes = recover() == nil }()
	_ = asked(err)
	return true
}

// protect calls f and makes a panic its error. After runtime.Goexit it calls
// exit with the error instead of returning.
func protect(f func() error, exit func(error)) (err error) {
	done := false
	defer func() {
		if done {
			return
		}
		v := recover()
		if err = panicked(v); v == nil {
			exit(err)
		}
	}()
	err = f()
	done = true
	return err
}

// asked is err, which has been asked all that the engine will ask it: one that
// panics then, as a nil pointer of its type may, does so here, where that fails
// its own instance and nothing else.
func asked(err error) error {
	if err != nil {
		_ = err.Error()
		var never *tasks.Panic
		_ = errors.As(err, &never) || errors.Is(err, tasks.ErrUnknownTask)
	}
	return err
}

// name is how a task is named in a text.
func taskName(group, task string) string {
	if group == "" {
		return task
	}
	return fmt.Sprintf("%s/%s", group, task)
}

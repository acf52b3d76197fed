package app

import (
	"fmt"
	"runtime/debug"

	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/tasks"
)

// spawn runs a job that calls rest at its end.
func (a *App) spawn(j seam.Job) {
	a.busy.Add(1)
	a.driver.Spawn(j)
}

// An errand calls a function of the user's on a strand of its own.
type errand struct {
	a    *App
	task *engine.Task // whose trigger or condition it is; may be nil
	what string
	f    func()
}

// Run implements seam.Job.
func (e *errand) Run() {
	done := false
	defer func() {
		if v := recover(); !done {
			err := e.a.caught(e.what, v)
			if e.task != nil {
				e.a.post(engine.Input{Op: engine.SourceEnded, Task: e.task, Err: err})
			}
		}
		e.a.rest()
	}()
	e.f()
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
	return &tasks.Panic{Value: v, Stack: debug.Stack()}
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

// name is how a task is named in a text.
func taskName(group, task string) string {
	if group == "" {
		return task
	}
	return fmt.Sprintf("%s/%s", group, task)
}

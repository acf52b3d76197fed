// Package taskstest runs one handler in a test, without a service around it.
package taskstest

import (
	"log/slog"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// An Option changes how a handler is run.
type Option func(*test)

type test struct {
	reg    tasks.Registration
	after  time.Duration
	reason activation.Reason
}

// As runs the handler as the task that r describes: with its name, time limit,
// grace and retries, for instance. Without a name it is "test"; without a
// trigger, and besides it, it is fired by Run.
func As(r tasks.Registration) Option { return func(t *test) { t.reg = r } }

// CanceledAfter cancels the instance for that reason when d has passed since Run
// fired it. Zero and negative mean at once, when it may not have started yet.
// A reason that is not one of the twelve is taken as activation.Abort.
func CanceledAfter(d time.Duration, r activation.Reason) Option {
	return func(t *test) { t.after, t.reason = max(0, d), r }
}

// Run runs h once with those details, as an App does, with a real
// tasks.Instance, and returns the outcome when all is over, deferrals and
// Instance.Go included: nil, the handler's error, a *tasks.Canceled or a
// *tasks.PanicError. The handler's context takes its values from t.Context.
//
// What the App refuses is fatal to t. An instance that does not heed its cancel
// within its grace is an error of t.
//
// What the App logs is logged by t. Time is the system's, so Sleep takes as long
// as it says; in a bubble of testing/synctest it takes none. Run must be called
// from the goroutine of the test.
func Run(t testing.TB, h tasks.Handler, details any, opts ...Option) error {
	t.Helper()
	var c test
	for _, o := range opts {
		o(&c)
	}
	if c.reg.Name == "" {
		c.reg.Name = "test"
	}
	if c.reg.Trigger == nil {
		c.reg.Trigger = byRun{}
	}
	a := app.New(app.WithLogger(slog.New(slog.NewTextHandler(t.Output(), nil))))
	a.Observe(func(e event.Event) {
		if e.Kind == event.Abandoned {
			t.Errorf("taskstest: task %q did not end within its grace after it was canceled", e.Task)
		}
	})
	a.Handle(c.reg.Name, h)
	task, err := a.Register(c.reg)
	if err != nil {
		t.Fatalf("taskstest: %v", err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatalf("taskstest: %v", err)
	}
	receipt, err := task.Fire(t.Context(), details)
	if err != nil {
		t.Fatalf("taskstest: %v", err)
	}
	if c.reason != 0 {
		timer := clock.System().AfterFunc(c.after, func() { task.Cancel(c.reason) })
		defer timer.Stop()
	}
	outcome := receipt.Wait(t.Context())
	_, _ = a.Stop(t.Context()) // whoever was late has been told of
	return outcome
}

// byRun is a trigger that makes nothing due by itself.
type byRun struct{}

func (byRun) String() string            { return "taskstest" }
func (byRun) Arm(activation.Port) error { return nil }

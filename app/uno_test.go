package app_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// The cases of Uno's re-implementation that concern tasks of this process, by
// the numbers of our list. What it cannot do and ours can is said at the case.

// U1: canceled inside Run, with a deferral that nobody completes: the run is
// bounded, by the grace, and the outcome says that it was canceled.
func TestUno_CancelledTaskLeaksDeferral_RunIsBounded(t *testing.T) {
	play(t, func(s *stage) {
		s.tell(event.Deferred, event.Canceling, event.Abandoned, event.Completed)
		s.HandleFunc("leak", func(_ context.Context, in *tasks.Instance) error {
			_, err := in.Deferral("leaked")
			me, _ := s.Task(in.Name())
			if n := me.Cancel(activation.Abort); n != 1 {
				s.t.Errorf("Cancel: got %d, want 1", n)
			}
			return err
		})
		task := s.register(tasks.Registration{Name: "leak", Trigger: never("")})
		s.start()
		err := s.fire(task, nil).Wait(s.ctx)
		var canceled *tasks.Canceled
		if !errors.As(err, &canceled) || canceled.Reason != activation.Abort || !canceled.Abandoned || !errors.Is(err, tasks.ErrAbandoned) {
			s.t.Errorf("outcome: got %v", err)
		}
		s.heard(
			`0s leak canceling act=1 inst=1 reason=Abort "leaked"`,
			`5s leak abandoned act=1 inst=1 reason=Abort "leaked"`,
			`5s leak completed act=1 inst=1 reason=Abort n=1 err="tasks: canceled: Abort, abandoned"`,
		)
	})
}

// U2: a TimeTrigger of 14 minutes is out of range. In ours only where the App
// asks for the model's minimum.
func TestUno_TimeTriggerBelowMinimum(t *testing.T) {
	const model = 15 * time.Minute
	for _, tt := range []struct {
		name    string
		trigger activation.Trigger
		minimum time.Duration
		want    error
	}{
		{"every 14", trigger.Every(14 * time.Minute), model, app.ErrTooOften},
		{"after 14", trigger.After(14 * time.Minute), model, app.ErrTooOften},
		{"one shot of every 14", trigger.OneShot(trigger.Every(14 * time.Minute)), model, app.ErrTooOften},
		{"every 15", trigger.Every(15 * time.Minute), model, nil},
		{"no interval", trigger.At(dawn), model, nil},
		{"every 14, no minimum", trigger.Every(14 * time.Minute), 0, nil},
		{"every nanosecond, no minimum", trigger.Every(1), 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := app.New(app.WithMinimumInterval(tt.minimum))
			_, err := a.Register(tasks.Registration{Name: "x", Trigger: tt.trigger})
			if !errors.Is(err, tt.want) {
				t.Errorf("Register: got %v, want %v", err, tt.want)
			}
			if got := a.IsRegistered("x"); got != (tt.want == nil) {
				t.Errorf("IsRegistered: got %v", got)
			}
		})
	}
}

// U3: without a trigger, Register is an error.
func TestUno_TriggerMissing(t *testing.T) {
	a := app.New()
	if _, err := a.Register(tasks.Registration{Name: "x"}); !errors.Is(err, tasks.ErrNoTrigger) {
		t.Errorf("Register: got %v, want ErrNoTrigger", err)
	}
}

// U4, U5: Completed is raised, once, and says whether the task succeeded or
// what its error is.
func TestUno_TaskCompletes_TaskFails(t *testing.T) {
	for _, want := range []error{nil, errors.New("out of paper")} {
		play(t, func(s *stage) {
			s.HandleFunc("x", func(context.Context, *tasks.Instance) error { return want })
			task := s.register(tasks.Registration{Name: "x", Trigger: never("")})
			task.OnCompleted(func(e event.Event) {
				if !errors.Is(e.Err, want) || (e.Err == nil) != (want == nil) {
					s.t.Errorf("Completed: got %v, want %v", e.Err, want)
				}
				s.note("%s", e.Kind)
			})
			s.start()
			s.fire(task, nil)
			s.heard("0s completed")
		})
	}
}

// U6: the Progress event has the value 42.
func TestUno_TaskReportsProgress(t *testing.T) {
	play(t, func(s *stage) {
		s.HandleFunc("x", func(_ context.Context, in *tasks.Instance) error { in.Progress(42); return nil })
		task := s.register(tasks.Registration{Name: "x", Trigger: never("")})
		task.OnProgress(func(e event.Event) { s.note("%s %d of instance %d", e.Kind, e.N, e.Instance) })
		s.start()
		s.fire(task, nil)
		s.heard("0s progressed 42 of instance 1")
	})
}

// U7: a task is registered with its name, is listed, and its trigger is told;
// Unregister(true) undoes all of that.
func TestUno_TaskIsRegistered(t *testing.T) {
	play(t, func(s *stage) {
		s.HandleFunc("x", nothing)
		told := portTrigger{func(p activation.Port) error {
			p.OnArm(func() { s.note("armed") })
			p.OnDisarm(func() { s.note("disarmed") })
			return nil
		}}
		task := s.register(tasks.Registration{Name: "x", Trigger: told})
		s.heard("0s armed")
		if found, ok := s.Task("x"); !ok || found != task || found.Name() != "x" || !slices.Equal(slices.Collect(s.All()), []*app.Task{task}) {
			s.t.Errorf("Task: got %v, %v", found, ok)
		}
		s.start()
		s.Unregister("x", true)
		s.heard("0s disarmed")
		if s.IsRegistered("x") || len(s.names()) != 0 {
			s.t.Errorf("All: got %v, want none", s.names())
		}
		if r, err := task.Fire(s.ctx, nil); !errors.Is(err, app.ErrUnbound) || r.Result != activation.UnknownError {
			s.t.Errorf("Fire: got %v, %v, want ErrUnbound", r.Result, err)
		}
	})
}

// A portTrigger is a trigger made of its Arm.
type portTrigger struct{ arm func(activation.Port) error }

func (p portTrigger) String() string                 { return "test" }
func (p portTrigger) Arm(port activation.Port) error { return p.arm(port) }

// U8: a one-shot whose entry point cannot be loaded is an error, still
// unregistered, and has exactly one event. In this process that is a task that
// nobody handles, or whose handler fails or panics.
func TestUno_OneShotThatFails(t *testing.T) {
	play(t, func(s *stage) {
		s.tell(event.Completed, event.Unregistered)
		s.HandleFunc("fails", func(context.Context, *tasks.Instance) error { return errors.New("no") })
		s.HandleFunc("panics", func(context.Context, *tasks.Instance) error { panic("oh") })
		s.start()
		for _, name := range []string{"unhandled", "fails", "panics"} {
			s.register(tasks.Registration{Name: name, Trigger: trigger.After(time.Minute)})
			s.wait(time.Hour)
			if s.IsRegistered(name) {
				s.t.Errorf("IsRegistered(%q): got true", name)
			}
		}
		s.heard(
			`1m0s unhandled completed act=1 inst=1 n=1 err="tasks: no handler for the task: \"unhandled\""`,
			`1m0s unhandled unregistered n=1`,
			`1h1m0s fails completed act=2 inst=2 n=1 err="no"`,
			`1h1m0s fails unregistered n=2`,
			`2h1m0s panics completed act=3 inst=3 n=1 err="tasks: panic: oh"`,
			`2h1m0s panics unregistered n=3`,
		)
	})
}

// U9: a registration group is rejected there. Ours runs its tasks.
func TestUno_RegistrationGroup(t *testing.T) {
	play(t, func(s *stage) {
		g := s.Group("example.com/library")
		g.HandleFunc("x", func(_ context.Context, in *tasks.Instance) error {
			s.note("%s of %s", in.Name(), in.Group())
			return nil
		})
		task := s.register(tasks.Registration{Name: "x", Trigger: trigger.Every(time.Minute)}, g)
		if task.Group() != g.ID() || task.String() != "example.com/library/x" {
			s.t.Errorf("got %v of group %q", task, task.Group())
		}
		s.start()
		s.wait(time.Minute)
		s.heard("1m0s x of example.com/library")
	})
}

// U11: a one-shot with a deferral waits for it, runs once, and is then
// unregistered. Firings meanwhile are refused.
func TestUno_OneShotWithDeferral(t *testing.T) {
	play(t, func(s *stage) {
		s.tell(event.Started, event.Deferred, event.Refused, event.Completed, event.Unregistered)
		s.HandleFunc("x", func(_ context.Context, in *tasks.Instance) error {
			return in.Go(func(context.Context) error { return in.Sleep(time.Minute) })
		})
		task := s.register(tasks.Registration{Name: "x", Trigger: trigger.OneShot(trigger.Every(20 * time.Second))})
		s.start()
		s.wait(30 * time.Second)
		if r, err := task.Fire(s.ctx, nil); err != nil || r.Result != activation.DisabledByPolicy {
			s.t.Errorf("Fire: got %v, %v, want DisabledByPolicy", r.Result, err)
		}
		if !s.IsRegistered("x") {
			s.t.Error("IsRegistered: got false while the deferral is open")
		}
		s.wait(time.Hour)
		s.heard(
			`20s x started act=1 inst=1`,
			`20s x deferred act=1 inst=1`,
			`30s x refused result=DisabledByPolicy`,
			`1m20s x completed act=1 inst=1 n=1`,
			`1m20s x unregistered n=1`,
		)
	})
}

// U14: progress that cannot be written never changes the outcome. Ours is a
// panicking observer, which is also told the next report.
func TestUno_ProgressCannotBeWritten(t *testing.T) {
	play(t, func(s *stage) {
		s.HandleFunc("x", func(_ context.Context, in *tasks.Instance) error {
			in.Progress(1)
			if err := in.Sleep(time.Minute); err != nil {
				return err
			}
			in.Progress(2)
			return nil
		})
		task := s.register(tasks.Registration{Name: "x", Trigger: never("")})
		task.OnProgress(func(e event.Event) {
			s.note("progress %d", e.N)
			panic("disk full")
		})
		s.start()
		if err := s.fire(task, nil).Wait(s.ctx); err != nil {
			s.t.Errorf("outcome: got %v, want nil", err)
		}
		s.heard("0s progress 1", "1m0s progress 2")
	})
}

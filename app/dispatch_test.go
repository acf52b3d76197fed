package app_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A spm is the service of the single-process sample: it overrides
// OnBackgroundActivated, takes a deferral, and switches on the name.
type spm struct {
	*stage
	mu    sync.Mutex // guards the following
	taken []*deferral.Deferral
}

func (s *spm) OnBackgroundActivated(ctx context.Context, in *tasks.Instance) error {
	d, err := in.Deferral("dispatch")
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.taken = append(s.taken, d)
	s.mu.Unlock()
	defer d.Complete()
	switch in.Name() {
	case "Name of the Background Task":
		return new(TestBackgroundTask).Run(ctx, in)
	}
	return s.App.OnBackgroundActivated(ctx, in)
}

// playSPM plays a story with the sample's override.
func playSPM(t *testing.T, story func(s *spm)) {
	play(t, func(s *stage) {
		o := &spm{stage: s}
		s.SetOnBackgroundActivated(o.OnBackgroundActivated)
		s.tell(event.Deferred, event.Canceling, event.Completed)
		s.start()
		story(o)
	})
}

func TestDispatch_HoldsOneDeferralWhileItRuns(t *testing.T) {
	playSPM(t, func(s *spm) {
		s.Handle("other", sleeper(time.Hour))
		for _, name := range []string{"Name of the Background Task", "other"} {
			task := s.register(tasks.Registration{Name: name, Trigger: never("")})
			s.fire(task, nil)
			s.settle()
			if n := task.Cancel(activation.IdleTask); n != 1 {
				s.t.Errorf("Cancel: got %d, want 1", n)
			}
		}
		s.heard(
			`0s Name of the Background Task canceling act=1 inst=1 reason=IdleTask "dispatch"`,
			`0s Name of the Background Task completed act=1 inst=1 reason=IdleTask n=1 err="tasks: canceled: IdleTask"`,
			`0s other canceling act=2 inst=2 reason=IdleTask "dispatch"`,
			`0s other completed act=2 inst=2 reason=IdleTask n=1 err="tasks: canceled: IdleTask"`,
		)
	})
}

func TestDispatch_ReleasesTheDeferralOnReturn(t *testing.T) {
	playSPM(t, func(s *spm) {
		task := s.register(tasks.Registration{Name: "Name of the Background Task", Trigger: never("")})
		s.fire(task, nil)
		s.wait(2 * time.Second)
		s.heard("1s Name of the Background Task completed act=1 inst=1 n=1") // never deferred
		if len(s.taken) != 1 || s.taken[0].Complete() {
			s.t.Errorf("deferrals: got %d, of which the first was open", len(s.taken))
		}
	})
}

func TestDispatch_EachActivationHasItsOwnDeferral(t *testing.T) {
	playSPM(t, func(s *spm) {
		s.Handle("other", tasks.Typed(func(_ context.Context, in *tasks.Instance, d time.Duration) error { return in.Sleep(d) }))
		task := s.register(tasks.Registration{Name: "other", Trigger: never(""), Overlap: tasks.Parallel(2)})
		s.fire(task, time.Minute)
		s.fire(task, 3*time.Minute)
		s.wait(2 * time.Minute)
		s.heard("1m0s other completed act=1 inst=1 n=1")
		task.Cancel(activation.Abort) // the second still holds its own
		s.heard(
			`2m0s other canceling act=2 inst=2 reason=Abort "dispatch"`,
			`2m0s other completed act=2 inst=2 reason=Abort n=1 err="tasks: canceled: Abort"`,
		)
		if len(s.taken) != 2 || s.taken[0] == s.taken[1] {
			s.t.Errorf("deferrals: got %v", s.taken)
		}
	})
}

func TestDispatch_ReleasesTheDeferralOnPanic(t *testing.T) {
	playSPM(t, func(s *spm) {
		s.HandleFunc("other", func(context.Context, *tasks.Instance) error { panic("oh") })
		task := s.register(tasks.Registration{Name: "other", Trigger: never("")})
		var p *tasks.Panic
		if err := s.fire(task, nil).Wait(s.ctx); !errors.As(err, &p) || p.Value != "oh" || !strings.Contains(string(p.Stack), "dispatch_test.go") {
			s.t.Errorf("outcome: got %v, want the panic", err)
		}
		s.fire(task, nil) // the slot is free: nothing is held anymore
		s.heard(
			`0s other completed act=1 inst=1 n=1 err="tasks: panic: oh"`,
			`0s other completed act=2 inst=2 n=1 err="tasks: panic: oh"`,
		)
		for i, d := range s.taken {
			if d.Complete() {
				s.t.Errorf("deferral %d was still open", i)
			}
		}
	})
}

// A name that nobody handles is no silent success, as it is in the sample.
func TestDispatch_UnknownNameFails(t *testing.T) {
	playSPM(t, func(s *spm) {
		task := s.register(tasks.Registration{Name: "nobody's", Trigger: never("")})
		if err := s.fire(task, nil).Wait(s.ctx); !errors.Is(err, app.ErrUnknownTask) || !strings.Contains(err.Error(), `"nobody's"`) {
			s.t.Errorf("outcome: got %v, want ErrUnknownTask with the name", err)
		}
	})
}

func TestRun_WarnsOfRegistrationsThatNobodyHandles(t *testing.T) {
	library := func(a *app.App) *app.Group { return a.Group("library") }
	for _, tt := range []struct {
		name    string
		prepare func(a *app.App)
		want    []string
	}{
		{"nobody", func(*app.App) {}, []string{"task=x", "task=library/x"}},
		{"the app", func(a *app.App) { a.HandleFunc("x", nothing) }, []string{"task=library/x"}},
		{"the group", func(a *app.App) { library(a).HandleFunc("x", nothing) }, []string{"task=x"}},
		{"another name", func(a *app.App) { a.HandleFunc("X", nothing) }, []string{"task=x", "task=library/x"}},
		{"an override", func(a *app.App) { a.SetOnBackgroundActivated(nothing) }, []string{"task=library/x"}},
		{"both overrides", func(a *app.App) {
			a.SetOnBackgroundActivated(nothing)
			library(a).SetOnBackgroundActivated(nothing)
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var text bytes.Buffer
			inBubble(t, func(s *stage) {
				tt.prepare(s.App)
				s.register(tasks.Registration{Name: "x", Trigger: never("")})
				s.register(tasks.Registration{Name: "x", Trigger: never("")}, library(s.App))
				s.start()
			}, app.WithLogger(slog.New(slog.NewTextHandler(&text, nil))))
			got := text.String()
			if n := strings.Count(got, "level=WARN"); n != len(tt.want) {
				t.Errorf("warnings: got %d, want %d:\n%s", n, len(tt.want), got)
			}
			for _, w := range tt.want {
				if !strings.Contains(got, w+"\n") {
					t.Errorf("no warning of %s:\n%s", w, got)
				}
			}
		})
	}
}

// wrap is a middleware that notes what goes through it.
func (s *stage) wrap(name string) tasks.Middleware {
	return func(next tasks.Handler) tasks.Handler {
		return tasks.HandlerFunc(func(ctx context.Context, in *tasks.Instance) error {
			s.note("%s in", name)
			err := next.Run(ctx, in)
			s.note("%s out: %v", name, err)
			return err
		})
	}
}

// noting is a handler that notes that it ran.
func (s *stage) noting(name string) tasks.HandlerFunc {
	return func(context.Context, *tasks.Instance) error { s.note("%s", name); return nil }
}

func TestUse_FirstIsOutermost(t *testing.T) {
	play(t, func(s *stage) {
		s.Handle("x", s.noting("handler"))
		s.Use(s.wrap("a"), s.wrap("b"))
		s.Use(s.wrap("c"))
		task := s.register(tasks.Registration{Name: "x", Trigger: never("")})
		s.start()
		s.fire(task, nil)
		s.heard("0s a in", "0s b in", "0s c in", "0s handler", "0s c out: <nil>", "0s b out: <nil>", "0s a out: <nil>")
	})
}

// The override is inside the middleware and around the base.
func TestOnBackgroundActivated_OverrideAndBase(t *testing.T) {
	play(t, func(s *stage) {
		s.Handle("x", s.noting("handler"))
		s.Use(s.wrap("middleware"))
		s.SetOnBackgroundActivated(func(ctx context.Context, in *tasks.Instance) error {
			s.note("override")
			return s.OnBackgroundActivated(ctx, in)
		})
		task := s.register(tasks.Registration{Name: "x", Trigger: never("")})
		s.start()
		s.fire(task, nil)
		s.heard("0s middleware in", "0s override", "0s handler", "0s middleware out: <nil>")
		s.SetOnBackgroundActivated(nil) // taken away while the App runs
		s.fire(task, nil)
		s.heard("0s middleware in", "0s handler", "0s middleware out: <nil>")
	})
}

func TestWithOnBackgroundActivated(t *testing.T) {
	var called []string
	inBubble(t, func(s *stage) {
		task := s.register(tasks.Registration{Name: "x", Trigger: never("")})
		s.start()
		if err := s.fire(task, nil).Wait(s.ctx); err != nil {
			s.t.Errorf("outcome: %v", err)
		}
	}, app.WithOnBackgroundActivated(func(_ context.Context, in *tasks.Instance) error {
		called = append(called, in.Name())
		return nil
	}))
	if len(called) != 1 || called[0] != "x" {
		t.Errorf("override: got %v", called)
	}
}

// A middleware can answer by itself, as one that limits or checks does.
func TestUse_MiddlewareMayNotCallNext(t *testing.T) {
	play(t, func(s *stage) {
		closed := errors.New("closed on Sundays")
		s.Handle("x", s.noting("handler"))
		s.Use(func(tasks.Handler) tasks.Handler {
			return tasks.HandlerFunc(func(context.Context, *tasks.Instance) error { return closed })
		})
		task := s.register(tasks.Registration{Name: "x", Trigger: never("")})
		s.start()
		if err := s.fire(task, nil).Wait(s.ctx); !errors.Is(err, closed) {
			s.t.Errorf("outcome: got %v, want %v", err, closed)
		}
		s.heard()
	})
}

// A group's tasks go to the group: its override, its handlers. Of the App's
// they see the middleware only, around the group's own.
func TestGroup_HasItsOwnDispatch(t *testing.T) {
	play(t, func(s *stage) {
		g := s.Group("library")
		s.Use(s.wrap("app's"))
		g.Use(s.wrap("group's"))
		s.Handle("x", s.noting("app's handler"))
		s.SetOnBackgroundActivated(s.noting("app's override"))
		g.Handle("x", s.noting("group's handler"))
		task := s.register(tasks.Registration{Name: "x", Trigger: never("")}, g)
		s.start()
		s.fire(task, nil)
		s.heard("0s app's in", "0s group's in", "0s group's handler", "0s group's out: <nil>", "0s app's out: <nil>")
		g.SetOnBackgroundActivated(func(ctx context.Context, in *tasks.Instance) error {
			s.note("group's override")
			return g.OnBackgroundActivated(ctx, in)
		})
		s.fire(task, nil)
		s.heard("0s app's in", "0s group's in", "0s group's override", "0s group's handler", "0s group's out: <nil>", "0s app's out: <nil>")
	})
}

// The App's handler of the same name does not answer for a group.
func TestGroup_DoesNotFallBackToTheApp(t *testing.T) {
	play(t, func(s *stage) {
		s.Handle("x", s.noting("app's handler"))
		s.SetOnBackgroundActivated(s.noting("app's override"))
		task := s.register(tasks.Registration{Name: "x", Trigger: never("")}, s.Group("library"))
		s.start()
		if err := s.fire(task, nil).Wait(s.ctx); !errors.Is(err, app.ErrUnknownTask) {
			s.t.Errorf("outcome: got %v, want ErrUnknownTask", err)
		}
		s.heard()
	})
}

// Middleware is made once, not for each activation: it may keep state.
func TestUse_MiddlewareIsMadeOnce(t *testing.T) {
	play(t, func(s *stage) {
		made := 0
		s.Use(func(next tasks.Handler) tasks.Handler { made++; return next })
		g := s.Group("library")
		s.HandleFunc("x", nothing)
		g.HandleFunc("x", nothing)
		s.start()
		for _, in := range []registrar{s.App, g} {
			task := s.register(tasks.Registration{Name: "x", Trigger: never("")}, in)
			for range 3 {
				if err := s.fire(task, nil).Wait(s.ctx); err != nil {
					s.t.Errorf("outcome: %v", err)
				}
			}
			if made != 1 {
				s.t.Errorf("%v: made %d times, want once", task, made)
			}
		}
	})
}

// A middleware is the user's code: while it is made, the App can be called.
func TestUse_MiddlewareMayCallTheAppWhileItIsMade(t *testing.T) {
	play(t, func(s *stage) {
		meddle := func(next tasks.Handler) tasks.Handler {
			s.Handle("late", s.noting("late"))
			return next
		}
		s.Use(meddle)
		s.Handle("x", s.noting("x"))
		s.start()
		s.fire(s.register(tasks.Registration{Name: "x", Trigger: never("")}), nil)
		s.heard("0s x")
		s.fire(s.register(tasks.Registration{Name: "late", Trigger: never("")}), nil)
		s.heard("0s late")
	})
}

func TestUse_NilPanics(t *testing.T) {
	for name, m := range map[string]tasks.Middleware{
		"middleware": nil,
		"handler":    func(tasks.Handler) tasks.Handler { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			app.New().Use(m)
		})
	}
}

func TestGroup_IsInvisibleToUngroupedCalls(t *testing.T) {
	play(t, func(s *stage) {
		g := s.Group("library")
		if s.Group("library") != g || s.Group("other") == g || g.ID() != "library" {
			s.t.Error("Group: not the same for the same ID, or the same for another")
		}
		s.register(tasks.Registration{Name: "b", Trigger: never("")}, g)
		s.register(tasks.Registration{Name: "a", Trigger: never("")}, g)
		mine := s.register(tasks.Registration{Name: "mine", Trigger: never("")})
		if got := s.names(); len(got) != 1 || got[0] != "mine" {
			s.t.Errorf("All: got %v, want [mine]", got)
		}
		if _, ok := s.Task("a"); ok || s.IsRegistered("a") || s.Group("other").IsRegistered("a") || g.IsRegistered("mine") {
			s.t.Error("a task is seen across the wall")
		}
		s.Unregister("a", true)
		g.Unregister("mine", true)
		s.Group("other").Unregister("a", true)
		var names []string
		for task := range g.All() {
			names = append(names, task.Name())
		}
		if strings.Join(names, " ") != "a b" {
			s.t.Errorf("Group.All: got %v, want a and b", names)
		}
		if got, _ := s.Task("mine"); got != mine {
			s.t.Errorf("Task: got %v, want %v", got, mine)
		}
	})
}

func TestHandle_MisuseOfTheProgramPanics(t *testing.T) {
	h := tasks.HandlerFunc(nothing)
	for _, tt := range []struct {
		name string
		call func(a *app.App)
		want string
	}{
		{"twice", func(a *app.App) { a.Handle("x", h); a.Handle("x", h) }, "app: Handle: task x has a handler"},
		{"twice by func", func(a *app.App) { a.HandleFunc("x", nothing); a.HandleFunc("x", nothing) }, "app: Handle: task x has a handler"},
		{"twice in a group", func(a *app.App) { a.Group("g").Handle("x", h); a.Group("g").Handle("x", h) }, "app: Handle: task x has a handler"},
		{"empty name", func(a *app.App) { a.Handle("", h) }, "app: Handle: name is empty"},
		{"nil handler", func(a *app.App) { a.Handle("x", nil) }, "app: Handle: nil handler for task x"},
		{"nil func", func(a *app.App) { a.HandleFunc("x", nil) }, "app: HandleFunc: nil handler for task x"},
		{"nil middleware", func(a *app.App) { a.Use(nil) }, "app: Use: nil middleware"},
		{"nil observer", func(a *app.App) { a.Observe(nil) }, "app: nil observer of events"},
		{"group without an ID", func(a *app.App) { a.Group("") }, "app: Group: ID is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				if got := recover(); got != tt.want {
					t.Errorf("panic: got %v, want %q", got, tt.want)
				}
			}()
			tt.call(app.New())
		})
	}
	a := app.New() // one name in the App and in a group are two
	a.Handle("x", h)
	a.Group("g").Handle("x", h)
}

func TestHandle_WhileTheAppRuns(t *testing.T) {
	play(t, func(s *stage) {
		task := s.register(tasks.Registration{Name: "x", Trigger: trigger.Every(time.Minute)})
		task.OnCompleted(func(e event.Event) { s.note("%v", e.Err) })
		s.start()
		s.wait(90 * time.Second)
		s.Handle("x", tasks.HandlerFunc(nothing))
		s.wait(time.Minute)
		s.heard(`1m0s tasks: no handler for the task: "x"`, "2m0s <nil>")
	})
}

func TestTyped(t *testing.T) {
	play(t, func(s *stage) {
		s.Handle("x", tasks.Typed(func(_ context.Context, _ *tasks.Instance, n int) error { s.note("%d", n); return nil }))
		task := s.register(tasks.Registration{Name: "x", Trigger: never("")})
		s.start()
		for _, tt := range []struct {
			details any
			want    error
		}{
			{7, nil},
			{nil, nil}, // no details are the zero value
			{"7", tasks.ErrDetails},
			{int64(7), tasks.ErrDetails},
		} {
			if err := s.fire(task, tt.details).Wait(s.ctx); !errors.Is(err, tt.want) {
				s.t.Errorf("outcome of %T: got %v, want %v", tt.details, err, tt.want)
			}
		}
		s.heard("0s 7", "0s 0")
	})
}

// Typed takes an interface type too.
func TestTyped_Interface(t *testing.T) {
	play(t, func(s *stage) {
		s.Handle("x", tasks.Typed(func(_ context.Context, _ *tasks.Instance, err error) error { return err }))
		task := s.register(tasks.Registration{Name: "x", Trigger: never("")})
		s.start()
		if err := s.fire(task, activation.IdleTask).Wait(s.ctx); !errors.Is(err, activation.IdleTask) {
			s.t.Errorf("outcome: got %v", err)
		}
		if err := s.fire(task, nil).Wait(s.ctx); err != nil {
			s.t.Errorf("outcome of nil: got %v", err)
		}
	})
}

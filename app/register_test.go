package app_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A conditionFunc is a condition made of its Arm.
type conditionFunc func(report func(bool), p activation.Port) error

func (c conditionFunc) String() string                            { return "test" }
func (c conditionFunc) Arm(r func(bool), p activation.Port) error { return c(r, p) }

// port is a trigger that calls what it wants on its Port, in Arm.
func port(arm func(activation.Port)) activation.Trigger {
	return portTrigger{func(p activation.Port) error { arm(p); return nil }}
}

// conditions is a list of them.
func conditions(c ...activation.Condition) []activation.Condition { return c }

// Everything a caller can get wrong is an error of Register and of Replace, and
// nothing has changed then: not what is registered, not what a trigger or a
// condition was told, not what observers were told, not even the next ID.
func TestRegister_Errors(t *testing.T) {
	errMine := errors.New("mine")
	taken := trigger.NewApplication[int]()
	var nilApp *trigger.Application[int]
	var nilFlag *condition.Flag
	with := func(f func(r *tasks.Registration)) tasks.Registration {
		r := tasks.Registration{Name: "new", Trigger: never("")}
		f(&r)
		return r
	}
	triggered := func(tr activation.Trigger) tasks.Registration {
		return with(func(r *tasks.Registration) { r.Trigger = tr })
	}
	conditioned := func(c activation.Condition) tasks.Registration {
		return with(func(r *tasks.Registration) { r.Conditions = conditions(condition.NewFlag("fine", true), c) })
	}
	misused := func(call func(p activation.Port)) tasks.Registration { return triggered(port(call)) }
	for _, tt := range []struct {
		name string
		r    tasks.Registration
		want error
	}{
		{"no name", with(func(r *tasks.Registration) { r.Name = "" }), tasks.ErrNoName},
		{"no trigger", triggered(nil), tasks.ErrNoTrigger},
		{"nil pointer as trigger", triggered(nilApp), tasks.ErrNoTrigger},
		{"nil condition", conditioned(nil), tasks.ErrCondition},
		{"nil pointer as condition", conditioned(nilFlag), tasks.ErrCondition},
		{"keep none", with(func(r *tasks.Registration) { r.Keep = tasks.Every(0) }), tasks.ErrKeep},
		{"keep out of range", with(func(r *tasks.Registration) { r.Keep = -17 }), tasks.ErrKeep},
		{"negative parallel", with(func(r *tasks.Registration) { r.Overlap = tasks.Parallel(-1) }), tasks.ErrOverlap},
		{"overlap out of range", with(func(r *tasks.Registration) { r.Overlap = -17 }), tasks.ErrOverlap},

		{"entry point", with(func(r *tasks.Registration) { r.EntryPoint = "X" }), app.ErrNeedsHost},

		{"too often", triggered(trigger.Every(time.Second)), app.ErrTooOften},
		{"trigger serves another", triggered(taken), app.ErrExclusive},
		{"trigger fails to arm", triggered(portTrigger{func(activation.Port) error { return errMine }}), errMine},
		{"condition fails to arm", conditioned(conditionFunc(func(func(bool), activation.Port) error { return errMine })), errMine},

		{"every 0", triggered(trigger.Every(0)), trigger.ErrInterval},
		{"every -1", triggered(trigger.Every(-1)), trigger.ErrInterval},
		{"after -1", triggered(trigger.After(-1)), trigger.ErrDelay},
		{"at the zero time", triggered(trigger.At(time.Time{})), trigger.ErrNoTime},
		{"one shot of nothing", triggered(trigger.OneShot(nil)), trigger.ErrNoTrigger},
		{"one shot of what is wrong", triggered(trigger.OneShot(trigger.Every(0))), trigger.ErrInterval},
		{"custom without a name", triggered(trigger.Custom("", trigger.Always)), trigger.ErrNoTopic},
		{"custom with no recurrence", triggered(trigger.Custom("x", 7)), trigger.ErrRecurrence},
		{"chan of nothing", triggered(trigger.Chan[int](nil)), trigger.ErrNoChan},
		{"func of nothing", conditioned(condition.Func("x", nil, time.Second)), condition.ErrNoFunc},
		{"func every 0", conditioned(condition.Func("x", func(context.Context) bool { return true }, 0)), condition.ErrInterval},

		{"Schedule(nil)", misused(func(p activation.Port) { p.Schedule(nil) }), app.ErrArm},
		{"Filter(nil)", misused(func(p activation.Port) { p.Filter(nil) }), app.ErrArm},
		{"OnArm(nil)", misused(func(p activation.Port) { p.OnArm(nil) }), app.ErrArm},
		{"OnDisarm(nil)", misused(func(p activation.Port) { p.OnDisarm(nil) }), app.ErrArm},
		{"Go(nil)", misused(func(p activation.Port) { p.Go(nil) }), app.ErrArm},
		{"Wanted(nil)", misused(func(p activation.Port) { p.Wanted(nil) }), app.ErrArm},
		{"Wanted(nil) of a condition", conditioned(conditionFunc(func(_ func(bool), p activation.Port) error { p.Wanted(nil); return nil })), app.ErrArm},
		{"Exclusive(nil)", misused(func(p activation.Port) { p.Exclusive(nil) }), app.ErrArm},
		{"Exclusive of a slice", misused(func(p activation.Port) { p.Exclusive([]int{}) }), app.ErrArm},
		{"Exclusive of a slice within", misused(func(p activation.Port) { p.Exclusive(struct{ any }{[]int{}}) }), app.ErrArm},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(s *stage) {
				taken := taken
				old := s.register(tasks.Registration{Name: "old", Trigger: taken})
				s.start()
				s.tell(event.Registered, event.Unregistered, event.Faulted)
				r := tt.r
				r.Conditions = append(slices.Clip(conditions(conditionFunc(func(report func(bool), p activation.Port) error {
					p.OnArm(func() { s.note("a condition was armed") })
					p.OnDisarm(func() { s.note("a condition was disarmed") })
					return nil
				}))), r.Conditions...)
				for name, f := range map[string]func(tasks.Registration) (*app.Task, error){"Register": s.Register, "Replace": s.Replace} {
					task, err := f(r)
					if task != nil || !errors.Is(err, tt.want) {
						s.t.Errorf("%s: got %v, %v, want %v", name, task, err, tt.want)
					}
					if err != nil && r.Name != "" && !strings.Contains(err.Error(), `task "new"`) {
						s.t.Errorf("%s: the error does not name the task: %v", name, err)
					}
				}
				s.heard()
				if got := slices.Collect(s.All()); !slices.Equal(got, []*app.Task{old}) {
					s.t.Errorf("All: got %v, want only the old one", got)
				}
				if got := s.register(tasks.Registration{Name: "next", Trigger: never("")}); got.ID() != old.ID()+1 {
					s.t.Errorf("next ID: got %d, want %d", got.ID(), old.ID()+1)
				}
			}, app.WithMinimumInterval(time.Minute))
		})
	}
}

// Where several things are wrong the first that is looked at is told; a
// registration that stands is not even looked at before its own is right.
func TestRegister_NameThatStands(t *testing.T) {
	play(t, func(s *stage) {
		s.Handle("x", s.noting("ran"))
		armed := 0
		first := s.register(tasks.Registration{Name: "x", Trigger: trigger.Every(time.Hour)})
		other := port(func(p activation.Port) { p.OnArm(func() { armed++ }) })
		task, err := s.Register(tasks.Registration{Name: "x", Trigger: other})
		if task != nil || !errors.Is(err, app.ErrRegistered) || !strings.Contains(err.Error(), `task "x"`) {
			s.t.Errorf("Register: got %v, %v", task, err)
		}
		if got, _ := s.Task("x"); got != first || armed != 0 {
			s.t.Errorf("Task: got %v, want the first; the other trigger was armed %d times", got, armed)
		}
		s.start()
		s.wait(time.Hour)
		s.heard("1h0m0s ran")
	})
}

func TestRegister_WhenTheAppHasStopped(t *testing.T) {
	play(t, func(s *stage) {
		s.end()
		for _, f := range []func(tasks.Registration) (*app.Task, error){s.Register, s.Replace, s.Group("g").Register} {
			if task, err := f(tasks.Registration{Name: "x", Trigger: never("")}); task != nil || !errors.Is(err, app.ErrStopped) {
				s.t.Errorf("got %v, %v, want ErrStopped", task, err)
			}
		}
	})
}

// A registration is data, and the App keeps a copy.
func TestRegister_KeepsACopy(t *testing.T) {
	play(t, func(s *stage) {
		on, off := condition.NewFlag("on", true), condition.NewFlag("off", false)
		list := conditions(on)
		s.Handle("x", s.noting("ran"))
		task := s.register(tasks.Registration{Name: "x", Trigger: never(""), Conditions: list})
		if list[0] != on {
			s.t.Errorf("the caller's list was changed: %v", list[0])
		}
		list[0] = off
		s.start()
		s.fire(task, nil)
		s.heard("0s ran")
	})
}

// A registration made before Run takes effect when the App begins to run.
func TestRegister_BeforeRun(t *testing.T) {
	play(t, func(s *stage) {
		s.Handle("every", s.noting("every"))
		s.Handle("after", s.noting("after"))
		task := s.register(tasks.Registration{Name: "every", Trigger: trigger.Every(time.Hour)})
		s.register(tasks.Registration{Name: "after", Trigger: trigger.After(90 * time.Minute)})
		s.wait(30 * time.Minute)
		if r, err := task.Fire(s.ctx, nil); !errors.Is(err, app.ErrNotRunning) || r.Result != activation.UnknownError {
			s.t.Errorf("Fire: got %v, %v, want ErrNotRunning", r.Result, err)
		}
		s.start()
		s.wait(2 * time.Hour)
		s.heard("1h30m0s every", "2h0m0s after", "2h30m0s every")
	})
}

// The conditions' and the trigger's texts are asked for by whoever registers,
// and never while something is decided: there a lock of the user's own may be
// held.
func TestRegister_ConditionMayLockInString(t *testing.T) {
	play(t, func(s *stage) {
		s.HandleFunc("x", nothing)
		s.tell(event.ConditionChanged, event.Completed)
		c := &counted{limit: 2}
		task := s.register(tasks.Registration{Name: "x", Trigger: never(""), Conditions: conditions(c)})
		s.start()
		s.fire(task, nil)
		for range 3 {
			c.add()
			s.settle()
		}
		s.heard(`0s x condition changed n=1 "counted to 0"`, "0s x completed act=1 inst=1 n=1")
	})
}

// A counted is a condition that holds from some count on.
type counted struct {
	lock  chan struct{} // a lock that says when it is locked twice
	limit int
	n     int
	tell  func(bool)
}

func (c *counted) locked(f func()) {
	if c.lock == nil {
		c.lock = make(chan struct{}, 1)
	}
	select {
	case c.lock <- struct{}{}:
	default:
		panic("locked twice")
	}
	defer func() { <-c.lock }()
	f()
}

func (c *counted) add() {
	c.locked(func() {
		if c.n++; c.n == c.limit {
			c.tell(true)
		}
	})
}

func (c *counted) String() (s string) {
	c.locked(func() { s = fmt.Sprintf("counted to %d", c.n) })
	return s
}

func (c *counted) Arm(tell func(bool), _ activation.Port) error { c.tell = tell; return nil }

// A panic of the trigger's or a condition's own code in Register is the
// caller's; the App is none the worse for it.
func TestRegister_PanicInArm(t *testing.T) {
	for name, r := range map[string]tasks.Registration{
		"trigger's Arm":      {Name: "x", Trigger: port(func(activation.Port) { panic("oh") })},
		"condition's Arm":    {Name: "x", Trigger: never(""), Conditions: conditions(conditionFunc(func(func(bool), activation.Port) error { panic("oh") }))},
		"condition's String": {Name: "x", Trigger: never(""), Conditions: conditions(nameless{})},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *stage) {
				old := s.register(tasks.Registration{Name: "x", Trigger: never("")})
				s.HandleFunc("x", nothing)
				s.start()
				func() {
					defer func() {
						if got := recover(); got != "oh" {
							s.t.Errorf("panic: got %v", got)
						}
					}()
					_, _ = s.Replace(r)
				}()
				if got, _ := s.Task("x"); got != old {
					s.t.Errorf("Task: got %v, want the old one", got)
				}
				if err := s.fire(old, nil).Wait(s.ctx); err != nil {
					s.t.Errorf("outcome: %v", err)
				}
			})
		})
	}
}

// nameless is a condition that has no text.
type nameless struct{}

func (nameless) String() string                        { panic("oh") }
func (nameless) Arm(func(bool), activation.Port) error { return nil }

func TestReplace_OfNothingIsRegister(t *testing.T) {
	play(t, func(s *stage) {
		task, err := s.Replace(tasks.Registration{Name: "x", Trigger: never("")})
		if got, _ := s.Task("x"); err != nil || got != task {
			s.t.Errorf("Replace: got %v, %v; Task: %v", task, err, got)
		}
	})
}

// The new one has a new ID and its phase begins anew.
func TestReplace_BeginsAnew(t *testing.T) {
	play(t, func(s *stage) {
		s.Handle("x", s.noting("ran"))
		old := s.register(tasks.Registration{Name: "x", Trigger: trigger.Every(time.Hour)})
		s.start()
		s.wait(30 * time.Minute)
		task, err := s.Replace(tasks.Registration{Name: "x", Trigger: trigger.Every(time.Hour)})
		if err != nil || task.ID() == old.ID() {
			s.t.Fatalf("Replace: got %v, %v", task, err)
		}
		s.wait(61 * time.Minute)
		s.heard("1h30m0s ran")
		if _, err := old.Fire(s.ctx, nil); !errors.Is(err, app.ErrUnbound) {
			s.t.Errorf("Fire of the old: got %v, want ErrUnbound", err)
		}
	})
}

// What was pending of the old one ends with Abort, what runs is canceled with
// Abort, and counts as active for the new one until it is over.
func TestReplace_EndsWhatIsPendingAndRuns(t *testing.T) {
	for _, tt := range []struct {
		name  string
		heeds time.Duration // how long the handler goes on after the cancel
		want  []string
	}{
		{"over at once", 0, []string{
			`10s x completed act=2 n=1 err="tasks: canceled: Abort"`,
			`10s x unregistered n=1`,
			`10s x canceling act=1 inst=1 reason=Abort`,
			`10s x registered n=2`,
			`10s x completed act=1 inst=1 reason=Abort n=1 err="tasks: canceled: Abort"`,
			`11s x fired act=3`,
			`11s x started act=3 inst=2`,
		}},
		{"over within the grace", 3 * time.Second, []string{
			`10s x completed act=2 n=1 err="tasks: canceled: Abort"`,
			`10s x unregistered n=1`,
			`10s x canceling act=1 inst=1 reason=Abort`,
			`10s x registered n=2`,
			`11s x fired act=3`,
			`11s x waiting act=3 for=overlap`,
			`13s x completed act=1 inst=1 reason=Abort n=1 err="tasks: canceled: Abort"`,
			`13s x started act=3 inst=2`,
		}},
		{"abandoned", time.Hour, []string{
			`10s x completed act=2 n=1 err="tasks: canceled: Abort"`,
			`10s x unregistered n=1`,
			`10s x canceling act=1 inst=1 reason=Abort`,
			`10s x registered n=2`,
			`11s x fired act=3`,
			`11s x waiting act=3 for=overlap`,
			`15s x abandoned act=1 inst=1 reason=Abort`,
			`15s x completed act=1 inst=1 reason=Abort n=1 err="tasks: canceled: Abort, abandoned"`,
			`15s x started act=3 inst=2`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(s *stage) {
				first := true
				s.HandleFunc("x", func(_ context.Context, in *tasks.Instance) error {
					if !first {
						return in.Sleep(time.Minute)
					}
					first = false
					_ = in.Sleep(time.Minute)
					s.wait(tt.heeds) // it does not heed its context
					return nil
				})
				old := s.register(tasks.Registration{Name: "x", Trigger: never(""), Keep: tasks.Every(9)})
				s.start()
				running, waiting := s.fire(old, nil), s.fire(old, nil)
				s.wait(10 * time.Second)
				s.tell(event.Registered, event.Unregistered, event.Canceling, event.Abandoned, event.Completed, event.Fired, event.Waiting, event.Started)
				task, err := s.Replace(tasks.Registration{Name: "x", Trigger: never("")})
				if err != nil {
					s.t.Fatal(err)
				}
				s.wait(time.Second)
				s.fire(task, nil)
				s.wait(10 * time.Second)
				s.heard(tt.want...)
				for _, r := range []activation.Receipt{running, waiting} {
					if err := r.Wait(s.ctx); !errors.Is(err, activation.Abort) {
						s.t.Errorf("outcome of %d: got %v, want Abort", r.ID, err)
					}
				}
				s.wait(2 * time.Hour) // until the abandoned handler has returned
			})
		})
	}
}

// An instance of a registration that was replaced twice still counts.
func TestReplace_Twice(t *testing.T) {
	play(t, func(s *stage) {
		s.HandleFunc("x", func(_ context.Context, in *tasks.Instance) error {
			_ = in.Sleep(time.Minute)
			s.wait(3 * time.Second)
			return nil
		})
		r := tasks.Registration{Name: "x", Trigger: never("")}
		task := s.register(r)
		s.start()
		s.fire(task, nil)
		s.wait(10 * time.Second)
		for range 2 {
			var err error
			if task, err = s.Replace(r); err != nil {
				s.t.Fatal(err)
			}
		}
		s.tell(event.Waiting, event.Started)
		s.fire(task, nil)
		s.wait(10 * time.Second)
		s.heard("10s x waiting act=2 for=overlap", "13s x started act=2 inst=2")
	})
}

// Unregister ends what is pending with Abort; cancelRunning says what becomes
// of what runs. The name is free at once.
func TestUnregister(t *testing.T) {
	for _, tt := range []struct {
		cancelRunning bool
		want          []string
	}{
		{true, []string{
			`10s x completed act=2 n=1 err="tasks: canceled: Abort"`,
			`10s x unregistered n=1`,
			`10s x canceling act=1 inst=1 reason=Abort`,
			`10s x completed act=1 inst=1 reason=Abort n=1 err="tasks: canceled: Abort"`,
		}},
		{false, []string{
			`10s x completed act=2 n=1 err="tasks: canceled: Abort"`,
			`10s x unregistered n=1`,
			`1m0s x completed act=1 inst=1 n=1`,
		}},
	} {
		play(t, func(s *stage) {
			s.Handle("x", sleeper(time.Minute))
			task := s.register(tasks.Registration{Name: "x", Trigger: never("")})
			told := 0
			task.OnCompleted(func(event.Event) { told++ })
			s.start()
			s.fire(task, nil)
			s.fire(task, nil)
			s.wait(10 * time.Second)
			s.tell(event.Unregistered, event.Canceling, event.Completed)
			s.Unregister("x", tt.cancelRunning)
			if s.IsRegistered("x") {
				s.t.Error("IsRegistered: got true")
			}
			again := s.register(tasks.Registration{Name: "x", Trigger: never("")})
			s.Unregister("y", true) // does nothing
			s.wait(time.Hour)
			s.heard(tt.want...)
			if told != 2 {
				s.t.Errorf("OnCompleted: told %d times, want 2: it goes on after the registration has ended", told)
			}
			task.Unregister(true) // does nothing to the new one of that name
			if got, _ := s.Task("x"); got != again {
				s.t.Errorf("Task: got %v, want %v", got, again)
			}
		})
	}
}

func TestUnregister_InsideItsOwnHandlerAndObserver(t *testing.T) {
	play(t, func(s *stage) {
		s.HandleFunc("x", func(ctx context.Context, in *tasks.Instance) error {
			s.Unregister(in.Name(), true)
			return context.Cause(ctx)
		})
		task := s.register(tasks.Registration{Name: "x", Trigger: never("")})
		task.OnCompleted(func(e event.Event) {
			s.note("%v", e.Err)
			s.Unregister("x", true)
			s.Unregister("y", true)
		})
		s.register(tasks.Registration{Name: "y", Trigger: never("")})
		s.start()
		s.fire(task, nil)
		s.heard("0s tasks: canceled: Abort")
		if got := s.names(); len(got) != 0 {
			s.t.Errorf("All: got %v, want none", got)
		}
	})
}

// All lists by name what stands when the loop begins, whatever is done in it.
func TestAll(t *testing.T) {
	play(t, func(s *stage) {
		for _, name := range []string{"c", "a", "d", "b"} {
			s.register(tasks.Registration{Name: name, Trigger: never("")})
		}
		var got []string
		for task := range s.All() {
			s.Unregister("d", true)
			got = append(got, task.Name())
			task.Unregister(true)
		}
		if !slices.Equal(got, []string{"a", "b", "c", "d"}) {
			s.t.Errorf("All: got %v", got)
		}
		for task := range s.All() {
			s.t.Errorf("All: got %v, want none", task)
		}
		s.register(tasks.Registration{Name: "a", Trigger: never("")})
		s.register(tasks.Registration{Name: "b", Trigger: never("")})
		for task := range s.All() {
			if task.Name() != "a" {
				s.t.Error("All: goes on after break")
			}
			break
		}
	})
}

// A one-shot task is removed when its activation is over, whatever the outcome;
// here by each way to end.
func TestOneShot_IsRemovedWhateverTheOutcome(t *testing.T) {
	for _, tt := range []struct {
		name    string
		handler tasks.HandlerFunc
		then    func(s *stage, task *app.Task)
		want    string
	}{
		{"succeeds", nothing, nil, "0s <nil>"},
		{"fails", func(context.Context, *tasks.Instance) error { return errors.New("no") }, nil, "0s no"},
		{"exceeds its limit", sleeper(time.Hour), nil, "1m0s tasks: canceled: ExecutionTimeExceeded"},
		{"is canceled", sleeper(time.Hour), func(s *stage, task *app.Task) { task.Cancel(activation.LoggingOff) }, "0s tasks: canceled: LoggingOff"},
		{"is canceled with no reason", sleeper(time.Hour), func(s *stage, task *app.Task) { task.Cancel(99) }, "0s tasks: canceled: Abort"},
		{"is unregistered", sleeper(time.Hour), func(s *stage, task *app.Task) { task.Unregister(true) }, "0s tasks: canceled: Abort"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(s *stage) {
				s.Handle("x", tt.handler)
				task := s.register(tasks.Registration{Name: "x", Trigger: trigger.OneShot(never("")), TimeLimit: time.Minute})
				task.OnCompleted(func(e event.Event) { s.note("%v", e.Err) })
				s.start()
				s.fire(task, nil)
				s.settle()
				if tt.then != nil {
					tt.then(s, task)
				}
				s.wait(time.Hour)
				s.heard(tt.want)
				if s.IsRegistered("x") {
					s.t.Error("IsRegistered: got true")
				}
			})
		})
	}
}

// A one-shot is not spent by a firing that was not accepted.
func TestOneShot_RefusedFiringDoesNotCount(t *testing.T) {
	play(t, func(s *stage) {
		s.Handle("x", s.noting("ran"))
		task := s.register(tasks.Registration{Name: "x", Trigger: trigger.OneShot(never(""))})
		s.start()
		task.Pause()
		if r, err := task.Fire(s.ctx, nil); err != nil || r.Result != activation.DisabledByPolicy {
			s.t.Errorf("Fire: got %v, %v, want DisabledByPolicy", r.Result, err)
		}
		task.Resume()
		s.fire(task, nil)
		s.heard("0s ran")
	})
}

// One application trigger serves one registration at a time: Replace may reuse
// it, and after Unregister it can be used again.
func TestExclusive_ApplicationTrigger(t *testing.T) {
	play(t, func(s *stage) {
		s.Handle("x", s.noting("x ran"))
		s.Handle("y", s.noting("y ran"))
		pulled := trigger.NewApplication[int]()
		request := func() {
			s.t.Helper()
			if r, err := pulled.Request(s.ctx, 1); err != nil || r.Result != activation.Allowed {
				s.t.Errorf("Request: got %v, %v", r.Result, err)
			}
		}
		x, y := tasks.Registration{Name: "x", Trigger: pulled}, tasks.Registration{Name: "y", Trigger: pulled}
		old := s.register(x)
		s.start()
		for _, in := range []registrar{s.App, s.Group("g")} {
			if _, err := in.Register(y); !errors.Is(err, app.ErrExclusive) || !strings.Contains(err.Error(), `"x"`) {
				s.t.Errorf("Register: got %v, want ErrExclusive that names x", err)
			}
		}
		request() // it still serves x
		s.heard("0s x ran")

		replaced, err := s.Replace(x)
		if err != nil || replaced.ID() == old.ID() {
			s.t.Fatalf("Replace: got %v, %v", replaced, err)
		}
		s.settle()
		request()
		s.heard("0s x ran")
		if _, err := s.Replace(y); !errors.Is(err, app.ErrExclusive) {
			s.t.Errorf("Replace under another name: got %v, want ErrExclusive", err)
		}

		s.Unregister("x", false)
		s.settle()
		if r, err := pulled.Request(s.ctx, 1); !errors.Is(err, app.ErrUnbound) || r.Result != activation.UnknownError {
			s.t.Errorf("Request: got %v, %v, want ErrUnbound", r.Result, err)
		}
		s.register(y)
		request()
		s.heard("0s y ran")
	})
}

// A port remembers what was recorded on it in Arm; recording later is a bug of
// the trigger's, and says so.
func TestPort_RecordingOutsideArmPanics(t *testing.T) {
	for name, call := range map[string]func(p activation.Port){
		"Schedule":  func(p activation.Port) { p.Schedule(everyMinute{}) },
		"Listen":    func(p activation.Port) { p.Listen("x") },
		"Filter":    func(p activation.Port) { p.Filter(lateBy(0)) },
		"OneShot":   func(p activation.Port) { p.OneShot() },
		"Payload":   func(p activation.Port) { p.Payload() },
		"Exclusive": func(p activation.Port) { p.Exclusive(1) },
		"OnArm":     func(p activation.Port) { p.OnArm(func() {}) },
		"OnDisarm":  func(p activation.Port) { p.OnDisarm(func() {}) },
		"Go":        func(p activation.Port) { p.Go(func(context.Context) error { return nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			a := app.New()
			var kept activation.Port
			if _, err := a.Register(tasks.Registration{Name: "x", Trigger: port(func(p activation.Port) { kept = p })}); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, name) || !strings.Contains(got, "outside Arm") {
					t.Errorf("panic: got %v", got)
				}
				if !a.IsRegistered("x") {
					t.Error("IsRegistered: got false")
				}
			}()
			call(kept)
		})
	}
}

// everyMinute is a schedule of a user's own.
type everyMinute struct{}

func (everyMinute) Next(ph activation.Phase) (time.Time, bool) {
	last := ph.Last
	if last.IsZero() {
		last = ph.Registered
	}
	return last.Add(time.Minute), true
}

// lateBy is a filter that puts every firing off.
type lateBy time.Duration

func (l lateBy) Pass(_ activation.Phase, due time.Time) (time.Time, bool) {
	return due.Add(time.Duration(l)), true
}

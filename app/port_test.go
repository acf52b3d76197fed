package app_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A doorbell is a trigger that a user writes: all of it.
type doorbell struct {
	ring func(ctx context.Context, who string) (activation.Receipt, error)
}

func (d *doorbell) String() string { return "doorbell" }

func (d *doorbell) Arm(p activation.Port) error {
	p.Payload()
	p.OnArm(func() {
		d.ring = func(ctx context.Context, who string) (activation.Receipt, error) { return p.Fire(ctx, who) }
	})
	return nil
}

func TestTrigger_OfAUser(t *testing.T) {
	play(t, func(s *stage) {
		s.Handle("open", tasks.Typed(func(_ context.Context, in *tasks.Instance, who string) error {
			s.note("%s", who)
			return in.Sleep(time.Minute)
		}))
		bell := new(doorbell)
		s.register(tasks.Registration{Name: "open", Trigger: bell})
		s.start()
		for i, want := range []activation.Result{activation.Allowed, activation.Allowed, activation.CurrentlyRunning} {
			if r, err := bell.ring(s.ctx, fmt.Sprintf("guest %d", i)); err != nil || r.Result != want {
				s.t.Errorf("ring %d: got %v, %v, want %v", i, r.Result, err, want)
			}
			s.settle()
		}
		s.wait(5 * time.Minute)
		s.heard("0s guest 0", "1m0s guest 1")
	})
}

func TestSchedule_OfAUser(t *testing.T) {
	play(t, func(s *stage) {
		s.HandleFunc("x", func(_ context.Context, in *tasks.Instance) error { s.note("due %v", in.Due().Sub(dawn)); return nil })
		s.register(tasks.Registration{Name: "x", Trigger: port(func(p activation.Port) { p.Schedule(everyMinute{}) })})
		s.start()
		s.wait(150 * time.Second)
		s.heard("1m0s due 1m0s", "2m0s due 2m0s")
	})
}

// OnArm's functions run in order before Register returns, OnDisarm's in order
// when the registration has ended, or the App has stopped; none runs for a
// registration that is refused.
func TestPort_OnArm_OnDisarm(t *testing.T) {
	play(t, func(s *stage) {
		tell := func(name string) activation.Trigger {
			return port(func(p activation.Port) {
				for i := range 2 {
					p.OnArm(func() { s.note("%s armed %d", name, i) })
					p.OnDisarm(func() { s.note("%s disarmed %d", name, i) })
				}
			})
		}
		s.register(tasks.Registration{Name: "x", Trigger: tell("x")})
		if _, err := s.Register(tasks.Registration{Name: "x", Trigger: tell("refused")}); err == nil {
			s.t.Error("Register: got no error")
		}
		s.heard("0s x armed 0", "0s x armed 1")
		s.start()
		if _, err := s.Replace(tasks.Registration{Name: "x", Trigger: tell("x again")}); err != nil {
			s.t.Error(err)
		}
		s.settle()
		s.mu.Lock()
		slices.Sort(s.notes) // which of them is told first is open
		s.mu.Unlock()
		s.heard("0s x again armed 0", "0s x again armed 1", "0s x disarmed 0", "0s x disarmed 1")
		s.end()
		s.heard("0s x again disarmed 0", "0s x again disarmed 1")
	})
}

// What OnArm's functions do is in force before the registration can end.
func TestPort_OnArmMayUnregister(t *testing.T) {
	play(t, func(s *stage) {
		s.start()
		if _, err := s.Register(tasks.Registration{Name: "x", Trigger: port(func(p activation.Port) {
			p.OnArm(func() { s.Unregister("x", true); s.note("armed") })
			p.OnDisarm(func() { s.note("disarmed") })
		})}); err != nil {
			s.t.Error(err)
		}
		s.heard("0s armed", "0s disarmed")
	})
}

// Before the registration is accepted a port is bound to nothing.
func TestPort_InsideArm(t *testing.T) {
	play(t, func(s *stage) {
		s.start()
		s.wait(time.Minute)
		s.register(tasks.Registration{Name: "x", Trigger: port(func(p activation.Port) {
			if r, err := p.Fire(s.ctx, nil); !errors.Is(err, app.ErrUnbound) || r.Result != activation.UnknownError {
				s.t.Errorf("Fire: got %v, %v, want ErrUnbound", r.Result, err)
			}
			if _, err := p.Reserve(s.ctx); !errors.Is(err, app.ErrUnbound) {
				s.t.Errorf("Reserve: got %v, want ErrUnbound", err)
			}
			if stop := p.After(0, func() { s.t.Error("After: called") }); stop() {
				s.t.Error("stop: got true")
			}
			if got := p.Now(); !got.Equal(s.Clock().Now()) {
				s.t.Errorf("Now: got %v", got)
			}
		})})
		s.settle()
	})
}

// Go's function begins when the App runs, and is started again after a pause
// when it fails: one second, doubling up to one minute. A panic and a Goexit
// are failures too. When it returns nil the source is exhausted; the
// registration stays.
func TestPort_Go_RestartsWithBackoff(t *testing.T) {
	play(t, func(s *stage) {
		s.tell(event.SourceFailed, event.Exhausted)
		starts := 0
		s.register(tasks.Registration{Name: "x", Trigger: port(func(p activation.Port) {
			p.Go(func(context.Context) error {
				switch starts++; starts {
				case 3:
					panic("oh")
				case 10:
					return nil
				}
				return fmt.Errorf("failure %d", starts)
			})
		})})
		s.wait(time.Hour)
		s.heard()
		s.start()
		s.wait(time.Hour)
		s.heard(
			`1h0m0s x source failed err="failure 1"`,
			`1h0m1s x source failed err="failure 2"`,
			`1h0m3s x source failed err="tasks: panic: oh"`,
			`1h0m7s x source failed err="failure 4"`,
			`1h0m15s x source failed err="failure 5"`,
			`1h0m31s x source failed err="failure 6"`,
			`1h1m3s x source failed err="failure 7"`,
			`1h2m3s x source failed err="failure 8"`,
			`1h3m3s x source failed err="failure 9"`,
			`1h4m3s x exhausted`,
		)
		if starts != 10 || !s.IsRegistered("x") {
			s.t.Errorf("got %d starts, registered %v", starts, s.IsRegistered("x"))
		}
	})
}

// The context of Go's function ends with the registration and with the App,
// which waits for it; what it returns then is no failure.
func TestPort_Go_EndsWithTheRegistrationAndTheApp(t *testing.T) {
	for name, end := range map[string]func(s *stage){
		"unregister": func(s *stage) { s.Unregister("x", false) },
		"replace":    func(s *stage) { _, _ = s.Replace(tasks.Registration{Name: "x", Trigger: never("")}) },
		"stop":       func(s *stage) { s.end() },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *stage) {
				s.tell(event.SourceFailed, event.Exhausted)
				s.register(tasks.Registration{Name: "x", Keep: tasks.Every(1), Trigger: port(func(p activation.Port) {
					p.Go(func(ctx context.Context) error {
						if _, err := p.Reserve(ctx); err != nil {
							return err
						}
						_, _ = p.Reserve(ctx) // no second place: this waits
						s.wait(2 * time.Second)
						s.note("ended: %v", ctx.Err())
						return ctx.Err()
					})
				})})
				s.start()
				s.wait(time.Minute)
				s.heard()
				end(s)
				if name != "stop" {
					s.wait(3 * time.Second)
				}
				s.heard("1m2s ended: context canceled")
			})
		})
	}
}

// After calls once d has passed, on a goroutine of the App's, unless it is
// stopped or the registration ends before.
func TestPort_After(t *testing.T) {
	play(t, func(s *stage) {
		s.tell(event.SourceFailed)
		var p activation.Port
		keep := port(func(q activation.Port) { p = q })
		s.register(tasks.Registration{Name: "x", Trigger: keep})
		s.start()
		var stops []func() bool
		for _, d := range []time.Duration{-time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second, time.Hour} {
			stops = append(stops, p.After(d, func() {
				s.note("after %v", d)
				if d == 4*time.Second {
					panic("oh")
				}
			}))
		}
		s.heard("0s after -1s")
		if !stops[2]() || stops[2]() || stops[0]() {
			s.t.Error("stop: want true the first time, and false when it has been called")
		}
		s.wait(30 * time.Second)
		s.heard("2s after 2s", "4s after 4s", `4s x source failed err="tasks: panic: oh"`)
		s.Unregister("x", false)
		if stops[4]() {
			s.t.Error("stop: got true after the registration has ended")
		}
		p.After(time.Second, func() { s.note("a timer of the dead") })
		s.wait(2 * time.Hour)
		s.heard()
	})
}

// Timers may be set and stopped in any number, in any order.
func TestPort_After_Many(t *testing.T) {
	play(t, func(s *stage) {
		var p activation.Port
		s.register(tasks.Registration{Name: "x", Trigger: port(func(q activation.Port) { p = q })})
		s.start()
		const n = 100
		called := make([]bool, n)
		stops := make([]func() bool, n)
		for i := range n {
			stops[i] = p.After(time.Duration(i*37%n+1)*time.Second, func() { s.mu.Lock(); called[i] = true; s.mu.Unlock() })
		}
		for i := 0; i < n; i += 3 {
			if !stops[i]() {
				s.t.Errorf("stop %d: got false", i)
			}
		}
		s.wait(time.Hour)
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, c := range called {
			if want := i%3 != 0; c != want {
				s.t.Errorf("timer %d: called %v, want %v", i, c, want)
			}
		}
	})
}

// A filter is asked about every firing, and may put it off or drop it.
func TestPort_Filter(t *testing.T) {
	play(t, func(s *stage) {
		s.tell(event.Refused, event.Waiting, event.Started)
		s.HandleFunc("x", nothing)
		task := s.register(tasks.Registration{Name: "x", Trigger: port(func(p activation.Port) {
			p.Filter(lateBy(time.Minute))
			p.Filter(oddOnly{})
			p.Filter(lateBy(time.Minute))
		})})
		s.start()
		s.fire(task, nil)
		s.wait(150 * time.Second)
		if r, err := task.Fire(s.ctx, nil); err != nil || r.Result != activation.DisabledByPolicy {
			s.t.Errorf("Fire: got %v, %v, want DisabledByPolicy", r.Result, err)
		}
		s.heard(
			`0s x waiting act=1 for=time`,
			`2m0s x started act=1 inst=1`,
			`2m30s x refused result=DisabledByPolicy`,
		)
	})
}

// oddOnly lets the first firing through, and then none.
type oddOnly struct{}

func (oddOnly) Pass(ph activation.Phase, due time.Time) (time.Time, bool) { return due, ph.N == 0 }

// Reserve waits for a place in the pending list and holds it. Exactly one of
// Fire and Release has an effect, once.
func TestPort_Reserve(t *testing.T) {
	play(t, func(s *stage) {
		var p activation.Port
		s.Handle("x", tasks.Typed(func(_ context.Context, in *tasks.Instance, what string) error {
			s.note("%s", what)
			return in.Sleep(time.Minute)
		}))
		s.register(tasks.Registration{Name: "x", Keep: tasks.Every(1), Trigger: port(func(q activation.Port) { p = q })})
		if _, err := p.Reserve(s.ctx); !errors.Is(err, app.ErrNotRunning) {
			s.t.Errorf("Reserve before Run: got %v, want ErrNotRunning", err)
		}
		s.start()
		reserve := func() activation.Slot {
			s.t.Helper()
			slot, err := p.Reserve(s.ctx)
			if err != nil {
				s.t.Fatalf("Reserve: %v", err)
			}
			return slot
		}
		fire := func(slot activation.Slot, what string, want activation.Result, wantErr error) {
			s.t.Helper()
			if r, err := slot.Fire(s.ctx, what); r.Result != want || !errors.Is(err, wantErr) {
				s.t.Errorf("Fire %s: got %v, %v, want %v, %v", what, r.Result, err, want, wantErr)
			}
		}
		first := reserve()
		fire(first, "first", activation.Allowed, nil)
		fire(first, "again", activation.UnknownError, app.ErrUnbound)
		first.Release()
		s.settle() // the first runs, and the place is free again

		second := reserve()
		if r, err := p.Fire(s.ctx, "uninvited"); err != nil || r.Result != activation.CurrentlyRunning {
			s.t.Errorf("Fire while the place is held: got %v, %v, want CurrentlyRunning", r.Result, err)
		}
		second.Release()
		second.Release()
		fire(second, "released", activation.UnknownError, app.ErrUnbound)

		third := reserve()
		fire(third, "third", activation.Allowed, nil)
		fourth := reserve() // waits until the first is over and the third starts
		s.note("reserved")
		fire(fourth, "fourth", activation.Allowed, nil)
		s.wait(10 * time.Minute)
		s.mu.Lock()
		slices.Sort(s.notes[1:3]) // both at one instant
		s.mu.Unlock()
		s.heard("0s first", "1m0s reserved", "1m0s third", "2m0s fourth")
	})
}

// A place is refused only by stopping; it waits out a pause.
func TestPort_Slot_WhilePausedAndWhileStopping(t *testing.T) {
	play(t, func(s *stage) {
		var p activation.Port
		s.HandleFunc("x", func(ctx context.Context, in *tasks.Instance) error {
			s.note("ran")
			return nil
		})
		s.HandleFunc("slow", func(_ context.Context, in *tasks.Instance) error {
			_ = in.Sleep(time.Hour)
			s.wait(2 * time.Second) // the App is stopping all this time
			return nil
		})
		task := s.register(tasks.Registration{Name: "x", Keep: tasks.Every(2), Trigger: port(func(q activation.Port) { p = q })})
		slow := s.register(tasks.Registration{Name: "slow", Trigger: never("")})
		s.start()
		s.fire(slow, nil)
		a, errA := p.Reserve(s.ctx)
		b, errB := p.Reserve(s.ctx)
		if errA != nil || errB != nil {
			s.t.Fatal(errA, errB)
		}
		task.Pause()
		if r, err := a.Fire(s.ctx, nil); err != nil || r.Result != activation.Allowed {
			s.t.Errorf("Fire while paused: got %v, %v, want Allowed", r.Result, err)
		}
		s.heard()
		task.Resume()
		s.heard("0s ran")
		stopped := s.begin(s.end)
		s.wait(time.Second)
		if r, err := b.Fire(s.ctx, nil); err != nil || r.Result != activation.DisabledByPolicy {
			s.t.Errorf("Fire while stopping: got %v, %v, want DisabledByPolicy", r.Result, err)
		}
		if _, err := p.Reserve(s.ctx); !errors.Is(err, app.ErrNotRunning) {
			s.t.Errorf("Reserve while stopping: got %v, want ErrNotRunning", err)
		}
		s.wait(10 * time.Second)
		s.settle()
		if !*stopped {
			s.t.Error("Stop has not returned")
		}
		if r, err := b.Fire(s.ctx, nil); !errors.Is(err, app.ErrNotRunning) {
			s.t.Errorf("Fire after Stop: got %v, %v, want ErrNotRunning", r.Result, err)
		}
	})
}

// Who waits for a place is sent away when the wait, the registration or the App
// ends, and is served in order otherwise.
func TestPort_Reserve_Waiting(t *testing.T) {
	play(t, func(s *stage) {
		var p activation.Port
		s.Handle("x", sleeper(time.Minute))
		r := tasks.Registration{Name: "x", Keep: tasks.Every(1), Trigger: port(func(q activation.Port) { p = q })}
		task := s.register(r)
		s.start()
		s.fire(task, nil)
		s.fire(task, nil)
		wait := func(name string, ctx context.Context) {
			p := p
			s.begin(func() {
				slot, err := p.Reserve(ctx)
				s.note("%s: %v", name, err)
				if err == nil {
					_, _ = slot.Fire(ctx, nil)
				}
			})
			s.settle()
		}
		ctx, cancel := context.WithCancel(context.Background())
		wait("a", s.ctx)
		wait("b", ctx)
		wait("c", s.ctx)
		wait("d", s.ctx)
		cancel()
		s.heard("0s b: context canceled")
		s.wait(150 * time.Second)
		s.heard("1m0s a: <nil>", "2m0s c: <nil>")
		s.Unregister("x", true)
		s.heard(`2m30s d: activation: not registered: task "x"`)
		task = s.register(r)
		s.fire(task, nil)
		s.wait(time.Second)
		s.fire(task, nil)
		wait("e", s.ctx)
		s.end()
		s.heard(`2m31s e: activation: the app is not running: task "x"`)
	})
}

// A parcel is details that own something.
type parcel struct {
	s    *stage
	name string
}

func (p parcel) Drop() { p.s.note("dropped %s", p.name) }

// Details that own something are dropped exactly once if they reach no handler,
// and never if they do.
func TestDropper(t *testing.T) {
	for _, tt := range []struct {
		name  string
		keep  tasks.Keep
		story func(s *stage, task *app.Task, fire func(name string) activation.Result)
		want  []string
	}{
		{"handled", 0, func(_ *stage, _ *app.Task, fire func(string) activation.Result) {
			fire("a")
		}, []string{"0s handled a"}},
		{"merged", tasks.Newest, func(s *stage, _ *app.Task, fire func(string) activation.Result) {
			fire("a")
			s.settle()
			fire("b")
			fire("c")
			fire("d")
			s.wait(2 * time.Minute)
		}, []string{"0s dropped b", "0s dropped c", "0s handled a", "1m0s handled d"}},
		{"no place", tasks.Every(1), func(s *stage, _ *app.Task, fire func(string) activation.Result) {
			fire("a")
			s.settle()
			fire("b")
			fire("c")
			s.wait(2 * time.Minute)
		}, []string{"0s dropped c", "0s handled a", "1m0s handled b"}},
		{"paused", 0, func(_ *stage, task *app.Task, fire func(string) activation.Result) {
			task.Pause()
			fire("a")
		}, []string{"0s dropped a"}},
		{"unregistered while it waits", tasks.Every(9), func(s *stage, task *app.Task, fire func(string) activation.Result) {
			fire("a")
			s.settle()
			fire("b")
			fire("c")
			task.Unregister(false)
			s.wait(2 * time.Minute)
		}, []string{"0s dropped b", "0s dropped c", "0s handled a"}},
		{"replaced while it waits", 0, func(s *stage, task *app.Task, fire func(string) activation.Result) {
			fire("a")
			s.settle()
			fire("b")
			_, _ = s.Replace(tasks.Registration{Name: "x", Trigger: never("")})
			s.wait(2 * time.Minute)
		}, []string{"0s dropped b", "0s handled a"}},
		{"fired after the end", 0, func(s *stage, task *app.Task, fire func(string) activation.Result) {
			task.Unregister(false)
			fire("a")
		}, []string{"0s dropped a"}},
		{"stopped while it waits", 0, func(s *stage, _ *app.Task, fire func(string) activation.Result) {
			fire("a")
			s.settle()
			fire("b")
			s.end()
		}, []string{"0s dropped b", "0s handled a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(s *stage) {
				s.Handle("x", tasks.Typed(func(_ context.Context, in *tasks.Instance, p parcel) error {
					s.note("handled %s", p.name)
					return in.Sleep(time.Minute)
				}))
				task := s.register(tasks.Registration{Name: "x", Trigger: never(""), Keep: tt.keep})
				s.start()
				tt.story(s, task, func(name string) activation.Result {
					r, _ := task.Fire(s.ctx, parcel{s, name})
					return r.Result
				})
				s.settle()
				s.mu.Lock()
				slices.Sort(s.notes) // the order within an instant is open
				s.mu.Unlock()
				s.heard(tt.want...)
			})
		})
	}
}

// Before Run there is no goroutine to call Drop on.
func TestDropper_FiredBeforeRun(t *testing.T) {
	play(t, func(s *stage) {
		task := s.register(tasks.Registration{Name: "x", Trigger: never("")})
		if _, err := task.Fire(s.ctx, parcel{s, "a"}); !errors.Is(err, app.ErrNotRunning) {
			s.t.Errorf("Fire: got %v, want ErrNotRunning", err)
		}
		s.heard()
		s.start()
		s.heard("0s dropped a")
	})
}

// An instance that is canceled before its handler was called never reaches it;
// if the cancel came too late, it does. Either way the details end once.
func TestDropper_CanceledBeforeItStarts(t *testing.T) {
	for _, grace := range []time.Duration{time.Minute, -1} {
		tooLate := 0
		play(t, func(s *stage) {
			s.Handle("x", tasks.Typed(func(_ context.Context, in *tasks.Instance, p parcel) error {
				s.note("dropped %s", p.name) // by the handler
				tooLate++
				return nil
			}))
			task := s.register(tasks.Registration{Name: "x", Trigger: never(""), Grace: grace})
			s.start()
			r := s.fire(task, parcel{s, "a"})
			task.Cancel(activation.Abort)
			s.heard("0s dropped a")
			if err := r.Wait(s.ctx); err != nil && !errors.Is(err, activation.Abort) {
				s.t.Errorf("outcome: got %v", err)
			}
		})
		if tooLate > 1 { // on coroutines the cancel always comes first
			t.Errorf("grace %v: the handler was called %d times", grace, tooLate)
		}
	}
}

// Drop is the user's: if it panics nothing else is harmed.
func TestDropper_Panics(t *testing.T) {
	play(t, func(s *stage) {
		s.Handle("x", s.noting("ran"))
		task := s.register(tasks.Registration{Name: "x", Trigger: never("")})
		s.start()
		task.Pause()
		if r, err := task.Fire(s.ctx, bomb{}); err != nil || r.Result != activation.DisabledByPolicy {
			s.t.Errorf("Fire: got %v, %v", r.Result, err)
		}
		task.Resume()
		s.fire(task, nil)
		s.heard("0s ran")
	})
}

// A bomb is a parcel that goes off when it is dropped.
type bomb struct{}

func (bomb) Drop() { panic("boom") }

// A condition that polls may be asked before Register has returned, on an App
// that runs; its timers are the registration's already then. (The race detector
// makes this window wide enough to be met.)
func TestRegister_PolledConditionOfWhatIsDueAtOnce(t *testing.T) {
	inBubble(t, func(s *stage) {
		ran := 0
		s.SetOnBackgroundActivated(func(context.Context, *tasks.Instance) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			ran++
			return nil
		})
		s.start()
		const n = 2000
		for i := range n {
			asked := false
			second := condition.Func("the second time", func(context.Context) (yes bool) {
				yes, asked = asked, true
				return yes
			}, time.Second)
			s.register(tasks.Registration{Name: fmt.Sprint(i), Trigger: trigger.At(dawn), Conditions: conditions(second)})
		}
		s.wait(time.Minute)
		s.mu.Lock()
		defer s.mu.Unlock()
		if ran != n {
			s.t.Errorf("ran: got %d, want %d", ran, n)
		}
	})
}

// A registration can be over before Register has returned. Then OnArm's
// functions have run before OnDisarm's, or never. (The race detector makes this
// window wide enough to be met.)
func TestPort_OnArm_OfWhatIsOverAtOnce(t *testing.T) {
	inBubble(t, func(s *stage) {
		s.SetOnBackgroundActivated(nothing)
		s.start()
		for i := range 2000 {
			var disarmed, late atomic.Bool
			s.register(tasks.Registration{Name: fmt.Sprint(i), Trigger: port(func(p activation.Port) {
				p.OnArm(func() { late.Store(disarmed.Load()) })
				p.OnDisarm(func() { disarmed.Store(true) })
				p.OneShot()
				p.Schedule(atOnce{})
			})})
			synctest.Wait()
			if late.Load() || !disarmed.Load() {
				s.t.Fatalf("registration %d: armed too late %v, disarmed %v", i, late.Load(), disarmed.Load())
			}
		}
	})
}

// atOnce is a schedule that was due when the task was registered.
type atOnce struct{}

func (atOnce) Next(ph activation.Phase) (time.Time, bool) { return ph.Registered, ph.N == 0 }

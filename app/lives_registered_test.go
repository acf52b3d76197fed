package app_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// With another trigger's text the phase begins anew, and what is pending stays:
// the rule of Apply.
func TestAnotherTriggerBeginsAnewAndPendingStays(t *testing.T) {
	overLives(t, func(v *lives) {
		every, online := 10*time.Minute, false
		v.setup = func(s *stage) {
			s.HandleFunc("x", begins(s, nothing))
			s.register(tasks.Registration{
				Name: "x", Trigger: trigger.Every(every),
				Conditions: []activation.Condition{condition.NewFlag("online", online)},
			})
			s.start()
		}
		v.live(func(s *stage) { s.wait(15 * time.Minute); s.heard() })
		every, online = 20*time.Minute, true
		v.live(func(s *stage) {
			s.heard("15m0s x act=1 attempt=1 merged=1 due=10m0s details=<nil>")
			s.wait(25 * time.Minute)
			s.heard("35m0s x act=2 attempt=1 merged=1 due=35m0.001s details=<nil>")
		})
	})
}

func TestPauseSurvivesARestart(t *testing.T) {
	overLives(t, func(v *lives) {
		v.setup = func(s *stage) {
			for _, name := range []string{"one", "all"} {
				s.HandleFunc(name, begins(s, nothing))
				s.register(tasks.Registration{Name: name, Trigger: never("")})
			}
			g := s.Group("g")
			g.HandleFunc("in group", begins(s, nothing))
			s.register(tasks.Registration{Name: "in group", Trigger: never("")}, g)
			s.start()
		}
		refused := func(s *stage, task *app.Task) {
			s.t.Helper()
			if r, err := task.Fire(s.ctx, nil); err != nil || r.Result != activation.DisabledByPolicy {
				s.t.Errorf("Fire %v: got %v, %v, want DisabledByPolicy", task, r.Result, err)
			}
		}
		v.live(func(s *stage) {
			one, _ := s.Task("one")
			one.Pause()
			s.Group("g").Pause()
		})
		v.live(func(s *stage) {
			one, _ := s.Task("one")
			in, _ := s.Group("g").Task("in group")
			refused(s, one)
			refused(s, in)
			all, _ := s.Task("all")
			s.fire(all, nil)
			s.heard("0s all act=1 attempt=1 merged=1 due=0s details=<nil>")
			one.Resume()
			s.Group("g").Resume()
			s.Pause()
		})
		v.live(func(s *stage) {
			all, _ := s.Task("all")
			refused(s, all)
			s.Resume()
		})
		v.live(func(s *stage) {
			for _, g := range []interface {
				Task(string) (*app.Task, bool)
			}{s, s.Group("g")} {
				for _, name := range []string{"one", "all", "in group"} {
					if task, ok := g.Task(name); ok {
						s.fire(task, nil)
					}
				}
			}
			s.settle()
			if len(s.notes) != 3 {
				s.t.Errorf("got %q, want all three to run", s.notes)
			}
		})
	})
}

// A one-shot that is over is gone from the store; one that is pending is not,
// and does not fire again.
func TestOneShotDoneIsGone(t *testing.T) {
	overLives(t, func(v *lives) {
		online, registers := false, true
		v.setup = func(s *stage) {
			s.HandleFunc("x", begins(s, nothing))
			if registers {
				s.register(tasks.Registration{
					Name: "x", Trigger: trigger.After(10 * time.Minute),
					Conditions: []activation.Condition{condition.NewFlag("online", online)},
				})
			}
			s.start()
		}
		v.live(func(s *stage) { s.wait(time.Minute) })
		v.live(func(s *stage) { s.wait(10 * time.Minute) }) // it is due after ten in all, and latched
		v.live(func(s *stage) {
			s.wait(time.Hour)
			if x := s.Explain("x"); !x.Spent || len(x.Pending) != 1 || x.Pending[0].Merged != 1 {
				s.t.Errorf("Explain: got %v", x)
			}
		})
		online = true
		v.live(func(s *stage) {
			s.heard("1h11m0s x act=1 attempt=1 merged=1 due=10m0s details=<nil>")
			if s.IsRegistered("x") {
				s.t.Error("it is registered, though it is over")
			}
		})
		if v.left() != 0 {
			v.t.Errorf("%d records are left", v.left())
		}
		registers = false
		v.live(func(s *stage) {
			if u := s.Snapshot().Unclaimed; len(u) != 0 {
				s.t.Errorf("Unclaimed: got %v", u)
			}
		})
	})
}

func TestUnregisterForgets(t *testing.T) {
	overLives(t, func(v *lives) {
		v.setup = func(s *stage) {
			s.HandleFunc("x", begins(s, sleeper(time.Hour)))
			s.register(tasks.Registration{Name: "x", Trigger: never("")})
			s.start()
		}
		v.live(func(s *stage) {
			task, _ := s.Task("x")
			s.fire(task, "runs")
			s.fire(task, "waits")
			s.heard("0s x act=1 attempt=1 merged=1 due=0s details=runs")
			s.Unregister("x", false)
		})
		if v.left() != 0 {
			v.t.Errorf("%d records are left", v.left())
		}
		v.live(func(s *stage) {
			s.heard()
			task, _ := s.Task("x")
			if r := s.fire(task, nil); r.ID != 3 {
				s.t.Errorf("activation %d, want 3: no ID is given twice", r.ID)
			}
		})
	})
}

// Replace is forceRegister, also of what only the store knows.
func TestReplaceBeginsAnewOverARestart(t *testing.T) {
	overLives(t, func(v *lives) {
		replace := false
		v.setup = func(s *stage) {
			s.HandleFunc("x", begins(s, nothing))
			r := tasks.Registration{Name: "x", Trigger: trigger.Every(10 * time.Minute), Conditions: []activation.Condition{condition.NewFlag("online", replace)}}
			if replace {
				if _, err := s.Replace(r); err != nil {
					s.t.Error(err)
				}
			} else {
				s.register(r)
			}
			s.start()
		}
		v.live(func(s *stage) { s.wait(15 * time.Minute) }) // latched
		replace = true
		v.live(func(s *stage) {
			s.wait(9 * time.Minute)
			s.heard()
			s.wait(time.Minute)
			s.heard("25m0s x act=2 attempt=1 merged=1 due=25m0s details=<nil>")
		})
		if v.left() != 1 {
			v.t.Errorf("%d records are left, want that of the task", v.left())
		}
	})
}

// What the program does not register again stays, and is told of, until it is
// registered after all, or unregistered.
func TestUnclaimedStaysUntilClaimedOrForgotten(t *testing.T) {
	overLives(t, func(v *lives) {
		var names []string
		register := func(s *stage, name string) {
			s.register(tasks.Registration{Name: name, Trigger: trigger.Every(time.Hour), Keep: tasks.Every(5)})
		}
		v.setup = func(s *stage) {
			s.tell(event.Unclaimed)
			for _, name := range []string{"a", "b", "c"} {
				s.HandleFunc(name, begins(s, nothing))
			}
			for _, name := range names {
				register(s, name)
			}
			s.start()
		}
		names = []string{"a", "b", "c"}
		v.live(func(s *stage) {
			for _, name := range names {
				task, _ := s.Task(name)
				task.Pause()
			}
			s.wait(90 * time.Minute) // each is due once, and kept for later
		})
		names = []string{"a"}
		v.live(func(s *stage) {
			s.heard(`1h30m0s b unclaimed n=1 "every(1h0m0s)"`, `1h30m0s c unclaimed n=1 "every(1h0m0s)"`)
			u := s.Snapshot().Unclaimed
			if len(u) != 2 || u[0].Task != "b" || u[0].Pending != 1 || u[0].Trigger != "every(1h0m0s)" || u[1].Task != "c" {
				s.t.Errorf("Unclaimed: got %v", u)
			}
			if text := s.Snapshot().String(); !strings.Contains(text, `Task "b" is not registered in this run; the store has it`) {
				s.t.Errorf("Snapshot: got %s", text)
			}
			if x := s.Explain("b"); x.Registered || !strings.Contains(x.String(), "not registered anymore") {
				s.t.Errorf("Explain: got %v", x)
			}
		})
		v.live(func(s *stage) { // it is told of each time
			s.heard(`1h30m0s b unclaimed n=1 "every(1h0m0s)"`, `1h30m0s c unclaimed n=1 "every(1h0m0s)"`)
			s.Unregister("c", true)
			register(s, "b") // late, and with its pause
			b, _ := s.Task("b")
			b.Resume()
			s.heard("1h30m0s b act=2 attempt=1 merged=1 due=1h0m0s details=<nil>")
			s.wait(30 * time.Minute)
			s.heard("2h0m0s b act=4 attempt=1 merged=1 due=2h0m0s details=<nil>")
			if u := s.Snapshot().Unclaimed; len(u) != 0 {
				s.t.Errorf("Unclaimed: got %v", u)
			}
		})
		names = []string{"a", "b", "c"}
		v.live(func(s *stage) {
			s.heard()
			if c := s.Explain("c"); c.Paused || len(c.Pending) != 0 {
				s.t.Errorf("Explain: got %v", c)
			}
		})
	})
}

// Stop ends what runs and what waits in this run of the program only.
func TestStopKeepsWhatWasNotDone(t *testing.T) {
	overLives(t, func(v *lives) {
		var first, second activation.Receipt
		v.setup = func(s *stage) {
			s.HandleFunc("x", begins(s, sleeper(time.Minute)))
			s.register(tasks.Registration{Name: "x", Trigger: never(""), Keep: tasks.Every(2)})
			s.register(tasks.Registration{Name: "once", Trigger: trigger.OneShot(trigger.Every(time.Second))})
			s.HandleFunc("once", begins(s, sleeper(time.Minute)))
			s.start()
		}
		v.liveAndStop(func(s *stage) {
			task, _ := s.Task("x")
			first, second = s.fire(task, 1), s.fire(task, 2)
			s.wait(time.Second)
			s.settle()
			s.end()
			for _, r := range []activation.Receipt{first, second} {
				if err := r.Wait(s.ctx); !errors.Is(err, activation.Terminating) {
					s.t.Errorf("Wait: got %v, want Terminating", err)
				}
			}
		})
		v.liveAndStop(func(s *stage) {
			s.wait(3 * time.Minute)
			s.heardInAnyOrder(
				"1s once act=3 attempt=2 merged=1 due=1s details=<nil>",
				"1s x act=1 attempt=2 merged=1 due=0s details=1",
				"1m1s x act=2 attempt=1 merged=1 due=0s details=2",
			)
		})
		v.live(func(s *stage) { s.heard() })
	})
}

func TestVolatileLeavesNothing(t *testing.T) {
	overLives(t, func(v *lives) {
		v.setup = func(s *stage) {
			s.HandleFunc("x", begins(s, sleeper(time.Hour)))
			s.register(tasks.Registration{Name: "x", Trigger: trigger.Every(time.Minute), Volatile: true})
			s.start()
		}
		type unknown struct{}
		v.live(func(s *stage) {
			task, _ := s.Task("x")
			s.fire(task, unknown{}) // which could not be stored
			s.wait(90 * time.Second)
		})
		if v.left() != 0 {
			v.t.Errorf("%d records are left", v.left())
		}
		v.live(func(s *stage) { s.wait(time.Second); s.heard() })
	})
}

type order struct {
	Number int
	Lines  []string
}

type owning struct{ drop func() }

func (o owning) Drop() { o.drop() }

func TestDetailsComeBackAsTheyWere(t *testing.T) {
	type known struct{ A, B int }
	plain := []any{
		true, "text", 7, int8(-1), uint64(1 << 63), 1.5,
		[]byte{0, 255},
		[]string{"a", "b"},
		map[string]string{"k": "v"},
		time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC), time.Minute,
		known{1, 2},
		&known{3, 4},
	}
	overLives(t, func(v *lives) {
		online := false
		var got []any
		v.opts = []app.Option{app.WithDetails(known{}, &known{})}
		v.setup = func(s *stage) {
			offline := []activation.Condition{condition.NewFlag("online", online)}
			s.Handle("typed", tasks.Typed(func(_ context.Context, in *tasks.Instance, o *order) error {
				s.note("order %d %v", o.Number, o.Lines)
				return nil
			}))
			s.register(tasks.Registration{Name: "typed", Trigger: never(""), Conditions: offline})
			s.HandleFunc("plain", func(_ context.Context, in *tasks.Instance) error {
				got = append(got, in.Details())
				return nil
			})
			s.register(tasks.Registration{Name: "plain", Trigger: never(""), Conditions: offline, Keep: tasks.Every(99)})
			s.register(tasks.Registration{Name: "event", Trigger: trigger.Custom("news", trigger.Always), Conditions: offline})
			s.HandleFunc("event", begins(s, nothing))
			s.start()
		}
		v.live(func(s *stage) {
			typed, _ := s.Task("typed")
			s.fire(typed, &order{7, []string{"tea", "milk"}})
			task, _ := s.Task("plain")
			for _, d := range plain {
				s.fire(task, d)
			}
			if n, err := s.Raise(s.ctx, "news", "good"); n != 1 || err != nil {
				s.t.Errorf("Raise: got %d, %v", n, err)
			}
			type unknown struct{ N int }
			for _, d := range []any{unknown{1}, order{}, make(chan int), func() {}} {
				if r, err := task.Fire(s.ctx, d); !errors.Is(err, app.ErrNotDurable) || r.Result != activation.UnknownError {
					s.t.Errorf("Fire(%T): got %v, %v, want ErrNotDurable", d, r.Result, err)
				}
			}
			dropped := 0
			if _, err := task.Fire(s.ctx, owning{func() { dropped++ }}); !errors.Is(err, app.ErrNotDurable) || dropped != 1 {
				s.t.Errorf("Fire of what owns: got %v, dropped %d times", err, dropped)
			}
		})
		online = true
		v.live(func(s *stage) {
			s.heardInAnyOrder("0s order 7 [tea milk]", "0s event act=15 attempt=1 merged=1 due=0s details=good")
		})
		if len(got) != len(plain) {
			v.t.Fatalf("got %v, want %v", got, plain)
		}
		for i := range got {
			if g, w := show(got[i]), show(plain[i]); g != w {
				v.t.Errorf("got %s, want %s", g, w)
			}
		}
	})
}

// A type that is not known anymore fails the attempt, and nothing else.
func TestDetailsOfAForgottenTypeFailTheAttempt(t *testing.T) {
	overLives(t, func(v *lives) {
		v.opts = []app.Option{app.WithDetails(order{})}
		v.setup = func(s *stage) {
			s.HandleFunc("x", sleeper(time.Hour))
			s.tell(event.Completed)
			s.register(tasks.Registration{Name: "x", Trigger: never("")})
			s.start()
		}
		v.live(func(s *stage) { task, _ := s.Task("x"); s.fire(task, order{Number: 1}) })
		v.opts = nil
		v.live(func(s *stage) {
			s.settle()
			if len(s.notes) != 1 || !strings.Contains(s.notes[0], tasks.ErrDetails.Error()) {
				s.t.Errorf("got %q, want ErrDetails", s.notes)
			}
		})
	})
}

// What cannot be read keeps the App from starting, and it can be started again.
func TestStartReturnsWhatLoadSays(t *testing.T) {
	overLives(t, func(v *lives) {
		broken := errors.New("no disk")
		var fails error
		v.opts = []app.Option{app.WithStore(&wrapped{Store: v.disk, load: func() error { return fails }})}
		v.live(func(s *stage) {
			s.register(tasks.Registration{Name: "x", Trigger: never("")})
			fails = broken
			if err := s.Start(s.ctx); !errors.Is(err, broken) {
				s.t.Errorf("Start: got %v, want the store's", err)
			}
			if err := s.Run(s.ctx); !errors.Is(err, broken) {
				s.t.Errorf("Run: got %v, want the store's", err)
			}
			fails = nil
			s.start()
		})
		v.opts = nil
		if err := v.disk.Append(t.Context(), []store.Record{{Kind: store.Put, Key: "act/1", Value: []byte(`{"V":9}`)}}); err != nil {
			t.Fatal(err)
		}
		v.live(func(s *stage) {
			if err := s.Start(s.ctx); !errors.Is(err, app.ErrRecord) {
				s.t.Errorf("Start: got %v, want ErrRecord", err)
			}
		})
	})
}

package app_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/coro"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// A lives is a program that is started again and again over one store.
type lives struct {
	t     testing.TB
	seed  uint64
	disk  *store.Memory
	now   time.Time
	opts  []app.Option
	setup func(s *stage) // what the program does at each start, before it starts the App
}

// overLives plays a story of several lives, in orders of the seeds' choice.
func overLives(t *testing.T, story func(v *lives)) {
	for seed := range uint64(8) {
		story(&lives{t: t, seed: seed, disk: new(store.Memory), now: dawn})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// live lets the program live while the story lasts; then it is killed.
func (v *lives) live(story func(s *stage)) { v.t.Helper(); v.run(story, false) }

// liveAndStop ends the life in good order.
func (v *lives) liveAndStop(story func(s *stage)) { v.t.Helper(); v.run(story, true) }

// down lets time pass between two lives, or sets the clock back if d is negative.
func (v *lives) down(d time.Duration) { v.now = v.now.Add(d) }

func (v *lives) run(story func(s *stage), stop bool) {
	v.t.Helper()
	w := coro.New(v.seed, v.now)
	opts := append([]app.Option{app.WithLogger(quiet()), app.WithClock(w), app.WithDriver(w), app.WithStore(v.disk)}, v.opts...)
	s := &stage{App: app.New(opts...), t: v.t, ctx: context.Background()}
	s.wait = func(d time.Duration) {
		p := w.NewPark()
		w.AfterFunc(d, p.Unpark)
		_ = p.Park(context.Background())
	}
	s.settle = func() { s.wait(time.Millisecond) }
	s.begin = func(f func()) *bool {
		over := false
		w.Spawn(seam.JobFunc(func() { f(); over = true }))
		return &over
	}
	err := w.Do(func() {
		if v.setup != nil {
			v.setup(s)
		}
		story(s)
		if stop {
			s.end()
		}
	})
	if err != nil {
		v.t.Error(err)
	}
	v.now = w.Now()
	sync := v.disk.Sync
	v.disk = v.disk.Crash(0) // first: what is unwound now can write nothing
	v.disk.Sync = sync
	w.Close()
}

// left is how many records the store has that are not about the whole App.
func (v *lives) left() (n int) {
	err := v.disk.Load(context.Background(), func(r store.Record) error {
		if r.Key != "app" {
			n++
		}
		return nil
	})
	if err != nil {
		v.t.Error(err)
	}
	return n
}

// begins is a handler that notes each attempt.
func begins(s *stage, then tasks.HandlerFunc) tasks.HandlerFunc {
	return func(ctx context.Context, in *tasks.Instance) error {
		s.note("%s act=%d attempt=%d merged=%d due=%s details=%v",
			in.Name(), in.Activation(), in.Attempt(), in.Merged(), in.Due().Sub(dawn), in.Details())
		return then(ctx, in)
	}
}

func TestPhaseDoesNotDriftOverARestart(t *testing.T) {
	overLives(t, func(v *lives) {
		v.setup = func(s *stage) {
			s.HandleFunc("x", begins(s, nothing))
			s.register(tasks.Registration{Name: "x", Trigger: trigger.Every(15 * time.Minute)})
			s.start()
		}
		v.live(func(s *stage) {
			s.wait(20 * time.Minute)
			s.heard("15m0s x act=1 attempt=1 merged=1 due=15m0s details=<nil>")
		})
		v.down(3 * time.Minute)
		v.live(func(s *stage) {
			s.wait(25 * time.Minute)
			s.heard(
				"30m0s x act=2 attempt=1 merged=1 due=30m0s details=<nil>",
				"45m0s x act=3 attempt=1 merged=1 due=45m0s details=<nil>",
			)
		})
	})
}

// A clock that was ahead, and is right again when the program is started again,
// stops nothing: what counts from an instant that is now in the future counts
// from as much earlier, as it does when the clock is set back while the App runs.
func TestAClockSetBackBetweenTwoLives(t *testing.T) {
	overLives(t, func(v *lives) {
		failed := errors.New("no luck")
		v.setup = func(s *stage) {
			s.HandleFunc("every", begins(s, nothing))
			s.HandleFunc("cron", begins(s, nothing))
			s.HandleFunc("retried", begins(s, func(context.Context, *tasks.Instance) error { return failed }))
			s.register(tasks.Registration{Name: "every", Trigger: trigger.Every(30 * time.Minute)})
			s.register(tasks.Registration{Name: "cron", Trigger: trigger.Cron("45 * * * *")})
			s.register(tasks.Registration{
				Name: "retried", Trigger: trigger.Every(100 * time.Hour).Immediately(),
				Retry: tasks.Retry{Attempts: 3, Backoff: 20 * time.Minute, Jitter: -1},
			})
			s.tell(event.ClockJumped)
			s.start()
		}
		v.live(func(s *stage) {
			s.heard("0s retried act=1 attempt=1 merged=1 due=0s details=<nil>")
		})
		v.down(50 * time.Hour)
		v.live(func(s *stage) {
			s.heardInAnyOrder(
				"50h0m0s every act=2 attempt=1 merged=1 due=50h0m0s details=<nil>",
				"50h0m0s cron act=3 attempt=1 merged=1 due=49h45m0s details=<nil>",
				"50h0m0s retried act=1 attempt=2 merged=1 due=0s details=<nil>",
			)
		})
		v.down(-50 * time.Hour)
		v.live(func(s *stage) {
			s.wait(65 * time.Minute)
			s.heard(
				`0s clock jumped "-49h59m59.998s"`,
				"20m0s retried act=1 attempt=3 merged=1 due=0s details=<nil>",
				"30m0s every act=4 attempt=1 merged=1 due=30m0.002s details=<nil>",
				"45m0s cron act=5 attempt=1 merged=1 due=45m0s details=<nil>",
				"1h0m0s every act=6 attempt=1 merged=1 due=1h0m0.002s details=<nil>",
			)
		})
	})
}

func TestMissedDueTimesOfARestart(t *testing.T) {
	for _, tt := range []struct {
		name   string
		missed tasks.Missed
		want   []string
	}{
		{"once", tasks.MissedOnce, []string{
			"35m0s x missed n=2", "35m0s x act=1 attempt=1 merged=1 due=30m0s details=<nil>",
		}},
		{"skip", tasks.MissedSkip, []string{"35m0s x missed n=3"}},
		{"all", tasks.MissedAll(2), []string{
			"35m0s x missed n=1", "35m0s x act=1 attempt=1 merged=1 due=20m0s details=<nil>",
			"35m0s x act=2 attempt=1 merged=1 due=30m0s details=<nil>",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			overLives(t, func(v *lives) {
				v.setup = func(s *stage) {
					s.HandleFunc("x", begins(s, nothing))
					s.register(tasks.Registration{
						Name: "x", Trigger: trigger.Every(10 * time.Minute), Missed: tt.missed, Keep: tasks.Every(9),
					})
					s.tell(event.Missed)
					s.start()
				}
				v.live((*stage).settle0)
				v.down(35*time.Minute - time.Millisecond)
				v.live(func(s *stage) { s.heardInAnyOrder(tt.want...) })
			})
		})
	}
}

// settle0 is settle as a story of its own.
func (s *stage) settle0() { s.settle() }

// heardInAnyOrder is heard for what has no order.
func (s *stage) heardInAnyOrder(want ...string) {
	s.t.Helper()
	s.settle()
	s.mu.Lock()
	slices.Sort(s.notes)
	s.mu.Unlock()
	slices.Sort(want)
	s.heard(want...)
}

func TestPendingSurvivesWithItsCountAndDetails(t *testing.T) {
	overLives(t, func(v *lives) {
		var online *condition.Flag
		v.setup = func(s *stage) {
			online = condition.NewFlag("online", false)
			s.HandleFunc("x", begins(s, nothing))
			s.register(tasks.Registration{Name: "x", Trigger: never(""), Conditions: []activation.Condition{online}})
			s.tell(event.Restored)
			s.start()
		}
		v.live(func(s *stage) {
			task, _ := s.Task("x")
			for _, details := range []string{"a", "b", "c"} {
				s.fire(task, details)
			}
		})
		v.down(time.Hour)
		v.live(func(s *stage) {
			s.heard(`1h0m0s x restored act=1 n=3`)
			task, _ := s.Task("x")
			if x := task.Explain(); len(x.Pending) != 1 || x.Pending[0].For != event.ForCondition || x.At.Sub(x.Pending[0].Since) < time.Hour {
				s.t.Errorf("Explain: got %v", x)
			}
			s.fire(task, "d")
			online.Set(true)
			s.heard("1h0m0s x act=1 attempt=1 merged=4 due=1h0m0.001s details=d")
		})
		v.live(func(s *stage) { s.heard() }) // it is over
	})
}

func TestRunningAtTheEndIsRunAgain(t *testing.T) {
	overLives(t, func(v *lives) {
		v.setup = func(s *stage) {
			s.HandleFunc("x", begins(s, sleeper(time.Minute)))
			s.register(tasks.Registration{Name: "x", Trigger: never("")})
			s.tell(event.Restored, event.Completed)
			s.start()
		}
		v.live(func(s *stage) {
			task, _ := s.Task("x")
			s.fire(task, 42)
			s.heard("0s x act=1 attempt=1 merged=1 due=0s details=42")
		})
		for n := range 2 { // no failure: it is not in Retry's way
			v.live(func(s *stage) {
				s.heardInAnyOrder(
					`0s x restored act=1 `+[]string{"", "attempt=2 "}[n]+`n=1 err="tasks: the process ended during the attempt"`,
					`0s x act=1 attempt=`+[]string{"2", "3"}[n]+` merged=1 due=0s details=42`,
				)
				if n == 1 {
					s.wait(2 * time.Minute)
					s.heard("1m0s x completed act=1 inst=3 attempt=3 n=1")
				}
			})
		}
		v.live(func(s *stage) { s.heard() })
	})
}

func TestRetryGoesOnAfterARestart(t *testing.T) {
	overLives(t, func(v *lives) {
		v.setup = func(s *stage) {
			s.HandleFunc("x", begins(s, func(context.Context, *tasks.Instance) error { return errors.New("no") }))
			s.register(tasks.Registration{
				Name: "x", Trigger: never(""), Retry: tasks.Retry{Attempts: 3, Backoff: 10 * time.Minute, Jitter: -1},
			})
			s.tell(event.Completed)
			s.start()
		}
		v.live(func(s *stage) {
			task, _ := s.Task("x")
			s.fire(task, nil)
			s.heard("0s x act=1 attempt=1 merged=1 due=0s details=<nil>")
			s.wait(time.Minute)
		})
		v.live(func(s *stage) {
			task, _ := s.Task("x")
			if x := task.Explain(); len(x.Pending) != 1 || x.Pending[0].For != event.ForRetry || x.Pending[0].Failures != 1 || x.Pending[0].Err == nil {
				s.t.Errorf("Explain: got %v", x)
			}
			s.wait(10 * time.Minute)
			s.heard("10m0s x act=1 attempt=2 merged=1 due=0s details=<nil>")
		})
		v.down(time.Hour) // its time has come meanwhile
		v.live(func(s *stage) {
			s.heardInAnyOrder(
				"1h11m0s x act=1 attempt=3 merged=1 due=0s details=<nil>",
				`1h11m0s x completed act=1 inst=3 attempt=3 n=1 err="no"`,
			)
		})
		if v.left() != 1 {
			v.t.Errorf("%d records are left, want that of the task", v.left())
		}
	})
}

// A wrapped is a store with something before its methods.
type wrapped struct {
	store.Store
	load   func() error
	append func([]store.Record) error
}

func (w *wrapped) Load(ctx context.Context, f func(store.Record) error) error {
	if w.load != nil {
		if err := w.load(); err != nil {
			return err
		}
	}
	return w.Store.Load(ctx, f)
}

func (w *wrapped) Append(ctx context.Context, records []store.Record) error {
	if w.append != nil {
		if err := w.append(records); err != nil {
			return err
		}
	}
	return w.Store.Append(ctx, records)
}

func show(v any) string { return fmt.Sprintf("%T %+v", v, reflect.Indirect(reflect.ValueOf(v))) }

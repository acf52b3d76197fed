package activationtest_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// An owner is details that own something.
type owner struct{ drops *atomic.Int64 }

// Drop counts.
func (o owner) Drop() { o.drops.Add(1) }

// A version is the memory of one registration.
type version struct {
	mu   sync.Mutex // guards the following
	text string
}

func (v *version) Last() (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.text, nil
}

func (v *version) Set(text string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.text = text
	return nil
}

// The triggers that come with the module keep their promises.
func TestTriggers(t *testing.T) {
	var (
		a     *app.App
		made  atomic.Int64
		drops atomic.Int64
		c     chan owner
		pull  *trigger.Application[owner]
		other *app.Task
	)
	setup := func(_ testing.TB, b *app.App) { a = b }
	raise := func(testing.TB) { _, _ = a.Raise(context.Background(), "e", 7) }
	own := func() owner { made.Add(1); return owner{&drops} }
	owned := func() (int, int) { return int(made.Load()), int(drops.Load()) }
	nothing := func(testing.TB) {}
	timed := func(tr activation.Trigger, passes time.Duration) activationtest.Source {
		return activationtest.Source{New: func(testing.TB) activation.Trigger { return tr }, Provoke: nothing, Passes: passes}
	}
	once := func(s activationtest.Source) activationtest.Source { s.Once = true; return s }
	for name, s := range map[string]activationtest.Source{
		"every":            timed(trigger.Every(time.Minute), time.Minute),
		"cron":             timed(trigger.Cron("*/5 * * * *"), time.Minute),
		"daily":            timed(trigger.Daily("02:30"), 7*time.Hour),
		"after":            once(timed(trigger.After(time.Minute), time.Minute)),
		"at":               once(timed(trigger.At(time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC)), time.Minute)),
		"window":           timed(trigger.Window(trigger.Every(time.Hour), time.Minute), time.Hour),
		"weekly":           timed(trigger.Weekly(time.Monday, "02:30"), 24*time.Hour),
		"monthly":          timed(trigger.Monthly(trigger.LastDay(), "02:30"), 24*time.Hour),
		"one shot":         once(timed(trigger.OneShot(trigger.Every(time.Minute)), time.Minute)),
		"any":              timed(trigger.Any(trigger.Every(time.Minute), trigger.Every(time.Hour)), time.Minute),
		"limit":            timed(trigger.Limit(trigger.Every(time.Minute), 1_000), time.Minute),
		"between":          timed(trigger.Between(trigger.Every(time.Minute), time.Time{}, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)), time.Minute),
		"except":           timed(trigger.Except(trigger.Every(time.Minute), trigger.Dates(time.UTC)), time.Minute),
		"throttled":        timed(trigger.Throttle(trigger.Every(time.Minute), time.Minute), time.Minute),
		"offset":           timed(trigger.Offset(trigger.Every(time.Minute), time.Second), time.Minute),
		"jitter":           timed(trigger.Jitter(trigger.Every(time.Minute), time.Second), time.Minute),
		"after completion": timed(trigger.Any(trigger.AfterCompletion(time.Minute), trigger.Every(time.Hour)), time.Minute),
		"servicing complete": once(activationtest.Source{
			New: func(testing.TB) activation.Trigger {
				return trigger.ServicingComplete("2", &version{text: "1"})
			},
			Provoke: nothing,
			Check: func(t testing.TB, details any) {
				if details != (trigger.Update{From: "1", To: "2"}) {
					t.Errorf("details: got %v, want an update from 1 to 2", details)
				}
			},
		}),
		"custom": {
			New:   func(testing.TB) activation.Trigger { return trigger.Custom("e", trigger.Always) },
			Setup: setup, Provoke: raise,
		},
		"debounced": {
			New: func(testing.TB) activation.Trigger {
				return trigger.Debounce(trigger.Custom("e", trigger.Always), time.Second)
			},
			Setup: setup, Provoke: raise, Passes: 100 * time.Millisecond,
		},
		"completion": {
			New: func(testing.TB) activation.Trigger { return trigger.Completion("other", trigger.OnAny) },
			Setup: func(t testing.TB, a *app.App) {
				a.HandleFunc("other", func(context.Context, *tasks.Instance) error { return nil })
				var err error
				if other, err = a.Register(tasks.Registration{Name: "other", Trigger: trigger.Custom("none", trigger.Once)}); err != nil {
					t.Fatal(err)
				}
			},
			Provoke: func(testing.TB) { _, _ = other.Fire(context.Background(), nil) },
		},
		"application": {
			New:     func(testing.TB) activation.Trigger { pull = trigger.NewApplication[owner](); return pull },
			Provoke: func(testing.TB) { _, _ = pull.Request(context.Background(), own()) },
			Owned:   owned,
		},
		"chan": {
			New:      func(testing.TB) activation.Trigger { c = make(chan owner, 1000); return trigger.Chan(c) },
			Provoke:  func(testing.TB) { c <- owner{new(atomic.Int64)} },
			Lossless: true,
			Check: func(t testing.TB, details any) {
				if _, ok := details.(owner); !ok {
					t.Errorf("details: got %T, want an owner", details)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) { activationtest.Trigger(t, s) })
	}
}

// A wall is a condition by a clock on the wall that the test sets.
type wall struct {
	activation.Condition
	shows *atomic.Pointer[time.Time]
}

func (w wall) Arm(tell func(bool), p activation.Port) error {
	return w.Condition.Arm(tell, wallPort{p, w.shows})
}

type wallPort struct {
	activation.Port
	shows *atomic.Pointer[time.Time]
}

func (p wallPort) Now() time.Time { return *p.shows.Load() }

// The conditions that come with the module keep their promises.
func TestConditions(t *testing.T) {
	var flag *condition.Flag
	var holds atomic.Bool
	plain := activationtest.State{
		New: func(testing.TB) activation.Condition { flag = condition.NewFlag("f", false); return flag },
		Set: func(_ testing.TB, on bool) { flag.Set(on) },
	}
	of := func(f func(activation.Condition) activation.Condition) activationtest.State {
		s := plain
		s.New = func(t testing.TB) activation.Condition { return f(plain.New(t)) }
		return s
	}
	not := of(condition.Not)
	not.Set = func(_ testing.TB, on bool) { flag.Set(!on) }
	held := of(func(c activation.Condition) activation.Condition { return condition.HeldFor(c, time.Second) })
	held.Passes = time.Second
	var budget *condition.Budget
	var shows atomic.Pointer[time.Time]
	show := func(hour int) {
		t := time.Date(2001, 2, 3, hour, 0, 0, 0, time.UTC)
		shows.Store(&t)
	}
	show(0)
	sick := errors.New("sick")
	for name, s := range map[string]activationtest.State{
		"probe": {
			New: func(testing.TB) activation.Condition {
				return condition.Probe{Name: "p", Every: time.Second, Check: func(context.Context) error {
					if holds.Load() {
						return nil
					}
					return sick
				}}
			},
			Set:    func(_ testing.TB, on bool) { holds.Store(on) },
			Passes: time.Second,
		},
		"budget": {
			New: func(testing.TB) activation.Condition {
				budget = condition.NewBudget("b", 10, 1000*time.Hour)
				return budget
			},
			Set: func(_ testing.TB, on bool) {
				budget.Take(budget.Left())
				if on {
					budget.Take(-10)
				}
			},
		},
		"time window": {
			New: func(testing.TB) activation.Condition {
				return wall{condition.TimeWindow("08:00", "20:00", time.UTC), &shows}
			},
			Set: func(_ testing.TB, on bool) {
				if show(0); on {
					show(12)
				}
			},
			Passes: 10 * time.Minute,
		},
		"quiet hours": {
			New: func(testing.TB) activation.Condition {
				return wall{condition.QuietHours("08:00", "20:00", time.UTC), &shows}
			},
			Set: func(_ testing.TB, on bool) {
				if show(12); on {
					show(0)
				}
			},
			Passes: 10 * time.Minute,
		},
		"flag": plain,
		"not":  not,
		"all": of(func(c activation.Condition) activation.Condition {
			return condition.All(c, condition.NewFlag("t", true))
		}),
		"any": of(func(c activation.Condition) activation.Condition {
			return condition.Any(c, condition.NewFlag("f", false))
		}),
		"held for": held,
		"func": {
			New: func(testing.TB) activation.Condition {
				return condition.Func("f", func(context.Context) bool { return holds.Load() }, time.Second)
			},
			Set:    func(_ testing.TB, on bool) { holds.Store(on) },
			Passes: time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) { activationtest.Condition(t, s) })
	}
}

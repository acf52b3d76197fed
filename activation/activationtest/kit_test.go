package activationtest_test

import (
	"context"
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
		"after completion": timed(trigger.Any(trigger.AfterCompletion(time.Minute), trigger.Every(time.Hour)), time.Minute),
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
	for name, s := range map[string]activationtest.State{
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

package sim_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// An impatient store keeps of the activations only those that run.
type impatient struct{ store.Store }

func (i impatient) Append(ctx context.Context, records []store.Record) error {
	return i.Store.Append(ctx, slices.DeleteFunc(slices.Clone(records), func(r store.Record) bool {
		return strings.HasPrefix(r.Key, "act/") && r.Kind == store.Put && !bytes.Contains(r.Value, []byte(`"Running":true`))
	}))
}

// latched is a task whose condition never holds, beside one that runs.
func latched(wrap func(store.Store) store.Store) func(*sim.S) {
	return func(s *sim.S) {
		s.App(func(env sim.Env) *app.App {
			a := app.New(append(env.Options(), app.WithStore(wrap(env.Store)))...)
			a.HandleFunc("latched", sleeper(time.Minute))
			a.HandleFunc("runs", sleeper(time.Minute))
			never := []activation.Condition{condition.NewFlag("never", false)}
			must(a.Register(tasks.Registration{Name: "latched", Trigger: trigger.Every(7 * time.Minute), Conditions: never}))
			must(a.Register(tasks.Registration{Name: "runs", Trigger: trigger.Every(5 * time.Minute)}))
			return a
		})
		s.RunFor(5 * time.Hour)
	}
}

var kills = sim.WithFaults(sim.Faults{Kill: 0.02, Aim: 0.05})

// What waited when the process was killed must be there again, too, if it was
// accepted for good.
func TestWhatWaitedIsNotLostByAKill(t *testing.T) {
	failed, text := verdict(t, func(tb testing.TB) {
		sim.Test(tb, latched(func(s store.Store) store.Store { return impatient{s} }), kills)
	})
	if !failed {
		t.Fatal("the hunt found nothing")
	}
	says(t, text, `"durability" broke at step`, "of latched waited when the process was killed, and is lost")
	sim.Test(t, latched(func(s store.Store) store.Store { return s }), kills, sim.Seeds(50/slower))
}

// What the program does not ask for anymore is not lost: a task that it does not
// register again stays in the store, and one that it unregistered is forgotten.
func TestWhatIsNotAskedForIsNotLost(t *testing.T) {
	r := tasks.Registration{Name: "t", Trigger: trigger.Every(30 * time.Minute).Immediately()}
	sim.Test(t, func(s *sim.S) {
		p := s.App(func(env sim.Env) *app.App {
			a := app.New(append(env.Options(), app.WithStore(env.Store))...)
			a.HandleFunc("t", sleeper(time.Hour))
			return a
		})
		must(p.App().Register(r))
		s.RunFor(5 * time.Hour)
	}, kills, sim.Seeds(50/slower))
	sim.Test(t, func(s *sim.S) {
		p := s.App(func(env sim.Env) *app.App {
			a := app.New(append(env.Options(), app.WithStore(env.Store))...)
			a.HandleFunc("t", sleeper(time.Hour))
			must(a.Register(r))
			return a
		})
		s.RunFor(10 * time.Minute)
		p.App().Unregister("t", false) // which runs on
		s.RunFor(5 * time.Hour)
	}, kills, sim.Seeds(50/slower))
}

// A limit and a grace may be longer than time goes.
func TestLimitsForEver(t *testing.T) {
	sim.Test(t, func(s *sim.S) {
		s.App(func(env sim.Env) *app.App {
			a, n := app.New(env.Options()...), 0
			a.HandleFunc("t", func(_ context.Context, in *tasks.Instance) error {
				_ = in.Sleep(3 * time.Minute)
				if n++; n%3 > 0 {
					return nil
				}
				_, err := in.Deferral("for ever")
				return errors.Join(err, errors.New("which holds the slot"))
			})
			must(a.Register(tasks.Registration{
				Name: "t", Trigger: trigger.Every(time.Minute), Overlap: tasks.Replace,
				TimeLimit: math.MaxInt64, Grace: math.MaxInt64,
			}))
			return a
		})
		s.RunFor(5 * time.Hour)
	})
}

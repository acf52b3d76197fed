package sim_test

import (
	"context"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/tasks"
)

// The oracles go by the terms that Apply puts a task on.
func TestOraclesFollowApply(t *testing.T) {
	for name, change := range map[string]func(r *tasks.Registration){
		"trigger":   func(r *tasks.Registration) { r.Trigger = trigger.Every(7 * time.Minute) },
		"condition": func(r *tasks.Registration) { r.Conditions[0] = condition.NewFlag("on line", true) },
		"limit":     func(r *tasks.Registration) { r.TimeLimit = 40 * time.Minute },
		"grace":     func(r *tasks.Registration) { r.Grace = 40 * time.Minute },
		"overlap":   func(r *tasks.Registration) { r.Overlap = tasks.Parallel(0) },
		"missed":    func(r *tasks.Registration) { r.Missed = tasks.MissedAll(100) },
		"loop":      func(r *tasks.Registration) { r.OnLoop = true },
		"abandon":   func(r *tasks.Registration) { r.OnAbandon = tasks.HoldSlot },
		"volatile":  func(r *tasks.Registration) { r.Volatile = true },
	} {
		t.Run(name, func(t *testing.T) {
			faults := sim.Usual()
			sim.Test(t, applied(change, false), sim.WithFaults(faults), sim.Seeds(max(2, 40/slower)))
			faults.Kill = 0.005
			sim.Test(t, applied(change, true), sim.WithFaults(faults), sim.Seeds(max(2, 40/slower)))
		})
	}
}

// applied is a task that Apply puts on other terms, and back.
func applied(change func(*tasks.Registration), durable bool) func(*sim.S) {
	terms := func() tasks.Registration {
		return tasks.Registration{
			Name: "t", Trigger: trigger.Every(5 * time.Minute), TimeLimit: 10 * time.Minute, Grace: time.Minute,
			Conditions: []activation.Condition{condition.NewFlag("online", true)},
		}
	}
	return func(s *sim.S) {
		p := s.App(func(env sim.Env) *app.App {
			opts := env.Options()
			if durable {
				opts = append(opts, app.WithStore(env.Store))
			}
			a := app.New(opts...)
			a.HandleFunc("t", func(_ context.Context, in *tasks.Instance) error {
				return in.Sleep(s.Between("work", time.Second, 30*time.Minute))
			})
			must(a.Register(terms()))
			return a
		})
		s.Every("operator", 33*time.Minute, func() {
			r := terms()
			if s.Choose("other terms", 2) == 1 {
				change(&r)
			}
			_, _ = p.App().Apply([]tasks.Registration{r}) // of a process that is killed, it is refused
		})
		s.RunFor(5 * time.Hour)
	}
}

// What Apply finds to be the same is the same in a simulation.
func TestApplyLeavesAloneWhatIsTheSame(t *testing.T) {
	sim.Test(t, func(s *sim.S) {
		r := tasks.Registration{Name: "t", Trigger: trigger.Every(time.Hour), Conditions: []activation.Condition{condition.NewFlag("online", true)}}
		p := s.App(func(env sim.Env) *app.App {
			a := app.New(env.Options()...)
			a.HandleFunc("t", sleeper(time.Minute))
			must(a.Register(r))
			return a
		})
		if plan, err := p.App().Plan([]tasks.Registration{r}); err != nil || plan.Changes() {
			s.Fatalf("got %v, %v, want no change", plan, err)
		}
		r.Priority = 1
		if plan, err := p.App().Apply([]tasks.Registration{r}); err != nil || plan.String() != "~ t: priority 0 -> 1" {
			s.Fatalf("got %v, %v", plan, err)
		}
	}, sim.Seeds(1))
}

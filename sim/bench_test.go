package sim_test

import (
	"context"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/tasks"
)

// BenchmarkYear is a year of a task that is due every 15 minutes and sleeps,
// under all oracles.
func BenchmarkYear(b *testing.B) {
	runs := 0
	for b.Loop() {
		sim.Test(b, func(s *sim.S) {
			s.App(func(env sim.Env) *app.App {
				return service(env, func(_ context.Context, in *tasks.Instance) error {
					runs++
					return in.Sleep(time.Second)
				})
			})
			s.RunFor(365 * 24 * time.Hour)
		}, sim.Seeds(1), sim.Twice(0), calm)
	}
	if runs != 35_039*b.N { // the last one is due as it ends
		b.Errorf("runs: got %d, want %d", runs, 35_039*b.N)
	}
}

// BenchmarkSteps is the cost of one step of a service of 20 tasks with handlers
// that sleep ten times each, under all oracles and an invariant.
func BenchmarkSteps(b *testing.B) {
	steps := uint64(0)
	for b.Loop() {
		sim.Test(b, func(s *sim.S) {
			running := 0
			s.App(func(env sim.Env) *app.App {
				a := app.New(env.Options()...)
				for i := range 20 {
					name := string(rune('a' + i))
					a.HandleFunc(name, func(_ context.Context, in *tasks.Instance) error {
						running++
						defer func() { running-- }()
						for range 10 {
							if err := in.Sleep(3 * time.Second); err != nil {
								return err
							}
						}
						return nil
					})
					must(a.Register(tasks.Registration{Name: name, Trigger: trigger.Every(time.Minute)}))
				}
				return a
			})
			s.Invariant("not more than tasks", func() error {
				if running > 20 {
					s.Fatalf("%d run", running)
				}
				return nil
			})
			s.RunFor(6 * time.Hour)
			steps += s.Steps()
		}, sim.Seeds(1), sim.Twice(0), calm)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(steps), "ns/step")
	b.ReportMetric(float64(steps)/b.Elapsed().Seconds()/1e6, "Msteps/s")
}

// BenchmarkSeeds is the cost of one life of 1,000 activations: ten tasks, 100
// times each, with handlers that sleep, under all oracles, with faults or
// without.
func BenchmarkSeeds(b *testing.B) {
	scenario := func(s *sim.S) {
		s.App(func(env sim.Env) *app.App {
			a := app.New(env.Options()...)
			for i := range 10 {
				name := string(rune('a' + i))
				a.HandleFunc(name, sleeper(time.Minute))
				must(a.Register(tasks.Registration{Name: name, Trigger: trigger.Every(15 * time.Minute), TimeLimit: 10 * time.Minute}))
			}
			return a
		})
		s.RunFor(25*time.Hour + time.Minute)
	}
	for _, bb := range []struct {
		name   string
		faults sim.Faults
	}{{"calm", sim.Faults{}}, {"usual", sim.Usual()}} {
		b.Run(bb.name, func(b *testing.B) {
			sim.Test(b, scenario, sim.Seeds(b.N), sim.Twice(0), sim.WithFaults(bb.faults))
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "seeds/s")
		})
	}
}

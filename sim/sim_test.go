package sim_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/tasks"
)

// service builds an App with one task that syncs four times an hour.
func service(env sim.Env, handler tasks.HandlerFunc) *app.App {
	a := app.New(env.Options()...)
	a.HandleFunc("sync", handler)
	_, err := a.Register(tasks.Registration{Name: "sync", Trigger: trigger.Every(15 * time.Minute)})
	if err != nil {
		panic(err)
	}
	return a
}

func TestADayOfSyncs(t *testing.T) {
	sim.Test(t, func(s *sim.S) {
		running, runs := 0, 0
		s.App(func(env sim.Env) *app.App {
			return service(env, func(_ context.Context, in *tasks.Instance) error {
				running++
				defer func() { running--; runs++ }()
				return in.Sleep(s.Between("work", time.Second, 20*time.Minute))
			})
		})
		s.Invariant("one at a time", func() error {
			if running > 1 {
				return errors.New("two run at once")
			}
			return nil
		})
		s.Eventually("some ran", time.Hour, func() bool { return runs > 10 })
		s.RunFor(24 * time.Hour)
	})
}

package sim_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/tasks"
)

// calm is a life without faults.
var calm = sim.WithFaults(sim.Faults{})

func TestSimADayOfSyncs(t *testing.T) {
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
	}, calm)
}

// clashing is a service with a bug: a call from outside may come while a sync
// runs.
func clashing(s *sim.S) {
	running := 0
	busy := func(what string) tasks.HandlerFunc {
		return func(_ context.Context, in *tasks.Instance) error {
			running++
			defer func() { running-- }()
			return in.Sleep(s.Between(what, time.Second, 20*time.Minute))
		}
	}
	var call *app.Task
	s.App(func(env sim.Env) *app.App {
		a := service(env, busy("work"))
		a.HandleFunc("call", busy("talk"))
		call = must(a.Register(tasks.Registration{Name: "call", Trigger: never("by hand")}))
		return a
	})
	s.Every("caller", time.Hour, func() {
		if s.Chance("call", 0.2) {
			s.Event("called")
			_, _ = call.Fire(context.Background(), nil)
		}
	})
	s.Invariant("one at a time", func() error {
		if running > 1 {
			return errors.New("two at once")
		}
		return nil
	})
	s.RunFor(24 * time.Hour)
}

func TestAFailureIsShrunkAndToldWithTheLineThatLivesItAgain(t *testing.T) {
	failed, text := verdict(t, func(t testing.TB) { sim.Test(t, clashing, calm) })
	if !failed {
		t.Fatal("the hunt found nothing")
	}
	says(t, text, "TestService/sync: -sim.seed=0x", `"one at a time" broke at step`, "two at once",
		"decisions shrunk to", "called", `"one at a time" broke`,
		"reproduce: go test -run '^TestService$/^sync$' -sim.replay=v1.")

	plan := planOf(t, text)
	if failed, again := verdict(t, func(t testing.TB) { sim.Replay(t, clashing, plan, calm) }); !failed {
		t.Errorf("the replay does not fail: %s", again)
	} else {
		says(t, again, plan, `"one at a time" broke`, "called")
	}
	if len(plan) > 60 {
		t.Errorf("plan: got %d characters, want a short one: %s", len(plan), plan)
	}
}

// The lowest seed that fails is what a hunt finds, however many hunt side by
// side.
func TestAHuntFindsTheSameEachTime(t *testing.T) {
	_, first := verdict(t, func(t testing.TB) { sim.Test(t, clashing, calm) })
	for range 5 {
		if _, again := verdict(t, func(t testing.TB) { sim.Test(t, clashing, calm) }); again != first {
			t.Fatalf("got\n%s\nand then\n%s", first, again)
		}
	}
}

func TestEventually(t *testing.T) {
	failed, text := verdict(t, func(t testing.TB) {
		sim.Test(t, func(s *sim.S) {
			at := s.Now().Add(2 * time.Hour)
			s.Eventually("soon", 90*time.Minute, func() bool { return s.Now().After(at) })
			s.App(func(env sim.Env) *app.App { return service(env, sleeper(time.Second)) })
			s.RunFor(time.Second)
		}, calm, sim.Seeds(1))
	})
	if !failed {
		t.Error("a promise that is not kept does not fail the test")
	}
	says(t, text, `"soon" broke`, "2026-01-01 01:30:01", "not so within 1h30m0s")
}

func TestActorsWaitForWhatHandlersDo(t *testing.T) {
	sim.Test(t, func(s *sim.S) {
		var g *deferral.Group
		runs, woken := 0, 0
		s.App(func(env sim.Env) *app.App {
			return service(env, func(_ context.Context, in *tasks.Instance) error {
				g = deferral.New(nil)
				d := must(g.Take("upload"))
				g.Returned()
				defer d.Complete()
				runs++
				return in.Sleep(time.Minute)
			})
		})
		for range 3 {
			s.Go("waits", func(a *sim.Actor) {
				a.Until(func() bool { return runs == 2 })
				a.Wait(g)
				if at := s.Now().Sub(s.Start()); at != 31*time.Minute {
					s.Fatalf("woken at %v", at)
				}
				woken++
			})
		}
		s.RunFor(time.Hour)
		if woken != 3 {
			s.Fatalf("%d woken, want 3", woken)
		}
	}, calm, sim.Seeds(10))
}

func TestSometimes(t *testing.T) {
	scenario := func(s *sim.S) {
		s.Sometimes("always", true)
		s.Sometimes("now and then", s.Chance("x", 0.2))
		s.Sometimes("a miracle", false)
	}
	failed, text := verdict(t, func(t testing.TB) { sim.Test(t, scenario) })
	if !failed {
		t.Error("a hunt in which nothing happened did not fail")
	}
	says(t, text, "never once in 100 lives: a miracle\n", "100 lives")
}

// Whatever decides beside the simulation is found by living a seed twice.
func TestLivesThatDifferAreFound(t *testing.T) {
	var lives atomic.Int64 // which -sim.seeds may have side by side
	failed, text := verdict(t, func(t testing.TB) {
		sim.Test(t, func(s *sim.S) {
			n := lives.Add(1)
			s.RunFor(time.Hour)
			if n > 1 {
				s.RunFor(time.Duration(n) * time.Minute)
			}
		}, calm, sim.Seeds(1))
	})
	if !failed {
		t.Error("two lives of one seed differed, and the test did not fail")
	}
	says(t, text, "two lives of one seed differ from step 4", "1h3m", "map's order")
}

func TestWhatElseGoesWrong(t *testing.T) {
	for _, tt := range []struct {
		name     string
		scenario func(*sim.S)
		want     string
	}{
		{"panic", func(*sim.S) { panic("ouch") }, `"panic" broke at step 1 (2026-01-01 00:00:00): coro: strand 1: panic: ouch`},
		{"panic of an actor", func(s *sim.S) { s.Go("bob", func(*sim.Actor) { panic("ouch") }); s.RunFor(1) }, `"panic" broke`},
		{"fatal", func(s *sim.S) { s.Fatalf("no %s", "luck") }, `"scenario" broke at step 1 (2026-01-01 00:00:00): no luck`},
		{"end of an actor", func(s *sim.S) { s.Go("bob", func(*sim.Actor) { runtime.Goexit() }); s.RunFor(1) }, `"scenario" broke at step 2 (2026-01-01 00:00:00): the actor bob: it ended by runtime.Goexit`},
		{"end of an invariant", func(s *sim.S) { s.Invariant("i", func() error { runtime.Goexit(); return nil }); s.RunFor(1) }, `-sim.seed=0x0: what is asked after each step ended by runtime.Goexit`},
		{"deadlock", waitForNothing, `"deadlock" broke`},
		{"no interval", func(s *sim.S) { s.Every("storm", 0, func() {}) }, `sim: Every "storm": interval is not positive: 0s`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			failed, text := verdict(t, func(t testing.TB) { sim.Test(t, tt.scenario, sim.Seeds(1), calm) })
			if !failed {
				t.Error("it did not fail the test")
			}
			says(t, text, tt.want)
		})
	}
}

func TestExhaust(t *testing.T) {
	scope := sim.Exhaust(t, func(s *sim.S) {
		if s.Choose("a", 3) > 0 {
			s.Choose("b", 4)
		}
	})
	if want := (sim.Scope{Executions: 9, Depth: 2}); scope != want {
		t.Errorf("scope: got %+v, want %+v", scope, want)
	}
	failed, text := verdict(t, func(t testing.TB) {
		sim.Exhaust(t, func(s *sim.S) {
			if a, b := s.Choose("a", 5), s.Choose("b", 7); a == 3 && b == 5 {
				s.Fatalf("three and five")
			}
		})
	})
	if !failed {
		t.Error("the one way that fails was not found")
	}
	says(t, text, "execution 27:", "three and five", "2 decisions shrunk to 2", "-sim.replay=v1.")
}

package sim_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/tasks"
)

// stuckHandler blocks on what is none of the simulation's.
func stuckHandler(gate chan struct{}) { <-gate }

func TestAStrandThatBlocksIsNamedWithItsStack(t *testing.T) {
	gate := make(chan struct{})
	defer close(gate)
	failed, text, patience := false, "", 200*time.Millisecond
	for !strings.Contains(text, "stuckHandler") && patience < time.Minute {
		patience *= 2 // a machine that stands still for so long does not come as far
		failed, text = verdict(t, func(t testing.TB) {
			sim.Test(t, func(s *sim.S) {
				s.App(func(env sim.Env) *app.App {
					return service(env, func(context.Context, *tasks.Instance) error { stuckHandler(gate); return nil })
				})
				s.RunFor(time.Hour)
			}, calm, sim.Seeds(3), sim.Patience(patience))
		})
	}
	if !failed {
		t.Error("a handler that blocks did not fail the test")
	}
	says(t, text, fmt.Sprintf("no step within %v of real time", patience), "chan receive", "stuckHandler")
}

// After a life no goroutine is left, however it ended.
func TestNoGoroutineIsLeft(t *testing.T) {
	var once sync.WaitGroup
	once.Go(func() {})
	once.Wait()
	before := runtime.NumGoroutine()
	for _, scenario := range []func(*sim.S){
		busy, clashing, waitForNothing,
		func(*sim.S) { panic("ouch") },
		func(*sim.S) { runtime.Goexit() },
		func(s *sim.S) { s.Go("one", func(*sim.Actor) { runtime.Goexit() }); s.RunFor(time.Second) },
		func(s *sim.S) {
			s.App(func(env sim.Env) *app.App {
				return service(env, func(context.Context, *tasks.Instance) error { s.Fatalf("in a handler"); return nil })
			})
			s.RunFor(time.Hour)
		},
	} {
		verdict(t, func(t testing.TB) { sim.Test(t, scenario, sim.Seeds(3)) })
	}
	for late := time.Now().Add(10 * time.Second); time.Now().Before(late); runtime.Gosched() { // those that have ended may still be leaving
		if runtime.NumGoroutine() <= before {
			return
		}
	}
	buf := make([]byte, 1<<20)
	t.Errorf("goroutines: got %d, had %d\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}

// A handler's t.FailNow ends the handler, not the simulation's goroutine.
func TestGoexitOfAHandlerIsItsError(t *testing.T) {
	_, text := verdict(t, func(t testing.TB) {
		sim.Test(t, func(s *sim.S) {
			s.App(func(env sim.Env) *app.App {
				return service(env, func(context.Context, *tasks.Instance) error { runtime.Goexit(); return nil })
			})
			s.RunFor(time.Hour)
		}, calm, sim.Seeds(1))
	})
	says(t, text, `"panics" broke`, "the handler of sync", "Goexit")
	if strings.Contains(text, "goroutine 1 [") {
		t.Error("the whole test was ended")
	}
}

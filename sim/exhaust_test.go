package sim_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/tasks"
)

// TestExhaust_EveryScope goes through whatever may happen to one task within an
// instant, by three events, for whatever Keep and Overlap it has. Where
// BGLOOP_SEEDS is set it is by five, or by four if two may run at once. The
// oracles watch; a cancel reaches all, and nothing is left.
func TestExhaust_EveryScope(t *testing.T) {
	for _, keep := range []tasks.Keep{tasks.Newest, tasks.Oldest, tasks.Every(2)} {
		for _, overlap := range []tasks.Overlap{tasks.Wait, tasks.Skip, tasks.Replace, tasks.Parallel(2)} {
			t.Run(keep.String()+" "+overlap.String(), func(t *testing.T) {
				events := 3
				if os.Getenv("BGLOOP_SEEDS") != "" {
					events = 6 - max(1, overlap.Slots())
				}
				seen, all := map[string]bool{}, 1
				for range events {
					all *= len(happenings)
				}
				begun := clock.System().Now()
				sim.Exhaust(t, instant(events, tasks.Registration{Keep: keep, Overlap: overlap}, seen))
				t.Logf("%d events, in %v", events, clock.System().Now().Sub(begun).Round(time.Millisecond))
				if len(seen) != all {
					t.Errorf("got %d orders of events, want %d", len(seen), all)
				}
			})
		}
	}
}

// happenings are what may happen to a task.
var happenings = []string{"fire", "condition", "cancel"}

// instant is one in which so many things happen to a task, which ends at once or
// sleeps. Between them whoever can go on does so, or not. What happened it notes
// as seen.
func instant(events int, r tasks.Registration, seen map[string]bool) func(*sim.S) {
	return func(s *sim.S) {
		online, up := condition.NewFlag("online", true), true
		task, r := (*app.Task)(nil), r
		r.Name, r.Trigger, r.Conditions = "sync", never("by hand"), []activation.Condition{online}
		s.App(func(env sim.Env) *app.App {
			a := app.New(env.Options()...)
			a.HandleFunc("sync", func(_ context.Context, in *tasks.Instance) error {
				return in.Sleep(time.Duration(s.Choose("sleeps", 2)) * time.Second)
			})
			task = must(a.Register(r))
			return a
		})
		story := ""
		for range events {
			now := happenings[s.Choose("event", len(happenings))]
			story += now + " "
			switch now {
			case "fire":
				_, _ = task.Fire(context.Background(), nil)
			case "condition":
				up = !up
				online.Set(up)
			case "cancel":
				task.Cancel(activation.Abort)
				for _, i := range task.Explain().Active {
					if i.State != tasks.StateCanceling {
						s.Fatalf("%v after a cancel", i.State)
					}
				}
			}
			yield(s)
		}
		seen[story] = true
		online.Set(true)
		s.RunFor(time.Minute)
		if x := task.Explain(); len(x.Active)+len(x.Pending) > 0 {
			s.Fatalf("a minute later: %v", x)
		}
	}
}

// yield lets others have their turn, or not.
func yield(s *sim.S) {
	once := false
	s.Until(func() bool { defer func() { once = true }(); return once })
}

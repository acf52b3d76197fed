package sim_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/tasks"
)

// scopes are what the Keep and the Overlap of a task may be.
func scopes(t *testing.T, f func(*testing.T, tasks.Registration)) {
	for _, keep := range []tasks.Keep{tasks.Newest, tasks.Oldest, tasks.Every(2)} {
		for _, overlap := range []tasks.Overlap{tasks.Wait, tasks.Skip, tasks.Replace, tasks.Parallel(2)} {
			t.Run(keep.String()+" "+overlap.String(), func(t *testing.T) {
				f(t, tasks.Registration{Keep: keep, Overlap: overlap})
			})
		}
	}
}

// TestExhaust_EveryScope goes through whatever may happen to one task within an
// instant, by three events, or five where BGLOOP_SEEDS is set, for whatever Keep
// and Overlap it has. The oracles watch; a cancel reaches all, and nothing is
// left.
func TestExhaust_EveryScope(t *testing.T) {
	scopes(t, func(t *testing.T, r tasks.Registration) {
		events, all := 3, 1
		if os.Getenv("BGLOOP_SEEDS") != "" {
			events = 5
		}
		for range events {
			all *= len(happenings)
		}
		i := newInstant(events, r)
		i.states = nil
		begun := clock.System().Now()
		sim.Exhaust(t, i.live)
		t.Logf("%d events, in %v", events, clock.System().Now().Sub(begun).Round(time.Millisecond))
		if len(i.stories) != all {
			t.Errorf("got %d orders of events, want %d", len(i.stories), all)
		}
	})
}

// Nothing is lost by living on only once from each state: what the task can come
// to is the same, and so is whether something goes wrong; also where a mutant is
// planted.
func TestExhaust_LosesNothingByStates(t *testing.T) {
	scopes(t, func(t *testing.T, r tasks.Registration) {
		loses(t, func() *instant { return newInstant(3, r) })
		loses(t, func() *instant { i := newInstant(3, r); i.bug = true; return i })
		if slower > 1 {
			return // the rest is nothing for the race detector
		}
		r.TimeLimit, r.Retry = time.Second, tasks.Retry{Attempts: 2, Backoff: time.Second}
		loses(t, func() *instant { i := newInstant(2, r); i.longer = true; return i })
	})
}

// loses goes through a scope in both ways.
func loses(t *testing.T, scope func() *instant) {
	t.Helper()
	var gone [2]sim.Scope
	var failed [2]bool
	var text [2]string
	full, less := scope(), scope()
	full.says = false
	for n, i := range []*instant{full, less} {
		failed[n], text[n] = verdict(t, func(t testing.TB) { gone[n] = sim.Exhaust(t, i.live) })
	}
	if failed[0] != failed[1] || full.bug != failed[0] {
		t.Errorf("all executions: failed %v, %s\nby states: failed %v, %s", failed[0], text[0], failed[1], text[1])
	}
	if failed[0] {
		return
	}
	if !maps.Equal(full.states, less.states) || !maps.Equal(full.stories, less.stories) {
		t.Errorf("what was come to differs: %d states and %d stories by all executions, %d and %d by states",
			len(full.states), len(full.stories), len(less.states), len(less.stories))
	}
	if gone[0].Merged != 0 || gone[1].Merged == 0 || gone[1].Executions >= gone[0].Executions {
		t.Errorf("executions: %+v, and by states %+v", gone[0], gone[1])
	}
}

// A State that leaves out what makes a difference fails the test.
func TestExhaust_StateLeavesSomethingOut(t *testing.T) {
	walk := func(t testing.TB, known bool) {
		sim.Exhaust(t, func(s *sim.S) {
			first := ""
			s.State(func() string {
				if known {
					return first
				}
				return ""
			})
			for _, name := range []string{"ann", "bob", "cid", "dan"} {
				s.Go(name, func(*sim.Actor) {
					if first == "" {
						first = name
					}
				})
			}
			s.RunFor(time.Second)
			if first == "bob" {
				s.RunFor(time.Second)
			}
		})
	}
	if failed, text := verdict(t, func(t testing.TB) { walk(t, true) }); failed {
		t.Error(text)
	}
	failed, text := verdict(t, func(t testing.TB) { walk(t, false) })
	if !failed {
		t.Errorf("it did not fail the test: %s", text)
	}
	says(t, text, "State leaves out what makes the difference")
}

// happenings are what may happen to a task at an instant.
var happenings = [...]string{"fire", "condition", "cancel"}

// An instant is one in which so many things happen to a task, which ends at once
// or sleeps. Between them whoever can go on does so, or not.
type instant struct {
	events int
	task   tasks.Registration
	says   bool // what there is to be known, by State
	bug    bool // it counts who sleeps, and forgets them with a cancel
	longer bool // it is no instant: time goes by, and handlers fail

	stories map[string]bool // what happened, in its order
	states  map[string]bool // and where the task stood then; nil: nobody asks
}

func newInstant(events int, r tasks.Registration) *instant {
	return &instant{events: events, task: r, says: true, stories: map[string]bool{}, states: map[string]bool{}}
}

func (i *instant) live(s *sim.S) {
	online, up := condition.NewFlag("online", true), true
	asleep, story := 0, ""
	task, r := (*app.Task)(nil), i.task
	r.Name, r.Trigger, r.Conditions = "sync", never("by hand"), []activation.Condition{online}
	if i.says {
		s.State(func() string { return story + strconv.Itoa(asleep) })
	}
	s.App(func(env sim.Env) *app.App {
		a := app.New(env.Options()...)
		a.HandleFunc("sync", func(_ context.Context, in *tasks.Instance) error {
			asleep++
			defer func() { asleep-- }()
			if i.longer && s.Choose("fails", 2) == 1 {
				return errors.New("no luck")
			}
			return in.Sleep(time.Duration(s.Choose("sleeps", 2)) * time.Second)
		})
		task = must(a.Register(r))
		return a
	})
	if i.bug {
		s.Invariant("no fewer than nobody", func() error {
			if asleep < 0 {
				return errors.New("somebody sleeps, and is not there")
			}
			return nil
		})
	}
	for range i.events {
		may := happenings[:]
		if i.longer {
			may = append(may, "pause", "resume", "second")
		}
		now := may[s.Choose("event", len(may))]
		story += now + " "
		switch now {
		case "fire":
			_, _ = task.Fire(context.Background(), nil)
		case "condition":
			up = !up
			online.Set(up)
		case "pause":
			task.Pause()
		case "resume":
			task.Resume()
		case "second":
			s.RunFor(time.Second)
		case "cancel":
			task.Cancel(activation.Abort)
			if i.bug {
				asleep = 0
			}
			for _, i := range task.Explain().Active {
				if i.State != tasks.StateCanceling {
					s.Fatalf("%v after a cancel", i.State)
				}
			}
		}
		yield(s)
		if i.states == nil {
			continue
		}
		x := task.Explain()
		i.states[fmt.Sprint(story, x.Active, x.Pending, x.Unmet, asleep)] = true
	}
	i.stories[story] = true
	online.Set(true)
	task.Resume()
	s.RunFor(time.Minute)
	if x := task.Explain(); len(x.Active)+len(x.Pending) > 0 {
		s.Fatalf("a minute later: %v", x)
	}
}

// yield lets others have their turn, or not.
func yield(s *sim.S) {
	once := false
	s.Until(func() bool { defer func() { once = true }(); return once })
}

package sim_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/tasks"
)

// A guard is what a user may know of an App from its events alone, beside what
// the oracles do. One observer writes it.
type guard struct {
	s     *sim.S
	live  map[uint64]*guarded
	waits map[uint64]event.Event // for an overlap or a cap, by activation
	last  int                    // events, at the last look
	count int
	fired map[string]time.Time // by task, when a firing was last accepted
	days  map[string]bool      // on which the nightly task was due
	calm  bool                 // nothing stands still: who heeds a cancel is never late
}

type guarded struct {
	task     string
	canceled bool
	lost     bool // a condition was lost while it ran
}

func newGuard(s *sim.S, calm bool) *guard {
	return &guard{
		s: s, calm: calm, live: map[uint64]*guarded{}, waits: map[uint64]event.Event{},
		fired: map[string]time.Time{}, days: map[string]bool{},
	}
}

func (g *guard) note(e event.Event) {
	g.count++
	i := g.live[e.Instance]
	switch e.Kind {
	case event.Fired:
		g.firing(e)
	case event.Waiting:
		delete(g.waits, e.Activation)
		if e.Waits == event.ForOverlap || e.Waits == event.ForCap {
			g.waits[e.Activation] = e
		}
	case event.Started:
		delete(g.waits, e.Activation)
		g.live[e.Instance] = &guarded{task: e.Task}
	case event.Completed:
		delete(g.waits, e.Activation)
	case event.ConditionChanged:
		for _, i := range g.live {
			i.lost = i.lost || e.N == 0 && i.task == e.Task
		}
	case event.Canceling:
		if i != nil && i.canceled {
			g.s.Fatalf("instance %d of %s is canceled twice", e.Instance, e.Task)
		}
		if i != nil {
			i.canceled = true
		}
	case event.Ended:
		if i != nil && i.lost && !i.canceled {
			g.s.Fatalf("instance %d of %s outlived its condition", e.Instance, e.Task)
		}
		delete(g.live, e.Instance)
	case event.Abandoned:
		if g.calm {
			g.s.Fatalf("instance %d of %s is abandoned, and heeds every cancel at once", e.Instance, e.Task)
		}
	}
}

// firing: missed due times make one firing, and a night comes once.
func (g *guard) firing(e event.Event) {
	if e.Task == "nightly" {
		day := e.Due.In(berlin()).Format(time.DateOnly)
		if g.days[day] {
			g.s.Fatalf("the nightly task is due twice on %s", day)
		}
		g.days[day] = true
	}
	if e.Task == "many" && g.fired[e.Task].Equal(e.At) {
		g.s.Fatalf("%s fires twice at %v: it makes one of what it missed", e.Task, e.At)
	}
	g.fired[e.Task] = e.At
}

// ending reports whether an instance is being canceled.
func (g *guard) ending() bool {
	for _, i := range g.live {
		if i.canceled {
			return true
		}
	}
	return false
}

// look finds what waits for a place that nobody takes, if nothing has happened
// since it last looked.
func (g *guard) look() {
	still := g.count == g.last
	g.last = g.count
	for _, e := range g.waits {
		free := e.Waits == event.ForCap && len(g.live) < cap6
		if e.Waits == event.ForOverlap {
			free = true
			for _, i := range g.live {
				free = free && i.task != e.Task
			}
		}
		if still && free {
			g.s.Fatalf("activation %d of %s waits for a place (%v), and there is one", e.Activation, e.Task, e.Waits)
		}
	}
}

// cap6 is the cap of the whole App: fewer than there are tasks.
const cap6 = 3

// A mill is an App with something of everything, whose handlers heed a cancel.
type mill struct {
	*app.App
	online *condition.Flag
}

func newMill(s *sim.S, g *guard, env sim.Env, opts ...app.Option) *mill {
	m := &mill{app.New(append(append(env.Options(), app.WithCap(cap6)), opts...)...), condition.NewFlag("online", true)}
	m.Observe(g.note)
	work := func(_ context.Context, in *tasks.Instance) error {
		if err := in.Sleep(s.Between("work of "+in.Name(), 0, 20*time.Minute)); err != nil {
			if g.calm && s.Chance("lingers", 0.3) {
				s.RunFor(2 * time.Second) // it heeds the cancel, within the grace
			}
			return err
		}
		if s.Chance(in.Name()+" fails", 0.2) {
			return errors.New("no luck")
		}
		return nil
	}
	for _, name := range []string{"sync", "skipped", "limited", "nightly", "many"} {
		m.HandleFunc(name, work)
	}
	m.HandleFunc("deferred", func(_ context.Context, in *tasks.Instance) error {
		d := time.Duration(1+s.Choose("parts", 20)) * time.Minute
		if err := in.Go(func(context.Context) error { return in.Sleep(d) }); err != nil {
			return err
		}
		if s.Chance("fails with a part open", 0.2) {
			_ = in.Go(func(context.Context) error { return nil })
			return errors.New("no luck")
		}
		return nil
	})
	for _, r := range m.registrations() {
		must(m.Register(r))
	}
	return m
}

func (m *mill) registrations() []tasks.Registration {
	return []tasks.Registration{
		{Name: "sync", Trigger: trigger.Every(10 * time.Minute), Conditions: []activation.Condition{m.online}},
		{Name: "skipped", Trigger: trigger.Every(15 * time.Minute), Overlap: tasks.Skip},
		{Name: "limited", Trigger: trigger.Every(20 * time.Minute), TimeLimit: 10 * time.Minute, Retry: tasks.Retry{Attempts: 3, Backoff: time.Minute}},
		{Name: "deferred", Trigger: trigger.Every(30 * time.Minute), TimeLimit: 15 * time.Minute, Conditions: []activation.Condition{m.online}},
		{Name: "many", Trigger: trigger.Every(25 * time.Minute), Overlap: tasks.Parallel(0)},
		{Name: "nightly", Trigger: trigger.Cron("30 2 * * *").In(berlin())},
	}
}

// killed is a night in the life of a mill with a store. The oracles watch it,
// and that a task comes at the times of its first run: what else a guard knows
// does not outlive a kill.
func killed(s *sim.S) {
	var m *mill
	up, grid := true, time.Time{}
	s.App(func(env sim.Env) *app.App {
		m = newMill(s, newGuard(s, false), env, app.WithStore(env.Store))
		m.online.Set(up)
		m.Observe(func(e event.Event) {
			switch {
			case e.Kind != event.Fired || e.Task != "many":
			case grid.IsZero():
				grid = e.Due
			case e.Due.Sub(grid)%(25*time.Minute) != 0:
				s.Fatalf("%s is due at %v, and was at %v", e.Task, e.Due, grid)
			}
		})
		return m.App
	})
	s.Every("network", 20*time.Minute, func() {
		up = s.Choose("offline", 3) == 0
		m.online.Set(up)
	})
	s.RunFor(3 * time.Hour)
}

// milling is a night in the mill's life, that on which clocks are set back.
func milling(calm bool) func(*sim.S) {
	return func(s *sim.S) {
		g := newGuard(s, calm)
		var m *mill
		p := s.App(func(env sim.Env) *app.App { m = newMill(s, g, env); return m.App })
		s.Every("network", 45*time.Minute, func() { m.online.Set(s.Choose("offline", 3) == 0) })
		s.Every("operator", 40*time.Minute, func() {
			switch s.Choose("does", 4) {
			case 1:
				_, _ = p.App().Replace(m.registrations()[s.Choose("what", 3)])
			case 2:
				if t, ok := p.App().Task("limited"); ok {
					t.Cancel(activation.Abort)
				}
			case 3:
				if t, ok := p.App().Task("sync"); ok {
					t.Cancel(activation.QuietHoursEntered)
					t.Cancel(activation.SystemPolicy)
				}
			}
		})
		if calm {
			s.Every("look", 7*time.Minute+7*time.Second, g.look)
		}
		end := s.Now().Add(8 * time.Hour)
		for s.Now().Before(end) {
			s.RunFor(time.Minute)
			if g.ending() && s.Choose("ends", 4) == 3 {
				s.RunFor(time.Second) // in the middle of a cancel
				return
			}
		}
	}
}

type hunter struct {
	name     string
	scenario func(*sim.S)
	faults   sim.Faults
}

// Who looks for mutants: the same App under faults after which it may be held to
// everything, and under those of its process.
var hunters = []hunter{
	{"calm", milling(true), sim.Faults{Flap: 0.01, Delay: 0.01, Aim: 0.05}},
	{"weather", milling(false), sim.Faults{Slow: 0.02, Stall: 0.01, Suspend: 0.004, Flap: 0.004, Aim: 0.02}},
	{"killed", killed, sim.Faults{Kill: 0.02, Slow: 0.02, Aim: 0.05}},
}

// evening is before the night on which clocks are set back.
func evening() sim.Option {
	return sim.From(time.Date(2026, time.October, 24, 20, 30, 0, 0, berlin()))
}

// long is too many decisions for people to read.
const long = 30

// trials is how often each mutant is looked for, from seeds of its own: twice, or
// BGLOOP_TRIALS.
func trials() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("BGLOOP_TRIALS"), 10, 8); err == nil {
		return n
	}
	return 2
}

// A build with the tag mutant and a mutant in BGLOOP_MUTANT is found out within
// a hundred seeds, and what is left to read is short, if not of the first seed
// that finds it then of the second or third. Without a mutant nothing is found.
// Run by internal/mutant.
func TestMutant(t *testing.T) {
	name := os.Getenv("BGLOOP_MUTANT")
	if name == "" {
		if seed, h, failure := catch(t, 0); failure != nil {
			t.Fatalf("%s, seed %d: %v", h.name, seed, failure)
		}
		return
	}
	for trial := range trials() {
		first := 1000 * trial
		begun := clock.System().Now()
		seed, h, failure := catch(t, first)
		took := clock.System().Now().Sub(begun)
		if failure == nil {
			t.Errorf("%s: not found in %d seeds from %d, in %v", name, seeds, first, took)
			continue
		}
		found := seed + 1 - first
		begun = clock.System().Now()
		c := shrink(t, h, seed)
		for range 2 {
			if c.Shrunk <= long {
				break
			}
			if seed, h, failure = catch(t, seed+1); failure != nil {
				c = shrink(t, h, seed)
			}
		}
		t.Logf("mutant=%s seeds=%d us=%d made=%d shrunk=%d shrinkus=%d by=%q", name, found, took.Microseconds(),
			c.Made, c.Shrunk, clock.System().Now().Sub(begun).Microseconds(), c.Failure.Invariant)
		if c.Shrunk > long {
			t.Errorf("%s: shrunk to %d decisions:\n%s", name, c.Shrunk, c.Story)
		}
	}
}

func shrink(t *testing.T, h hunter, seed uint64) sim.Catch {
	t.Helper()
	return sim.ShrinkSeed(t, h.scenario, seed, sim.WithFaults(h.faults), evening())
}

// seeds is within how many a mutant is to be found.
const seeds = 100 / slower

// catch tries so many seeds, each with every hunter.
func catch(t *testing.T, first uint64) (seed uint64, by hunter, failure *sim.Failure) {
	t.Helper()
	for seed := first; seed < first+seeds; seed++ {
		for _, h := range hunters {
			if f := sim.Live(t, h.scenario, seed, sim.WithFaults(h.faults), evening()); f != nil {
				return seed, h, f
			}
		}
	}
	return 0, hunter{}, nil
}

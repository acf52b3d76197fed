package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// Explain says where the task stands, and so why it has not run.
func (t *Task) Explain() (x tasks.Explanation) {
	a := t.registry().a
	a.own(func() {
		a.step(&engine.Input{Op: engine.Tick}) // what is due by now has been done
		x = a.eng.Explain(&t.is, a.now)
	})
	return x
}

// Explain says where the task of that name stands, and so why it has not run.
// Of an unknown name it says that it is not registered.
func (g *registry) Explain(name string) tasks.Explanation {
	if t, ok := g.Task(name); ok {
		return t.Explain()
	}
	x := tasks.Explanation{Group: g.group, Task: name, At: g.a.clock.Now().Round(0)}
	if j := g.a.journal; j != nil {
		g.a.own(func() {
			if p := j.past[engine.Key{Group: g.group, Name: name}]; p != nil {
				x.Trigger = p.task.Trigger
			}
		})
	}
	return x
}

// A Snapshot is where the whole App stands at one instant.
type Snapshot struct {
	At time.Time
	// State is new, running, stopping or stopped.
	State string
	// Active is how many instances hold a slot.
	Active int
	// Dropped is how many events observers were not told.
	Dropped uint64
	// Illegal counts moves that the lifecycle refused: bugs of bgloop's.
	Illegal uint64
	// Unclaimed are the registrations of a former run that the App's store has
	// and that the program has not made again, by group and name.
	Unclaimed []Unclaimed
	// Tasks are all registrations, by group and name.
	Tasks []tasks.Explanation
}

// Snapshot says where everything stands.
func (a *App) Snapshot() (s Snapshot) {
	a.own(func() {
		a.step(&engine.Input{Op: engine.Tick})
		s = Snapshot{At: a.now.Round(0), State: a.life.Current(), Active: a.eng.Active(), Illegal: a.eng.Illegal}
		for _, t := range a.eng.Tasks(nil) {
			s.Tasks = append(s.Tasks, a.eng.Explain(t, a.now))
		}
		if a.journal != nil {
			s.Unclaimed = a.journal.unclaimed()
		}
		for _, o := range a.observers {
			s.Dropped += o.Dropped()
		}
	})
	slices.SortFunc(s.Tasks, func(x, y tasks.Explanation) int {
		return cmp.Or(cmp.Compare(x.Group, y.Group), cmp.Compare(x.Task, y.Task))
	})
	return s
}

// String is the snapshot as text, a line for each task, and for each that only
// the store has.
func (s Snapshot) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "The app is %s; active instances: %d; events that were not told: %d.", s.State, s.Active, s.Dropped)
	for _, x := range s.Tasks {
		fmt.Fprintf(&b, "\n%s", x)
	}
	for _, u := range s.Unclaimed {
		fmt.Fprintf(&b, "\nTask %q is not registered in this run; the store has it, and activations that wait for it: %d.",
			taskName(u.Group, u.Task), u.Pending)
	}
	return b.String()
}

// Pause keeps every task of the group from starting until Resume, those
// registered later included; on the App, every task there is, in whatever
// group. See Task.Pause.
func (g *registry) Pause() { g.pause(true) }

// Resume undoes Pause; what was paused otherwise stays paused.
func (g *registry) Resume() { g.pause(false) }

func (g *registry) pause(on bool) {
	op := engine.PauseGroup
	if g.group == "" {
		op = engine.PauseAll
	}
	g.a.call(&engine.Input{Op: op, Topic: g.group, On: on})
}

package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// kinds are the events among effects.
func kinds(e *engine.Engine, effects []engine.Effect) (list []event.Kind) {
	for _, f := range effects {
		if f.Do == engine.Emit {
			list = append(list, e.Event(&f).Kind)
		}
	}
	return list
}

// TestOnlyWatchedEventsAreTold: who watches a task is told of its progress and
// of its end; who watches everything is told all.
func TestOnlyWatchedEventsAreTold(t *testing.T) {
	tests := []struct {
		name string
		all  bool
		task bool
		want []event.Kind
	}{
		{"nobody", false, false, nil},
		{"of the task", false, true, []event.Kind{event.Progressed, event.Completed}},
		{"of everything", true, false, []event.Kind{event.Fired, event.Started, event.Progressed, event.Ended, event.Completed}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := engine.New(engine.Config{})
			e.Step(epoch, &engine.Input{Op: engine.Begin})
			_, r := e.Step(epoch, &engine.Input{Op: engine.Register, Spec: &engine.Spec{Terms: new(engine.Terms), Key: engine.Key{Name: "sync"}}})
			e.Watched, r.Task.Watched = tt.all, tt.task
			var got []event.Kind
			step := func(in engine.Input) {
				effects, _ := e.Step(epoch, &in)
				got = append(got, kinds(e, effects)...)
			}
			step(engine.Input{Op: engine.Fire, Task: r.Task})
			i := e.Instances()[0]
			if err := i.Life.Do(tasks.MoveStart); err != nil {
				t.Fatal(err)
			}
			step(engine.Input{Op: engine.Progress, Inst: i, ID: i.ID, N: 1})
			step(engine.Input{Op: engine.Over, Inst: i})
			if !slices.Equal(got, tt.want) {
				t.Errorf("told: got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestWhatAHostCanAsk: the engine answers for its tasks and instances.
func TestWhatAHostCanAsk(t *testing.T) {
	e := engine.New(engine.Config{TimeLimit: time.Minute, Grace: time.Second})
	key := engine.Key{Group: "photos", Name: "sync"}
	e.Step(epoch, &engine.Input{Op: engine.Begin})
	_, answer := e.Step(epoch, &engine.Input{Op: engine.Register, Spec: &engine.Spec{Terms: new(engine.Terms), Key: key, Host: "mine"}})
	r := *answer
	if e.Task(key) != r.Task || e.Task(engine.Key{Name: "sync"}) != nil {
		t.Error("Task: the name is found in another group, or not in its own")
	}
	if all := e.Tasks(nil); !slices.Equal(all, []*engine.Task{r.Task}) {
		t.Errorf("Tasks: got %d", len(all))
	}
	_, fired := e.Step(epoch, &engine.Input{Op: engine.Fire, Task: r.Task})
	i := e.Instances()[0]
	if fired.Act.Last() != i || i.Act != fired.Act || e.Active() != 1 || r.Task.Host != "mine" {
		t.Errorf("the activation's last attempt is %v, want %v", fired.Act.Last(), i)
	}
	if !i.CanceledAt().IsZero() || i.Reason() != 0 || !i.Deadline.Equal(epoch.Add(time.Minute)) {
		t.Errorf("it was canceled at %v, with reason %d, and its deadline is %v", i.CanceledAt(), i.Reason(), i.Deadline)
	}
	later := epoch.Add(30 * time.Second)
	e.Step(later, &engine.Input{Op: engine.Cancel, Inst: i, Reason: activation.IdleTask})
	if !i.CanceledAt().Equal(later) || i.Reason() != activation.IdleTask {
		t.Errorf("it was canceled at %v, with reason %d", i.CanceledAt(), i.Reason())
	}
	if at, ok := e.Next(); !ok || !at.Equal(later.Add(time.Second)) {
		t.Errorf("Next: got %v, %v, want the end of the grace", at, ok)
	}
}

// TestTickInParts: a Tick does no more of what is due than it was asked to, in
// the same order as one that does all of it.
func TestTickInParts(t *testing.T) {
	const n = 10
	due := func(most uint64) (parts []int, order []uint64) {
		e := engine.New(engine.Config{})
		e.Step(epoch, &engine.Input{Op: engine.Begin})
		for i := range n {
			terms := &engine.Terms{Schedules: []engine.Scoped[activation.Schedule]{{Source: every(time.Minute)}}}
			e.Step(epoch, &engine.Input{Op: engine.Register, Spec: &engine.Spec{Terms: terms, Key: engine.Key{Name: string(rune('a' + i))}}})
		}
		in := engine.Input{Op: engine.Tick, N: most}
		for more := true; more; more = e.Due() {
			effects, _ := e.Step(epoch.Add(time.Minute), &in)
			parts = append(parts, len(effects))
			for _, f := range effects {
				order = append(order, f.Inst.Task.ID)
			}
		}
		return parts, order
	}
	whole, want := due(0)
	parts, got := due(4)
	if !slices.Equal(whole, []int{n}) || !slices.Equal(parts, []int{4, 4, 2}) {
		t.Errorf("starts: got %v at once and %v in parts, want [10] and [4 4 2]", whole, parts)
	}
	if !slices.Equal(got, want) {
		t.Errorf("order: got %v in parts, %v at once", got, want)
	}
}

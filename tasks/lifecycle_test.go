package tasks_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/looplab/fsm"

	"github.com/bgloop/bgloop/tasks"
)

var update = flag.Bool("update", false, "write docs/lifecycle.md as it is declared now")

var (
	states = []tasks.State{
		tasks.StateQueued, tasks.StateRunning, tasks.StateDeferred, tasks.StateCanceling,
		tasks.StateSucceeded, tasks.StateFailed, tasks.StateCanceled, tasks.StateAbandoned,
	}
	moves = []tasks.Move{
		tasks.MoveStart, tasks.MoveDefer, tasks.MoveSucceed, tasks.MoveFail,
		tasks.MoveCancel, tasks.MoveEnd, tasks.MoveAbandon,
	}
)

func Example() {
	var l tasks.Lifecycle
	for _, m := range []tasks.Move{tasks.MoveStart, tasks.MoveDefer, tasks.MoveCancel, tasks.MoveSucceed, tasks.MoveEnd} {
		if err := l.Do(m); err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%s: %s\n", m, l.State())
	}
	fmt.Println("final:", l.State().Final())
	// Output:
	// start: running
	// defer: deferred
	// cancel: canceling
	// tasks: no such transition: succeed from canceling
	// end: canceled
	// final: true
}

func ExampleNext() {
	to, ok := tasks.Next(tasks.StateRunning, tasks.MoveDefer)
	fmt.Println(to, ok)
	to, ok = tasks.Next(tasks.StateSucceeded, tasks.MoveCancel)
	fmt.Println(to, ok)
	// Output:
	// deferred true
	// succeeded false
}

func ExampleMachine() {
	m := tasks.Machine()
	fmt.Println(m.Current(), m.Can("start"), m.Can("succeed"))
	// Output: queued true false
}

// TestTransitions is the lifecycle as the design draws it.
func TestTransitions(t *testing.T) {
	want := map[tasks.State]map[tasks.Move]tasks.State{
		tasks.StateQueued: {
			tasks.MoveStart:  tasks.StateRunning,
			tasks.MoveCancel: tasks.StateCanceling,
		},
		tasks.StateRunning: {
			tasks.MoveDefer:   tasks.StateDeferred,
			tasks.MoveSucceed: tasks.StateSucceeded,
			tasks.MoveFail:    tasks.StateFailed,
			tasks.MoveCancel:  tasks.StateCanceling,
		},
		tasks.StateDeferred: {
			tasks.MoveSucceed: tasks.StateSucceeded,
			tasks.MoveFail:    tasks.StateFailed,
			tasks.MoveCancel:  tasks.StateCanceling,
		},
		tasks.StateCanceling: {
			tasks.MoveEnd:     tasks.StateCanceled,
			tasks.MoveAbandon: tasks.StateAbandoned,
		},
	}
	for _, s := range states {
		if got, want := s.Final(), len(want[s]) == 0; got != want {
			t.Errorf("%s: final: got %v, want %v", s, got, want)
		}
		for _, m := range moves {
			to, allowed := want[s][m]
			if !allowed {
				to = s
			}
			if got, ok := tasks.Next(s, m); got != to || ok != allowed {
				t.Errorf("%s from %s: got %s, %v, want %s, %v", m, s, got, ok, to, allowed)
			}
		}
	}
}

// TestTableIsTheMachine: what was compiled from the declaration is what the
// machine does, from every state by every move.
func TestTableIsTheMachine(t *testing.T) {
	for _, s := range states {
		for _, mv := range moves {
			m := tasks.Machine()
			m.SetState(s.String())
			err := m.Event(context.Background(), mv.String())
			to, ok := tasks.Next(s, mv)
			if ok != (err == nil) || to.String() != m.Current() {
				t.Errorf("%s from %s: the table leads to %s, %v; the machine to %s, %v", mv, s, to, ok, m.Current(), err)
			}
		}
	}
	m := tasks.Machine()
	if all := m.AvailableTransitions(); len(all) == 0 {
		t.Error("the machine has no way out of its first state")
	}
}

// TestTableIsTheMachineOverSequences makes the same moves on a Lifecycle, on one
// with a shadow, and on a machine.
func TestTableIsTheMachineOverSequences(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 0))
		var plain, shadowed tasks.Lifecycle
		shadowed.Shadow()
		m := tasks.Machine()
		for step := range 12 {
			mv := moves[r.IntN(len(moves))]
			from := plain.State()
			want := m.Event(context.Background(), mv.String())
			for _, l := range []*tasks.Lifecycle{&plain, &shadowed} {
				err := l.Do(mv)
				if (err == nil) != (want == nil) || l.State().String() != m.Current() {
					t.Fatalf("seed %d, step %d: %s from %s: got %s, %v; the machine is %s, %v",
						seed, step, mv, from, l.State(), err, m.Current(), want)
				}
				if err != nil && !errors.Is(err, tasks.ErrTransition) {
					t.Fatalf("seed %d, step %d: error is %v, want %v", seed, step, err, tasks.ErrTransition)
				}
			}
		}
	}
}

// TestConcurrentMoves: of moves that exclude each other one wins, whoever makes
// them, and all see the same end.
func TestConcurrentMoves(t *testing.T) {
	for _, shadow := range []bool{false, true} {
		for range 300 {
			var l tasks.Lifecycle
			if shadow {
				l.Shadow()
			}
			if err := l.Do(tasks.MoveStart); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			var ends atomic.Int32
			for _, mv := range []tasks.Move{
				tasks.MoveSucceed, tasks.MoveFail, tasks.MoveCancel, tasks.MoveCancel, tasks.MoveEnd, tasks.MoveAbandon,
			} {
				wg.Go(func() {
					if l.Do(mv) == nil && mv != tasks.MoveCancel {
						ends.Add(1)
					}
				})
			}
			wg.Wait()
			switch s := l.State(); {
			case s == tasks.StateCanceling && ends.Load() == 0:
			case s.Final() && ends.Load() == 1:
			default:
				t.Fatalf("shadow %v: it is %s after %d ends", shadow, s, ends.Load())
			}
		}
	}
}

func TestUnknownStatesAndMoves(t *testing.T) {
	if to, ok := tasks.Next(tasks.State(99), tasks.MoveStart); ok || to != tasks.State(99) {
		t.Errorf("Next of an unknown state: got %v, %v", to, ok)
	}
	if to, ok := tasks.Next(tasks.StateQueued, tasks.Move(99)); ok || to != tasks.StateQueued {
		t.Errorf("Next of an unknown move: got %v, %v", to, ok)
	}
	if tasks.State(99).Final() {
		t.Error("an unknown state is final")
	}
	if got, want := fmt.Sprint(tasks.State(99), tasks.Move(99)), "State(99) Move(99)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var l tasks.Lifecycle
	if err := l.Do(tasks.Move(99)); !errors.Is(err, tasks.ErrTransition) {
		t.Errorf("Do of an unknown move: got %v, want %v", err, tasks.ErrTransition)
	}
}

const diagram = "../docs/lifecycle.md"

// TestDiagramIsFresh compares the diagram in the docs with one made from the
// declaration.
func TestDiagramIsFresh(t *testing.T) {
	draw := func() string {
		d, err := fsm.VisualizeForMermaidWithGraphType(tasks.Machine(), fsm.StateDiagram)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	drawn := draw()
	for range 50 {
		if again := draw(); again != drawn {
			t.Fatalf("the diagram is not drawn the same each time:\n%s\n%s", drawn, again)
		}
	}
	want := "# The lifecycle of an instance\n\n" +
		"Every instance goes this way once; a state without a way out is an end. The diagram is drawn from the\n" +
		"declaration in tasks/lifecycle.go by `go test ./tasks -run TestDiagramIsFresh -update`; do not edit it.\n\n" +
		"```mermaid\n" + drawn + "```\n"
	if *update {
		if err := os.WriteFile(diagram, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(diagram)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is stale; to draw it anew: go test ./tasks -run TestDiagramIsFresh -update\ngot:\n%s\nwant:\n%s", diagram, got, want)
	}
}

// A state is read as it is written.
func TestState_UnmarshalText(t *testing.T) {
	for s := tasks.StateQueued; s <= tasks.StateAbandoned; s++ {
		text, _ := s.MarshalText()
		var got tasks.State
		if err := got.UnmarshalText(text); err != nil || got != s {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	got := tasks.StateFailed
	if err := got.UnmarshalText([]byte("asleep")); err == nil || got != tasks.StateFailed {
		t.Errorf("asleep: got %v, %v, want an error", got, err)
	}
}

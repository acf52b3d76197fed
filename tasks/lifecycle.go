package tasks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/looplab/fsm"
)

// ErrTransition is returned by a move that the lifecycle does not allow.
var ErrTransition = errors.New("tasks: no such transition")

// A State is where an instance is in its life.
type State uint8

// The states. From StateSucceeded on they are final.
const (
	// StateQueued: the engine has started it, no goroutine is on it yet.
	StateQueued State = iota
	// StateRunning: its handler runs.
	StateRunning
	// StateDeferred: its handler has returned, deferrals are open.
	StateDeferred
	// StateCanceling: it was asked to end and has not yet.
	StateCanceling
	// StateSucceeded: over, without an error.
	StateSucceeded
	// StateFailed: over, with an error.
	StateFailed
	// StateCanceled: over, after it was asked to end.
	StateCanceled
	// StateAbandoned: not over within the grace; nobody waits for it anymore.
	StateAbandoned
	stateCount
)

// A Move takes an instance from one state to another.
type Move uint8

// The moves.
const (
	MoveStart Move = iota
	MoveDefer
	MoveSucceed
	MoveFail
	MoveCancel
	MoveEnd
	MoveAbandon
	moveCount
)

var (
	stateNames = [stateCount]string{"queued", "running", "deferred", "canceling", "succeeded", "failed", "canceled", "abandoned"}
	moveNames  = [moveCount]string{"start", "defer", "succeed", "fail", "cancel", "end", "abandon"}
)

// String is the state's name.
func (s State) String() string {
	if s < stateCount {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// MarshalText writes the state's name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote. Any other text is an error, and s
// stays as it is.
func (s *State) UnmarshalText(text []byte) error {
	for v := range stateCount {
		if v.String() == string(text) {
			*s = v
			return nil
		}
	}
	return fmt.Errorf("tasks: there is no state %q", text)
}

// Final reports whether there is no way out of s.
func (s State) Final() bool { return s >= StateSucceeded && s < stateCount }

// String is the move's name.
func (m Move) String() string {
	if m < moveCount {
		return moveNames[m]
	}
	return fmt.Sprintf("Move(%d)", uint8(m))
}

// Machine is the declaration of the lifecycle: a new looplab/fsm machine in
// StateQueued. Everything else, the table and the diagram, is made from it.
func Machine() *fsm.FSM {
	from := func(states ...State) (names []string) {
		for _, s := range states {
			names = append(names, s.String())
		}
		return names
	}
	move := func(m Move, to State, src ...State) fsm.EventDesc {
		return fsm.EventDesc{Name: m.String(), Src: from(src...), Dst: to.String()}
	}
	return fsm.NewFSM(StateQueued.String(), fsm.Events{
		move(MoveStart, StateRunning, StateQueued),
		move(MoveDefer, StateDeferred, StateRunning),
		move(MoveSucceed, StateSucceeded, StateRunning, StateDeferred),
		move(MoveFail, StateFailed, StateRunning, StateDeferred),
		move(MoveCancel, StateCanceling, StateQueued, StateRunning, StateDeferred),
		move(MoveEnd, StateCanceled, StateCanceling),
		move(MoveAbandon, StateAbandoned, StateCanceling),
	}, nil)
}

// none marks a move that is not allowed.
const none = stateCount

type table [stateCount][moveCount]State

// compiled is the machine walked once, so that a move costs one lookup. It is
// never written again.
var compiled = sync.OnceValue(func() *table {
	t, m := new(table), Machine()
	byName := make(map[string]State, stateCount)
	for s := range stateCount {
		byName[s.String()] = s
	}
	for s := range stateCount {
		for mv := range moveCount {
			m.SetState(s.String())
			t[s][mv] = none
			if m.Can(mv.String()) && m.Event(context.Background(), mv.String()) == nil {
				t[s][mv] = byName[m.Current()]
			}
		}
	}
	return t
})

// Next is the state that m leads to from s, and false if it is not allowed.
func Next(s State, m Move) (State, bool) {
	if s >= stateCount || m >= moveCount {
		return s, false
	}
	to := compiled()[s][m]
	if to == none {
		return s, false
	}
	return to, true
}

// plain are the moves of an instance that runs and comes to its end by itself.
// They are in the table as well.
var plain = [moveCount]struct{ from, to State }{
	MoveStart:   {StateQueued, StateRunning},
	MoveSucceed: {StateRunning, StateSucceeded},
}

// shadowed is a bit beyond every State.
const shadowed = 1 << 8

// A Lifecycle is the state of one instance. The zero Lifecycle is in
// StateQueued. Its methods may be called from any goroutine.
type Lifecycle struct {
	state  atomic.Uint32 // a State, and maybe shadowed
	shadow *shadow
}

// State is where it is.
func (l *Lifecycle) State() State { return State(l.state.Load()) } // its lowest byte

// Do makes the move m, or returns ErrTransition and changes nothing.
func (l *Lifecycle) Do(m Move) error {
	if p := &plain[m%moveCount]; p.to != p.from && l.state.CompareAndSwap(uint32(p.from), uint32(p.to)) {
		return nil // without a look at it before: its memory comes from another processor once
	}
	if l.shadow != nil {
		return l.shadow.do(l, m)
	}
	_, err := l.move(m)
	return err
}

func (l *Lifecycle) move(m Move) (State, error) {
	for {
		word := l.state.Load()
		from := State(word)
		to, ok := Next(from, m)
		if !ok {
			return from, fmt.Errorf("%w: %s from %s", ErrTransition, m, from)
		}
		if l.state.CompareAndSwap(word, word&shadowed|uint32(to)) {
			return to, nil
		}
	}
}

// Shadow makes a looplab machine follow l, for debugging: from now on Do also
// fails where the machine and the table disagree. It must be called before the
// first Do.
func (l *Lifecycle) Shadow() {
	l.shadow = &shadow{machine: Machine()}
	l.state.Store(shadowed | uint32(StateQueued))
}

// A shadow makes each move under a lock, since a looplab machine must not be
// entered twice and must see the moves in the table's order.
type shadow struct {
	mu      sync.Mutex
	machine *fsm.FSM
}

func (s *shadow) do(l *Lifecycle, m Move) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	to, err := l.move(m)
	if err != nil {
		return err
	}
	if err := s.machine.Event(context.Background(), m.String()); err != nil {
		return fmt.Errorf("%w: shadow: %w", ErrTransition, err)
	}
	if got := s.machine.Current(); got != to.String() {
		return fmt.Errorf("%w: shadow is %s, table says %s", ErrTransition, got, to)
	}
	return nil
}

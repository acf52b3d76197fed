package sim

import (
	"errors"
	"fmt"

	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/choice"
	"github.com/bgloop/bgloop/internal/digest"
)

// State tells Exhaust what the scenario knows, so that it goes on only once from
// each state. f returns, as a text, the variables of the scenario, of its actors,
// of its handlers and conditions that make a difference to what they do or to
// what an invariant says, and that are not settled by what was chosen; what was
// looked up of the App's past, such as its counters, is one of those. It must
// change nothing, and not call the App. The rest of the state is known: where
// strands, the App and the oracles stand.
//
// Several calls add up. Without one Exhaust does not compare states, nor where
// the App has a store or observers, or is killed, nor while a handler waits by
// anything but Instance.Sleep or the scenario's own waits.
//
// When a state is come to again, the life goes on by dull choices alone, and is
// to be told as the first one that went on from there so: else State leaves
// something out, which fails the test.
func (s *S) State(f func() string) { s.states = append(s.states, f) }

// errState is the failure of a State that leaves something out.
var errState = errors.New("two lives that were in one state went on differently: State leaves out what makes the difference")

// A merger knows the states that were come to, over all the lives of a walk.
type merger struct {
	walk *choice.Walk
	seen map[uint64]uint64 // the sum of what came of a state by dull choices

	// Of the life that is on.
	told  []uint64 // what happened
	fresh []moment // the states that were come to first
	again *moment  // the one that was not, after which it is dull
	known uint64   // what came of that
}

// A moment is a state and when it was come to.
type moment struct {
	state uint64
	at    int // in merger.told
}

func newMerger(walk *choice.Walk) *merger { return &merger{walk: walk, seen: map[uint64]uint64{}} }

// meets looks, before it is chosen who goes on, whether that was chosen before.
func (m *merger) meets(s *S, n int) {
	m.note(uint64(s.since()), uint64(n)) //nolint:gosec // any mapping will do
	if m.again != nil || !m.walk.Fresh() {
		return
	}
	state, known := s.digest()
	if !known {
		return
	}
	now := moment{state, len(m.told)}
	if tail, seen := m.seen[state]; seen {
		m.again, m.known = &now, tail
		m.walk.Dull()
		return
	}
	m.fresh = append(m.fresh, now)
}

func (m *merger) note(list ...uint64) {
	var d digest.Sum
	d.Add(list...)
	m.told = append(m.told, uint64(d))
}

// event notes what an App tells.
func (m *merger) event(e *event.Event) {
	m.note(uint64(e.Kind), e.Activation, e.Instance, uint64(e.Reason), uint64(e.Waits), uint64(e.Result), e.N)
}

// over is when a life is. It returns errState if it did not go on as one before.
func (m *merger) over() (err error) {
	var tail digest.Sum
	next := len(m.fresh) - 1
	for i := len(m.told); i >= 0; i-- {
		if i < len(m.told) {
			tail.Add(m.told[i])
		}
		for ; next >= 0 && m.fresh[next].at == i; next-- {
			m.seen[m.fresh[next].state] = uint64(tail)
		}
		if m.again != nil && m.again.at == i && m.known != uint64(tail) {
			err = errState
		}
	}
	m.told, m.fresh, m.again = m.told[:0], m.fresh[:0], nil
	return err
}

// digest sums up where everything stands.
func (s *S) digest() (sum uint64, known bool) {
	if len(s.states) == 0 || s.failure != nil {
		return 0, false
	}
	sum, known = s.coro.Digest()
	d := digest.Sum(sum)
	for _, f := range s.states {
		d.Text(f())
	}
	d.Is(s.over)
	d.Int(len(s.waiters))
	d.Int(len(s.hung))
	for _, p := range s.promises {
		d.Is(p.done)
	}
	for _, p := range s.procs {
		t := p.now.Load()
		if t.down || t.ledger.app == nil {
			return 0, false
		}
		n, ok := t.ledger.app()
		known = known && ok
		d.Add(n, t.ledger.digest())
	}
	return uint64(d), known
}

// Digesting implements engine.Digester.
func (w *witness) Digesting(sum func() (uint64, bool)) { w.app = sum }

// digest sums up what the oracles know that is not settled yet.
func (l *ledger) digest() uint64 {
	var d digest.Sum
	d.Time(l.began)
	d.Is(l.running, l.draining, l.stored, l.stopped, l.jumped, l.suspect)
	d.Add(uint64(l.stalled), uint64(l.next)) //nolint:gosec // any mapping will do
	d.Int(l.open)
	d.Int(len(l.offered) + len(l.check)<<16)
	for id, a := range l.acts.open() {
		d.Add(id, a.merged, uint64(a.waits))
		d.Is(a.fired, a.completed, a.running)
	}
	for id, i := range l.insts.open() {
		d.Add(id, i.act, uint64(i.since), uint64(i.late), uint64(i.stalled)) //nolint:gosec // any mapping will do
		d.Is(i.started, i.returned, i.canceled, i.ctx != nil)
	}
	for _, i := range l.idle {
		d.Add(i.inst, uint64(i.at)) //nolint:gosec // any mapping will do
	}
	for _, t := range l.order {
		d.Add(uint64(t.vacant)) //nolint:gosec // any mapping will do
		d.Int(t.live)
		d.Int(t.late)
		d.Time(t.lateAt)
		for _, c := range t.conds {
			d.Is(c.holds, c.told, c.polled)
		}
		for _, c := range t.sources {
			d.Time(c.at)
			d.Time(c.phase.Last)
			d.Add(c.phase.N, uint64(c.stalled)) //nolint:gosec // any mapping will do
			d.Is(c.armed)
		}
	}
	return uint64(d)
}

// merged is how a Scope says how many executions were in a state again.
func (sc Scope) merged() string {
	if sc.Merged == 0 {
		return ""
	}
	return fmt.Sprintf(", %d of them up to a state that was there before", sc.Merged)
}

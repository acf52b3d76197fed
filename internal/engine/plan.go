package engine

import (
	"math"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
)

// A kind says what a node is armed for.
type kind uint8

const (
	kindSource kind = iota // a schedule's next due time
	kindLimit              // an instance's time limit
	kindWarn               // an instance without one has run for long
	kindGrace              // a canceled instance must be over
	kindNotYet             // an activation's start was put off until now
	kindExpiry             // an activation is no longer good
	kindTimer              // a timer of the host's
)

// rank puts what is due at one instant in order, before the order of arming: a
// window that closes lets nothing start anymore, and what is put off until then
// starts before a further firing can become part of it.
func (k kind) rank() uint64 {
	switch k {
	case kindExpiry:
		return 0
	case kindNotYet:
		return 1 << 62
	default:
		return 1 << 63
	}
}

// A node is one entry of the plan, part of what it is armed for.
type node struct {
	kind    kind
	elapsed bool   // it waits for time to pass, not for an instant of the wall clock
	n       uint16 // which source
	index   int32  // in the heap, plus one; zero: not armed
	of      any    // the *Task, *Instance, *Act or *Timer, by its kind
}

// A slot holds the keys next to each other, which is what the heap reads.
type slot struct {
	at   int64 // nanoseconds since 1970, by the wall clock
	seq  uint64
	node *node
}

func (s slot) before(o slot) bool { return s.at < o.at || s.at == o.at && s.seq < o.seq }

// A plan is everything that waits for time: a binary heap, first in first out
// among what has the same rank at one instant; and beside it lanes, which keep
// the same order, for what there is most of.
type plan struct {
	heap  []slot
	lanes []lane
	seq   uint64

	soonest int64 // nothing is due before it; it may be too early,
	exact   bool  // and is not
}

func (p *plan) arm(n *node, at int64) {
	p.disarm(n)
	p.soonest = min(p.soonest, at)
	p.seq++
	p.heap = append(p.heap, slot{at, p.seq | n.kind.rank(), n})
	p.up(len(p.heap)-1, p.heap[len(p.heap)-1])
}

func (p *plan) disarm(n *node) bool {
	if n.index == 0 {
		return false
	}
	i, last := int(n.index)-1, len(p.heap)-1
	if i == 0 {
		p.exact = false
	}
	n.index = 0
	moved := p.heap[last]
	p.heap[last] = slot{}
	p.heap = p.heap[:last]
	switch {
	case i == last:
	case i > 0 && moved.before(p.heap[(i-1)/2]):
		p.up(i, moved)
	default:
		p.down(i, moved)
	}
	return true
}

// at is when n is due, and false if it is not armed.
func (p *plan) at(n *node) (int64, bool) {
	if n.index == 0 {
		return 0, false
	}
	return p.heap[n.index-1].at, true
}

// next is when the first node is due, and false if there is none.
func (p *plan) next() (at int64, ok bool) {
	if !p.exact {
		p.find()
	}
	return p.soonest, p.soonest < math.MaxInt64 || p.any()
}

// any reports whether there is a node.
func (p *plan) any() bool {
	_, _, ok := p.first()
	return ok
}

// find makes soonest exact.
func (p *plan) find() {
	p.soonest, p.exact = math.MaxInt64, true
	if len(p.heap) > 0 {
		p.soonest = p.heap[0].at
	}
	for i := range p.lanes {
		if t := p.lanes[i].first; t != nil {
			p.soonest = min(p.soonest, t.at)
		}
	}
}

// first is the first of all, and whose turn it is if it is in a lane.
func (p *plan) first() (s slot, t *turn, ok bool) {
	if len(p.heap) > 0 {
		s, ok = p.heap[0], true
	}
	for i := range p.lanes {
		if l := p.lanes[i].first; l != nil && (!ok || l.slot().before(s)) {
			s, t, ok = l.slot(), l, true
		}
	}
	return s, t, ok
}

// pop disarms and returns the first node that is due at or before at.
func (p *plan) pop(at int64) *node {
	if at < p.soonest {
		return nil // as mostly
	}
	if !p.exact {
		if p.find(); at < p.soonest {
			return nil
		}
	}
	s, t, ok := p.first()
	if !ok {
		return nil
	}
	if t != nil {
		p.leave(t)
	} else {
		p.disarm(s.node)
	}
	return s.node
}

func (p *plan) put(i int, s slot) {
	p.heap[i] = s
	s.node.index = int32(i + 1)
}

func (p *plan) up(i int, s slot) {
	for i > 0 {
		parent := (i - 1) / 2
		if !s.before(p.heap[parent]) {
			break
		}
		p.put(i, p.heap[parent])
		i = parent
	}
	p.put(i, s)
}

func (p *plan) down(i int, s slot) {
	for {
		child := 2*i + 1
		if child >= len(p.heap) {
			break
		}
		if child+1 < len(p.heap) && p.heap[child+1].before(p.heap[child]) {
			child++
		}
		if !p.heap[child].before(s) {
			break
		}
		p.put(i, p.heap[child])
		i = child
	}
	p.put(i, s)
}

// A Timer is an entry of the plan for the host: a strand that sleeps, or a
// function of a port. A Task of its own ends it when the task ends.
type Timer struct {
	Task  *Task
	Spec  *Spec // the task's; if it has another one by now, that is the end as well
	Host  any
	turn  turn
	index int // in Task.timers, plus one
}

func (e *Engine) armTimer(t *Timer, d time.Duration) {
	e.disarmTimer(t)
	if t.Task != nil {
		if t.Task.quiet || t.Spec != nil && t.Spec.Terms != t.Task.Terms {
			return
		}
		s := e.stateOf(t.Task)
		s.timers = append(s.timers, t)
		t.index = len(s.timers)
	}
	t.turn.kind, t.turn.of, t.turn.elapsed = kindTimer, t, true
	if d <= 0 {
		e.plan.arm(&t.turn.node, nanos(e.now.Add(d)))
		e.runDue()
		return
	}
	e.plan.armAfter(&t.turn, e.at, d, timerLanes)
}

func (e *Engine) disarmTimer(t *Timer) bool {
	e.forgetTimer(t)
	return e.plan.disarmTurn(&t.turn)
}

func (e *Engine) forgetTimer(t *Timer) {
	if t.index == 0 {
		return
	}
	list := t.Task.timers
	last := list[len(list)-1]
	list[t.index-1], last.index = last, t.index
	t.Task.timers, t.index = list[:len(list)-1], 0
}

// runDue does what is due at or before now, in the order of the due times.
func (e *Engine) runDue() {
	for e.runFirst() {
	}
}

// runFirst does the first of what is due, and reports whether there was any.
func (e *Engine) runFirst() bool {
	n := e.plan.pop(e.at)
	if n == nil {
		return false
	}
	switch n.kind {
	case kindSource:
		e.due(n.of.(*Task), int(n.n))
	case kindLimit:
		e.cancel(n.of.(*Instance), activation.ExecutionTimeExceeded)
	case kindWarn:
		e.tellOf(n.of.(*Instance), event.Event{Kind: event.LongRunning})
	case kindGrace:
		e.abandon(n.of.(*Instance))
	case kindNotYet:
		e.ripe(n.of.(*Act))
	case kindExpiry:
		e.expire(n.of.(*Act))
	case kindTimer:
		t := n.of.(*Timer)
		e.forgetTimer(t)
		e.effect(Wake).Timer = t
	}
	return true
}

// nanos is t as a key of the plan. Instants beyond the years 1678 to 2262 are
// taken as the ends of that time.
func nanos(t time.Time) int64 {
	const edge = math.MaxInt64 / int64(time.Second)
	switch s := t.Unix(); {
	case s >= edge:
		return math.MaxInt64
	case s <= -edge:
		return math.MinInt64
	}
	return t.UnixNano()
}

// after is a key of the plan moved by d, which is not taken beyond the end of
// time.
func after(at int64, d time.Duration) int64 {
	if d > 0 && at > math.MaxInt64-int64(d) {
		return math.MaxInt64
	}
	return at + int64(d)
}

package engine

import (
	"math"
	"time"
)

// maxLanes is how many different times have a lane. What waits for another time
// is in the heap.
const maxLanes = 8

// timerLanes is how many of them are for timers, too. Sleeps may be of any length,
// and are not to take all the lanes from the limits.
const timerLanes = 4

// A lane holds what waits for the same time, first come, first due: so it is a
// list, to which arming and disarming is no work however long it is. Time limits
// are like that: most instances of an App have one of a few.
type lane struct {
	wait        time.Duration
	first, last *turn
}

// A turn is a node that may be in a lane.
type turn struct {
	node
	at         int64
	seq        uint64
	in         *lane // nil: in the heap, or not armed
	prev, next *turn
}

func (t *turn) slot() slot { return slot{t.at, t.seq, &t.node} }

// armAfter arms t for the instant that is so long after now, in one of the first
// so many lanes unless another is for that time already.
func (p *plan) armAfter(t *turn, now int64, wait time.Duration, lanes int) {
	p.disarmTurn(t)
	wait = max(wait, 0)
	at, l := after(now, wait), p.lane(wait, lanes)
	if l == nil || l.last != nil && l.last.at > at { // the clock was set back
		p.arm(&t.node, at)
		return
	}
	p.soonest = min(p.soonest, at)
	p.seq++
	t.at, t.seq, t.in, t.prev = at, p.seq|t.kind.rank(), l, l.last
	if l.last == nil {
		l.first = t
	} else {
		l.last.next = t
	}
	l.last = t
}

// lane finds the lane of that time, nil if there are too many.
func (p *plan) lane(wait time.Duration, most int) *lane {
	var empty *lane
	for i := range p.lanes {
		l := &p.lanes[i]
		if l.wait == wait {
			return l
		}
		if l.first == nil && i < most {
			empty = l
		}
	}
	if empty == nil && len(p.lanes) < most {
		if p.lanes == nil {
			p.lanes = make([]lane, 0, maxLanes) // it does not move: turns point into it
		}
		p.lanes = p.lanes[:len(p.lanes)+1]
		empty = &p.lanes[len(p.lanes)-1]
	}
	if empty != nil {
		empty.wait = wait
	}
	return empty
}

func (p *plan) disarmTurn(t *turn) bool {
	if t.in == nil {
		return p.disarm(&t.node)
	}
	p.leave(t)
	return true
}

func (p *plan) leave(t *turn) {
	if t.prev == nil {
		p.exact = false
		t.in.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		t.in.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.in, t.prev, t.next = nil, nil, nil
}

// shift moves all that is in lanes, which waits for time to pass.
func (p *plan) shift(d time.Duration) {
	p.soonest, p.exact = math.MinInt64, false
	for i := range p.lanes {
		for t := p.lanes[i].first; t != nil; t = t.next {
			t.at = after(t.at, d)
		}
	}
}

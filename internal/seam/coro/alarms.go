package coro

import (
	"cmp"
	"slices"
	"time"
)

// Alarms are those that are armed: a heap, and one apart from it, which was the
// earliest when it was armed. That is mostly the one that an App sets anew again
// and again, which so takes no work.
type alarms struct {
	apart *alarm // nil: none
	heap  heap
}

// first is the earliest, nil if there is none.
func (s *alarms) first() *alarm {
	if len(s.heap) > 0 && (s.apart == nil || s.heap[0].before(s.apart)) {
		return s.heap[0]
	}
	return s.apart
}

// next is the instant of the earliest, or forever.
func (s *alarms) next() time.Duration {
	at := forever
	if s.apart != nil {
		at = s.apart.at
	}
	if len(s.heap) > 0 {
		at = min(at, s.heap[0].at)
	}
	return at
}

func (s *alarms) push(a *alarm) {
	if s.apart != nil && !a.before(s.apart) {
		s.heap.push(a)
		return
	}
	if s.apart != nil {
		s.heap.push(s.apart)
	}
	s.apart, a.i = a, apart
}

func (s *alarms) remove(a *alarm) {
	if a.i != apart {
		s.heap.remove(a.i)
		return
	}
	s.apart, a.i = nil, gone
}

// fix puts a, whose instant is another by now, where it belongs.
func (s *alarms) fix(a *alarm) {
	if a.i != apart {
		s.heap.fix(a)
	}
}

// all is a list of them, in no particular order.
func (s *alarms) all() []*alarm {
	list := slices.Clone(s.heap)
	if s.apart != nil {
		list = append(list, s.apart)
	}
	return list
}

// each takes the alarms out that are wanted, and calls f for each, in the order
// in which they were armed.
func (s *alarms) each(wanted func(*alarm) bool, f func(*alarm)) {
	out := slices.DeleteFunc(s.all(), func(a *alarm) bool { return !wanted(a) })
	slices.SortFunc(out, func(a, b *alarm) int { return cmp.Compare(a.seq, b.seq) })
	for _, a := range out {
		s.remove(a)
		f(a)
	}
}

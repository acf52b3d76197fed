package coro

import (
	"slices"

	"github.com/bgloop/bgloop/internal/digest"
	"github.com/bgloop/bgloop/internal/seam"
)

// A Digester is a job that can sum up where it stands, if it is known, beside
// where its code is.
type Digester interface {
	Digest() (sum uint64, known bool)
}

// Remember notes something that the strand whose turn it is has been told, and
// that may make a difference to what it does.
func (w *World) Remember(v uint64) {
	if w.current != nil {
		w.current.told.Add(v)
	}
}

// Digest sums up where the World stands between two turns: the instant, what is
// ready and what waits for what time. A strand is taken to be where it was when
// it has had as many turns and was told the same. Two Worlds with the same sum
// that is known go on the same if what their strands share is the same. It is not
// known of what a strand does that is neither a Digester nor a function.
func (w *World) Digest() (sum uint64, known bool) {
	s := digest.Sum(w.now) //nolint:gosec // any mapping will do
	known = true
	add := func(o *strand) {
		n, ok := o.digest()
		s.Add(n)
		known = known && ok
	}
	for _, o := range w.ready.line[w.ready.head:] {
		add(o)
	}
	for n := w.watched.root.next; n != &w.watched.root; n = n.next {
		add(n.s)
	}
	parked := digest.Bag(0)
	for n := w.parked.root.next; n != &w.parked.root; n = n.next {
		x, ok := n.s.digest()
		parked.Add(digest.Sum(x))
		known = known && ok
	}
	s.Add(uint64(parked))
	for _, p := range w.processes {
		known = known && !p.dead && len(p.held) == 0
		s.Add(uint64(p.jumped), uint64(p.lost), uint64(p.sleeps), uint64(p.thaw)) //nolint:gosec // any mapping will do
	}
	alarms := w.alarms.all()
	slices.SortFunc(alarms, func(a, b *alarm) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	for _, a := range alarms {
		s.Add(uint64(a.at), uint64(slices.Index(w.processes, a.p)+1)) //nolint:gosec // any mapping will do
		if a.p == nil {
			s.Add(a.by)
		}
	}
	return uint64(s), known
}

func (s *strand) digest() (sum uint64, known bool) {
	d := s.told
	d.Add(s.turns)
	d.Is(s.begun, s.err != nil)
	known = true
	switch j := s.job.(type) {
	case Digester:
		sum, known = j.Digest()
		d.Add(1, sum)
	case *actor, seam.JobFunc:
		d.Add(2, s.id)
	default:
		known = false
	}
	return uint64(d), known
}

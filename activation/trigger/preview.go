package trigger

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// Errors of a preview, beside those of the trigger's Arm.
var (
	// ErrEndless says that a million due times in a row let nothing start.
	ErrEndless = errors.New("trigger: nothing starts within the next 1,048,576 due times")

	// ErrNotLater says that a schedule named a due time that is not after its
	// last. In the App that faults the registration.
	ErrNotLater = errors.New("trigger: schedule does not go forward")
)

// previewBound is how many due times a preview looks at without a start.
const previewBound = 1 << 20

// Next previews the first n instants at which a task with the trigger t starts
// that is registered at from. It is what the App does with a task that is
// always free: filters, delays, what is merged meanwhile and the windows of the
// trigger included, with the default options of tasks.Registration. Instants
// are in order and each is named once, also if the task starts twice then.
//
// There are fewer if the trigger comes to an end, and none for one that does
// not go by time; none either for an n that is not positive. The error is that
// of the trigger's Arm, ErrEndless or ErrNotLater; with one of the latter two
// the instants are those found before. A Jitter goes by the task's name; see
// NextOf.
func Next(t activation.Trigger, from time.Time, n int) ([]time.Time, error) {
	return NextOf("", t, from, n)
}

// NextOf is Next for a task of the given name.
func NextOf(task string, t activation.Trigger, from time.Time, n int) ([]time.Time, error) {
	if t == nil {
		return nil, ErrNoTrigger
	}
	from = from.Round(0)
	phase := activation.Phase{Name: task, Registered: from, Started: from}
	p := &preview{now: from, scopes: []*previewScope{{phase: phase}}}
	if err := t.Arm(&previewPort{p, p.scopes[0]}); err != nil {
		return nil, err
	}
	for _, s := range p.scopes {
		s.phase = phase
	}
	for _, s := range p.sources {
		s.phase = phase
		p.ask(s)
	}
	return p.run(n), p.err
}

// A preview lives through the due times of a trigger as the engine does, with a
// handler that takes no time.
type preview struct {
	now     time.Time
	scopes  []*previewScope
	sources []*previewSource
	oneShot bool
	payload bool

	pending []*previewEntry
	busy    bool // a start at this instant is not over
	spent   bool
	starts  []time.Time
	seq     int // of what was armed
	idle    int // due times since the last start
	err     error
}

type previewSource struct {
	schedule activation.Schedule
	scope    *previewScope
	phase    activation.Phase
	follows  bool
	node     previewNode
}

// An entry is an activation that waits for its time.
type previewEntry struct {
	notYet, expiry previewNode
}

// A node is something that waits for an instant.
type previewNode struct {
	at    time.Time
	rank  int // among what is due at the same instant
	seq   int
	armed bool
}

// What is due at one instant is done in this order, then as it was armed.
const (
	rankExpiry = iota
	rankNotYet
	rankSource
)

func (n *previewNode) before(o *previewNode) bool {
	switch {
	case o == nil:
		return true
	case !n.at.Equal(o.at):
		return n.at.Before(o.at)
	case n.rank != o.rank:
		return n.rank < o.rank
	}
	return n.seq < o.seq
}

func (p *preview) arm(n *previewNode, rank int, at time.Time) {
	p.seq++
	*n = previewNode{at: at, rank: rank, seq: p.seq, armed: true}
}

// ask asks a schedule for its next due time.
func (p *preview) ask(s *previewSource) {
	s.node.armed = false
	at, ok := s.schedule.Next(s.phase)
	switch {
	case !ok:
	case !s.phase.Last.IsZero() && !at.After(s.phase.Last):
		p.err = fmt.Errorf("%w: next after %v is %v", ErrNotLater, s.phase.Last, at)
	default:
		p.arm(&s.node, rankSource, at.Round(0))
	}
}

func (p *preview) run(n int) []time.Time {
	for len(p.starts) < n && p.err == nil {
		switch next := p.first(); {
		case next != nil && (!p.busy || !next.at.After(p.now)):
			if next.at.After(p.now) {
				p.now = next.at
			}
			next.armed = false
			p.do(next)
		case p.busy:
			p.over()
		default:
			return p.starts
		}
	}
	return p.starts
}

// first is what is to be done first of all that waits, nil if nothing does.
func (p *preview) first() (next *previewNode) {
	for _, s := range p.sources {
		if s.node.armed && s.node.before(next) {
			next = &s.node
		}
	}
	for _, a := range p.pending {
		for _, n := range []*previewNode{&a.notYet, &a.expiry} {
			if n.armed && n.before(next) {
				next = n
			}
		}
	}
	return next
}

func (p *preview) do(n *previewNode) {
	switch n.rank {
	case rankExpiry:
		p.expire(slices.IndexFunc(p.pending, func(a *previewEntry) bool { return n == &a.expiry }))
	case rankNotYet:
		p.advance()
	case rankSource:
		p.due(p.sources[slices.IndexFunc(p.sources, func(s *previewSource) bool { return n == &s.node })])
	}
}

// due deals with a schedule whose time has come. Due times that have passed
// before are one, at the last of them.
func (p *preview) due(s *previewSource) {
	if p.idle++; p.idle > previewBound {
		p.err = ErrEndless
		return
	}
	if s.follows && p.underway() || s.scope.ended(s.node.at) {
		return // the completion asks anew; or nothing comes of it for ever
	}
	s.phase.N, s.phase.Last = s.phase.N+1, s.node.at
	if !s.follows {
		p.skip(s)
	}
	p.fire(s.scope, s.phase.Last)
	if s.follows && !p.underway() {
		s.phase.Completed = p.now // nothing came of it
		p.ask(s)
	}
}

// skip moves the phase past every due time up to now, and asks for the next.
func (p *preview) skip(s *previewSource) {
	if l, ok := s.schedule.(activation.Leaper); ok {
		if n, last := l.Missed(s.phase, p.now); n > 0 {
			s.phase.N, s.phase.Last = s.phase.N+n, last
		}
	}
	for p.ask(s); s.node.armed && !s.node.at.After(p.now); p.ask(s) {
		if p.idle++; p.idle > previewBound {
			p.err = ErrEndless
			return
		}
		s.phase.N, s.phase.Last = s.phase.N+1, s.node.at
	}
}

func (p *preview) underway() bool { return p.busy || len(p.pending) > 0 }

// fire makes an entry of a firing, or a part of one, or drops it.
func (p *preview) fire(s *previewScope, due time.Time) {
	at, ok := s.pass(due)
	last := len(p.pending) - 1
	switch {
	case !ok, p.spent, p.payload && last >= 0:
		return
	case last >= 0:
		s.count()
		p.merge(p.pending[last], s, at)
		return
	}
	s.count()
	if p.spent = p.oneShot; p.spent {
		for _, o := range p.sources {
			o.node.armed = false
		}
	}
	a := new(previewEntry)
	p.pending = append(p.pending, a)
	end, bounded := s.closes()
	switch {
	case bounded && !end.After(p.now):
		p.expire(len(p.pending) - 1)
		return
	case bounded:
		p.arm(&a.expiry, rankExpiry, end)
	}
	if at.After(p.now) {
		p.arm(&a.notYet, rankNotYet, at)
	}
	p.advance()
}

// merge makes a firing part of an entry. What postpones puts its start off
// anew; otherwise the earlier start stands.
func (p *preview) merge(a *previewEntry, s *previewScope, at time.Time) {
	switch end, bounded := s.closes(); {
	case !bounded:
		a.expiry.armed = false
	case a.expiry.armed && end.After(a.expiry.at):
		p.arm(&a.expiry, rankExpiry, end)
	}
	switch {
	case s.postpones() && at.After(p.now), a.notYet.armed && at.After(p.now) && at.Before(a.notYet.at):
		p.arm(&a.notYet, rankNotYet, at)
	case a.notYet.armed && !at.After(p.now):
		a.notYet.armed = false
		p.advance()
	}
}

// advance starts what may start.
func (p *preview) advance() {
	for i, a := range p.pending {
		if p.busy || a.notYet.armed {
			continue
		}
		p.pending = append(p.pending[:i], p.pending[i+1:]...)
		p.busy, p.idle = true, 0
		if n := len(p.starts); n == 0 || p.starts[n-1].Before(p.now) {
			p.starts = append(p.starts, p.now)
		}
		return
	}
}

// over: the handler has returned.
func (p *preview) over() {
	p.busy = false
	p.complete()
	p.advance()
}

// expire ends an entry that is no longer good.
func (p *preview) expire(i int) {
	p.pending = append(p.pending[:i], p.pending[i+1:]...)
	p.complete()
	p.advance()
}

func (p *preview) complete() {
	for _, s := range p.sources {
		s.phase.Completed = p.now
	}
	p.follow()
}

// follow asks the schedules that go by completions.
func (p *preview) follow() {
	for _, s := range p.sources {
		if s.follows && !p.spent {
			s.phase.Completed = p.now
			p.ask(s)
		}
	}
}

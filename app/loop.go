package app

import (
	"sync"

	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/engine"
)

// A handlerLoop runs the handlers of tasks with OnLoop, one at a time, in the
// order of their starts. It has a strand only while there is one to run.
type handlerLoop struct {
	a *App

	mu      sync.Mutex // guards the following
	first   *run       // of a list: those that wait for their turn
	last    *run
	current *handle
	strand  *loopStrand // nil: there is none; others were stuck
	spare   *loopStrand // one that has ended

	// The owner's.
	timer   engine.Timer
	watched bool
	seen    *handle // the current one, when the timer was armed
	told    *handle // the last that was told to hold the loop
}

// put queues a run. The owner calls it.
func (l *handlerLoop) put(r *run) {
	l.mu.Lock()
	if l.first == nil {
		l.first = r
	} else {
		l.last.next = r
	}
	l.last = r
	if l.strand == nil {
		l.begin()
	}
	l.mu.Unlock()
	l.watch()
}

// take takes out the run after before, which is nil for the oldest. l.mu is
// held, and there is one.
func (l *handlerLoop) take(before *run) *run {
	from := &l.first
	if before != nil {
		from = &before.next
	}
	r := *from
	*from, r.next = r.next, nil
	if l.last == r {
		l.last = before
	}
	return r
}

// begin gives the loop a strand, with l.mu held.
func (l *handlerLoop) begin() {
	s := l.spare
	if s == nil {
		s = &loopStrand{l: l}
		s.begin = s.beginTurn
	}
	l.strand, l.spare = s, nil
	l.a.driver.Spawn(s)
}

// A loopStrand is the loop's strand.
type loopStrand struct {
	l     *handlerLoop
	begin func() // beginTurn, as a value made once
	r     *run   // whose turn it is
}

// Run implements seam.Job.
func (s *loopStrand) Run() {
	defer s.leave() // also after runtime.Goexit
	var before *run // it is over, which has not been told
	for s.r = s.next(); s.r != nil; s.r = s.next() {
		s.turnOver(before)
		s.r.Run()
		if before = nil; s.r.owes {
			s.r.owes, before = false, s.r
		}
	}
	if before != nil {
		s.l.a.send(&before.ending)
	}
}

// turnOver says that one turn is over and the next begins. It waits for that
// only if there is none to be over, or the next is to know its deadline.
func (s *loopStrand) turnOver(before *run) {
	a := s.l.a
	switch {
	case before == nil:
		a.own(s.begin)
	case s.r.limited:
		a.send(&before.ending)
		a.own(s.begin)
	default:
		before.ending.next = s.r
		a.send(&before.ending)
	}
}

func (s *loopStrand) beginTurn() { s.r.began() }

func (s *loopStrand) next() *run {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	if s != s.l.strand {
		return nil
	}
	if s.l.first == nil {
		s.l.strand, s.l.current = nil, nil
		return nil
	}
	r := s.l.take(nil)
	s.l.current = r.h
	return r
}

// leave lets the strand be used again; if its end is that of a handler that
// called runtime.Goexit, another goes on.
func (s *loopStrand) leave() {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	s.r = nil
	if s == s.l.strand {
		s.l.strand, s.l.current = nil, nil
		if s.l.first != nil {
			s.l.begin()
		}
	}
	s.l.spare = s
}

// forsake leaves a strand that is stuck in an abandoned run behind.
func (l *handlerLoop) forsake(r *run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == r.h {
		l.current = nil
		l.begin()
	}
}

// skip takes a run that was canceled before its turn out of the queue: its end
// is not to wait for others. No code of the user's is run by it.
func (l *handlerLoop) skip(r *run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var before *run
	for o := l.first; o != nil; before, o = o, o.next {
		if o == r {
			l.a.driver.Spawn(l.take(before))
			return
		}
	}
}

// watch looks after the threshold whether the same handler still runs. The
// owner calls it, and does so again as long as the loop has work.
func (l *handlerLoop) watch() {
	if l.watched || l.a.threshold < 0 {
		return
	}
	l.watched = true
	l.timer.Host = l
	l.a.later(&letter{in: &engine.Input{Op: engine.Arm, Timer: &l.timer, For: l.a.threshold}})
}

// ring is called by the owner when the threshold has passed.
func (l *handlerLoop) ring() {
	l.watched = false
	l.mu.Lock()
	current, idle := l.current, l.strand == nil
	l.mu.Unlock()
	if current != l.told {
		l.told = nil
	}
	if current != nil && current == l.seen && l.told == nil {
		l.a.dump(current.r, func(stack string) { l.held(current, stack) })
		l.told = current
	}
	l.seen = current
	if !idle {
		l.watch()
	}
}

func (l *handlerLoop) held(h *handle, stack string) {
	h.r.mu.Lock()
	is := h.r.is
	h.r.mu.Unlock()
	l.a.post(&engine.Input{Op: engine.Tell, Inst: is, ID: h.id, Kind: event.LoopHeld, Topic: stack})
}

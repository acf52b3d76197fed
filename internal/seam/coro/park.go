package coro

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/bgloop/bgloop/internal/seam"
)

// ErrClosed is returned by Park to the deferred functions of a strand that
// Close unwinds.
var ErrClosed = errors.New("coro: the World is closed")

// NewPark returns a place for one strand to wait.
func (w *World) NewPark() seam.Park { return &park{w: w} }

type park struct {
	w      *World
	p      *Process // whose it is; nil: nobody's
	token  bool
	waiter *strand
}

// Park ends the strand's turn until Unpark, or until ctx is done, which the
// World looks for before each step; ctx may be nil. With a token, or with a ctx
// that is done already, the turn goes on. In a strand that Close unwinds it
// returns ErrClosed at once; a strand that is none of its Process's waits there
// no longer than that lives, and gets ErrKilled.
//
// Only a strand may call it. It panics in an alarm and outside of Run.
func (p *park) Park(ctx context.Context) error {
	w := p.w
	w.guard("Park")
	s := w.current
	switch {
	case s == nil:
		panic("coro: Park outside a strand: only a job that the World runs can wait, on its own goroutine; an alarm, a goroutine that a job started and the code around Run cannot")
	case s.killed:
		return ErrClosed
	case p.waiter != nil:
		panic(fmt.Sprintf("coro: strand %d parks where strand %d waits already", s.id, p.waiter.id))
	}
	if p.take() {
		return nil
	}
	if p.p != nil && p.p.dead && s.p != p.p {
		return ErrKilled
	}
	if ctx != nil && ctx.Done() != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.ctx = ctx
	}
	p.waiter, s.waits = s, p
	w.park(s)
	p.waiter, s.waits, s.ctx = nil, nil, nil
	if s.killed {
		runtime.Goexit()
	}
	err := s.err
	s.err = nil
	if p.take() {
		return nil
	}
	return err
}

// Unpark makes the strand ready, or leaves a token for its next Park. An alarm
// and the code around Run may call it too.
func (p *park) Unpark() {
	p.w.guard("Unpark")
	p.token = true
	if p.waiter != nil {
		p.w.wake(p.waiter)
	}
}

func (p *park) take() bool {
	had := p.token
	p.token = false
	return had
}

// park ends the turn of s, on its coroutine, and returns with the next one that
// is not just for its stack.
func (w *World) park(s *strand) {
	s.since = w.now
	w.parked.push(&s.inParked)
	if s.ctx != nil {
		w.watched.push(&s.inWatched)
	}
	w.rest(s)
	for s.asked {
		s.asked, s.stack = false, debug.Stack()
		s.co.yield()
	}
}

// wake makes s ready, if it is still parked and lives.
func (w *World) wake(s *strand) {
	if s.inParked.next == nil || !s.lives() {
		return
	}
	w.unlink(s)
	w.enqueue(s)
}

func (w *World) unlink(s *strand) {
	s.inParked.remove()
	s.inWatched.remove()
}

// wakeDone wakes the strands whose contexts have ended, in park order.
func (w *World) wakeDone() {
	for n := w.watched.root.next; n != &w.watched.root; {
		s := n.s
		n = n.next
		if err := s.ctx.Err(); err != nil {
			s.err = err
			w.wake(s)
		}
	}
}

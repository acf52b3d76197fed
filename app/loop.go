package app

import (
	"slices"
	"sync"

	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/engine"
)

// A handlerLoop runs the handlers of tasks with OnLoop, one at a time, in the
// order of their starts. It has a strand only while there is one to run.
type handlerLoop struct {
	a *App

	mu      sync.Mutex // guards the following
	queue   []*run
	current *handle
	strand  uint64 // which strand is the loop; older ones were stuck
	alive   bool

	// The owner's.
	timer   engine.Timer
	watched bool
	seen    *handle // the current one, when the timer was armed
	told    *handle // the last that was told to hold the loop
}

// put queues a run. The owner calls it.
func (l *handlerLoop) put(r *run) {
	l.mu.Lock()
	l.queue = append(l.queue, r)
	if !l.alive {
		l.begin()
	}
	l.mu.Unlock()
	l.watch()
}

// begin gives the loop a strand, with l.mu held.
func (l *handlerLoop) begin() {
	l.alive = true
	l.strand++
	l.a.driver.Spawn(&loopStrand{l, l.strand})
}

// A loopStrand is the loop's strand.
type loopStrand struct {
	l *handlerLoop
	n uint64
}

// Run implements seam.Job.
func (s *loopStrand) Run() {
	defer s.leave() // also after runtime.Goexit
	for r := s.next(); r != nil; r = s.next() {
		r.Run()
	}
}

func (s *loopStrand) next() *run {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	if s.n != s.l.strand {
		return nil
	}
	s.l.current = nil
	if len(s.l.queue) == 0 {
		return nil
	}
	r := s.l.queue[0]
	s.l.queue[0] = nil
	s.l.queue = s.l.queue[1:]
	s.l.current = r.h
	return r
}

func (s *loopStrand) leave() {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	if s.n != s.l.strand {
		return
	}
	s.l.alive, s.l.current = false, nil
	if len(s.l.queue) > 0 {
		s.l.begin()
	}
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
	if i := slices.Index(l.queue, r); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
		l.a.driver.Spawn(r)
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
	l.a.later(letter{in: engine.Input{Op: engine.Arm, Timer: &l.timer, For: l.a.threshold}})
}

// ring is called by the owner when the threshold has passed.
func (l *handlerLoop) ring() {
	l.watched = false
	l.mu.Lock()
	current, idle := l.current, !l.alive
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

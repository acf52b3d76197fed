package coro

import "slices"

// Close ends the strands that have no job. That is all it does while the World
// runs: called by a strand or an alarm, as an app does that stops, it touches
// nobody else's.
//
// Called from outside, it ends everything that lives in the World. Each strand
// that has begun is unwound: its wait does not return, its deferred functions
// run, and a Park in those returns ErrClosed at once. Strands that have not
// begun are dropped, with those spawned meanwhile, and alarms are stopped. No
// coroutine is left then. If deferred functions panic, Close ends the rest and
// then panics with the first *StrandPanic.
//
// Spawn works afterwards; what it spawns needs another Close.
func (w *World) Close() {
	w.guard("Close")
	if w.running {
		w.dismiss()
		return
	}
	w.enter("Close")
	defer w.leave()
	for _, p := range w.processes {
		p.thaw = 0
		p.release()
	}
	first := w.unwind()
	w.dismiss()
	w.alarms.each(func(*alarm) bool { return true }, func(*alarm) {})
	if first != nil {
		panic(first)
	}
}

// unwind ends the jobs of all strands, and returns the first panic of one: the
// parked in park order, then the ready.
func (w *World) unwind() (first *StrandPanic) {
	for {
		s := w.parked.first()
		switch {
		case s != nil:
			w.unlink(s)
		case w.ready.len() > 0:
			s = w.ready.pop()
		default:
			return first
		}
		if failed := w.kill(s); first == nil {
			first = failed
		}
	}
}

// kill ends the job of s, which is in no list. One that has not begun has
// nothing to unwind, and its strand is idle again.
func (w *World) kill(s *strand) *StrandPanic {
	if !s.begun {
		s.job = nil
		w.idle = append(w.idle, s)
		return nil
	}
	s.killed = true
	w.resume(s)
	failed := w.failed
	w.failed = nil
	return failed
}

// dismiss ends the coroutines of the idle strands, but for those on whose
// coroutines the World is driven.
func (w *World) dismiss() {
	w.idle = slices.DeleteFunc(w.idle, func(s *strand) bool {
		if s.co != nil && !s.chained {
			s.co.stop()
		}
		return !s.chained
	})
}

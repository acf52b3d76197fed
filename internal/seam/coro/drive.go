package coro

import (
	"runtime"
	"slices"
)

// The World is driven where control is: its alarms ring and its time goes by on
// the stack of whoever has ended a turn. On the loop that is Run, Idle or Do. A
// strand that parks, or whose job is over, does not switch back to the loop: it
// drives the World as well, up to the next turn. Often that is its own, which
// takes no switch at all; else it resumes the strand whose turn it is.
//
// Those that have resumed another, and the one that drives, are chained, with
// the loop at the beginning. The chain is a stack: the turn of one who is in it
// comes when those behind have yielded. None of this makes a difference to what
// happens, and in which order.

// drive does what can happen up to the turn of a strand, and returns that
// strand; nil if Run, Idle or Do is to return. Of what can happen at an instant,
// what a Chooser calls choice 0 is the strand that is ready for longest, and the
// last choice is the alarm.
func (w *World) drive() *strand {
	for !w.halted && (w.goal == nil || !w.goal.over) {
		if w.watched.root.next != &w.watched.root {
			w.wakeDone()
		}
		ready := w.ready.len()
		choices := ready
		at := w.alarms.next()
		if at <= w.now && at < forever {
			choices++
		}
		i := 0
		switch {
		case choices > 1:
			i = w.chooser.Choose(w.now, choices)
		case choices == 0:
			if !w.advance(at) {
				return nil
			}
			continue
		}
		if i < ready {
			s := w.ready.pick(i)
			s.turns++
			w.mark(s.id)
			return s
		}
		w.mark(0)
		w.ring()
		w.stepped()
	}
	return nil
}

// stepped is the end of a step.
func (w *World) stepped() {
	w.open = false
	if w.after != nil {
		w.after()
	}
}

// loop drives the World on the goroutine of Run, Idle or Do.
func (w *World) loop() {
	for s := w.drive(); s != nil; s = w.drive() {
		w.resume(s)
		w.rethrow()
		if w.open {
			w.stepped()
		}
	}
}

// resume gives s its turn, and returns when it is that of whoever called it: the
// loop, or a strand of the chain.
func (w *World) resume(s *strand) {
	s.begun = true
	if s.co == nil {
		s.co = w.create(s.life)
	}
	w.current = s
	s.co.resume()
	w.current = nil
	for _, gone := range w.exited {
		bury(gone.co)
	}
	w.exited = w.exited[:0]
}

// rest ends the turn of s, on its coroutine. It returns true with the next one,
// and false if the coroutine is to end.
func (w *World) rest(s *strand) bool {
	if !w.drives || w.failed != nil {
		w.open = true
		return s.co.yield()
	}
	w.current, s.chained = nil, true
	for next := w.driveOn(s); next != s; next, w.turn = w.turn, nil {
		if next == nil || next.chained {
			w.turn, s.chained = next, false
			return s.co.yield()
		}
		w.resume(next)
	}
	w.current, s.chained, s.begun = s, false, true
	return true
}

// driveOn ends the step and is drive, on the coroutine of s: what goes wrong in
// an alarm, or in what is called after each step, is not to unwind s. It is
// thrown on the loop.
func (w *World) driveOn(s *strand) (next *strand) {
	over := false
	defer func() {
		if over {
			return
		}
		t := thrown{recover()}
		w.thrown = &t
		if t.value == nil { // s is being unwound by Goexit: it stays here until it may
			w.leaveBy(s)
		}
	}()
	w.stepped()
	next = w.drive()
	over = true
	return next
}

// leaveBy holds a Goexit of s that was none of its own.
func (w *World) leaveBy(s *strand) {
	s.chained = false
	if s.job == nil { // it waits for nothing
		w.idle = slices.DeleteFunc(w.idle, func(o *strand) bool { return o == s })
		w.exit(s)
		return
	}
	s.co.yield()
}

// exit is the last yield of s, in the middle of a Goexit; it is over after that.
func (w *World) exit(s *strand) {
	s.exited = true
	w.exited = append(w.exited, s)
	s.co.yield()
}

// A thrown is what came out of an alarm, or of what is called after each step.
type thrown struct {
	value any // nil: it was Goexit
}

// rethrow has the loop end as what it drives has.
func (w *World) rethrow() {
	failed, t := w.failed, w.thrown
	w.failed, w.thrown = nil, nil
	switch {
	case failed != nil:
		panic(failed)
	case t == nil:
	case t.value == nil:
		runtime.Goexit()
	default:
		panic(t.value)
	}
}

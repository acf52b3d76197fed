package coro

import (
	"math"
	"time"

	"github.com/bgloop/bgloop/clock"
)

// forever is the end of a World.
const forever = time.Duration(math.MaxInt64)

// AfterFunc has f called on the World's loop when virtual time has come to d
// from now. A d of zero or less is due at the present instant, but never rings
// inside AfterFunc. Alarms due at one instant ring in the order they were
// armed; strands that are ready at that instant may run before, between and
// after them, as the seed will have it.
//
// f is not a strand: it may call the World, but must not Park.
func (w *World) AfterFunc(d time.Duration, f func()) clock.Timer {
	w.guard("AfterFunc")
	at := forever
	if d = max(d, 0); d < forever-w.now {
		at = w.now + d
	}
	w.armed++
	a := &alarm{w: w, at: at, seq: w.armed, f: f}
	w.alarms.push(a)
	return a
}

// An alarm is a call at an instant, and its own timer.
type alarm struct {
	w   *World
	at  time.Duration
	seq uint64
	i   int // where it is in the heap, or gone
	f   func()
}

const gone = -1

// Stop takes the alarm back, and reports whether this call did so.
func (a *alarm) Stop() bool {
	a.w.guard("Stop")
	if a.i == gone {
		return false
	}
	a.w.alarms.remove(a.i)
	return true
}

// next is the instant of the earliest alarm, or forever.
func (w *World) next() time.Duration {
	if len(w.alarms) == 0 {
		return forever
	}
	return w.alarms[0].at
}

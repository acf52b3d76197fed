package coro

import (
	"math"
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/seam"
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
func (w *World) AfterFunc(d time.Duration, f func()) clock.Timer { return w.alarm(nil, d, f) }

// alarm arms an alarm of a process, or of none. A dead one gets an alarm that
// has been stopped.
func (w *World) alarm(p *Process, d time.Duration, f func()) *alarm {
	w.guard("AfterFunc")
	a := &alarm{w: w, p: p, f: f, i: gone}
	a.arm(d)
	return a
}

// arm puts an alarm that is gone in line, unless its process is dead.
func (a *alarm) arm(d time.Duration) {
	a.set(d)
	if a.p == nil || !a.p.dead {
		a.w.alarms.push(a)
	}
}

// set is when the alarm is due, and the last of those due then.
func (a *alarm) set(d time.Duration) {
	w := a.w
	w.armed++
	a.at, a.seq = later(w.now, max(d, 0)), w.armed
	if a.by = 0; w.current != nil {
		a.by = w.current.id
	}
}

// later is d after an instant, or never.
func later(at, d time.Duration) time.Duration {
	if d >= forever-at {
		return forever
	}
	return at + d
}

// An alarm is a call at an instant, and its own timer.
type alarm struct {
	w   *World
	p   *Process // nil: of none
	at  time.Duration
	seq uint64
	i   int    // where it is in the heap, apart, or gone
	by  uint64 // the strand that set it; zero: none
	f   func()
}

// Where an alarm is that is not in the heap.
const (
	gone  = -1
	apart = -2 // it is alarms.apart
)

var _ seam.Rearmer = (*alarm)(nil)

// Stop takes the alarm back, and reports whether this call did so.
func (a *alarm) Stop() bool {
	a.w.guard("Stop")
	if a.i == gone {
		return false
	}
	a.w.alarms.remove(a)
	return true
}

// Rearm implements seam.Rearmer. Among those due at one instant the alarm counts
// as armed now.
func (a *alarm) Rearm(d time.Duration) {
	a.w.guard("Rearm")
	if a.i == gone {
		a.arm(d)
		return
	}
	a.set(d)
	a.w.alarms.fix(a)
}

// ring calls the earliest alarm, unless its process is frozen: then it is late.
func (w *World) ring() {
	a := w.alarms.first()
	w.alarms.remove(a)
	if a.p.frozen() {
		a.at = a.p.thaw
		w.alarms.push(a)
		return
	}
	a.f()
}

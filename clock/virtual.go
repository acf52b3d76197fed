package clock

import (
	"math"
	"sync"
	"time"
)

// A Virtual is a clock that stands still until Advance. It starts no goroutine
// and never asks the system for the time, so the same calls give the same
// history. Make one with NewVirtual. Its methods may be called from any
// goroutine, and from the functions it calls.
//
// It keeps two times, as systems do: the time elapsed, on which timers run, and
// the wall clock, which Now reads and Jump sets. Elapsed time ends 292 years
// after the start: Advance goes no further, and a timer for later is due then.
type Virtual struct {
	mu      sync.Mutex // guards the following
	zero    time.Time  // what the wall clock reads at elapsed 0
	elapsed time.Duration
	timers  heap
	armed   uint64 // timers armed so far, the order of those due together

	advancing bool
	target    time.Duration // where the Advance under way ends
}

// NewVirtual returns a clock that reads start, in start's location and without
// a monotonic reading. A zero start means 2000-01-01 00:00 UTC.
func NewVirtual(start time.Time) *Virtual {
	if start.IsZero() {
		start = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	return &Virtual{zero: start.Round(0)}
}

// Now is what the wall clock reads: start, plus every Advance and every Jump.
// In a function that Advance calls, it is the instant the function was due.
func (v *Virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.zero.Add(v.elapsed)
}

// Elapsed is the sum of every Advance: what Jump does not change.
func (v *Virtual) Elapsed() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.elapsed
}

// AfterFunc has f called when d has elapsed, by the Advance that gets there and
// on its goroutine. If d is zero or negative, that is the present instant: the
// next Advance calls f, Advance(0) included, or the one under way. Functions
// due at the same instant are called in the order of their AfterFunc.
func (v *Virtual) AfterFunc(d time.Duration, f func()) Timer {
	t := &virtualTimer{v: v, armed: armed{f: f}}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.timers.push(entry{at: later(v.elapsed, max(d, 0)), seq: v.armed, t: &t.armed})
	v.armed++
	return t
}

// Advance lets d elapse. It calls, on this goroutine and without a lock held,
// each function that comes due on the way, at its own instant, those included
// that such a function arms; a function that always arms another for the same
// instant keeps it from ending. It returns how many functions it called.
//
// Only one Advance is under way at a time. One made meanwhile, by a function it
// calls or on another goroutine, lengthens it by d and returns 0 at once: time
// comes to stand where it would had they been made one after the other.
//
// If a function panics, so does Advance: the clock stays at that instant, gives
// up the rest of the way, and the functions not yet called stay armed.
//
// A negative d panics; see Jump.
func (v *Virtual) Advance(d time.Duration) int {
	if d < 0 {
		panic("clock: Advance by " + d.String() + ": elapsed time never goes back, Jump does")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.advancing {
		v.target = later(v.target, d)
		return 0
	}
	v.advancing, v.target = true, later(v.elapsed, d)
	defer func() { v.advancing = false }()
	n := 0
	for len(v.timers) > 0 && v.timers[0].at <= v.target {
		e := v.timers.remove(0)
		v.elapsed = e.at
		n++
		v.call(e.t.f)
	}
	v.elapsed = v.target
	return n
}

// call calls f with v.mu released, and has it again also if f panics.
func (v *Virtual) call(f func()) {
	v.mu.Unlock()
	defer v.mu.Lock()
	f()
}

// Next is when the earliest armed timer is due, as Now will read then unless
// the clock jumps; it is never before Now. It is false if no timer is armed.
func (v *Virtual) Next() (time.Time, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.timers) == 0 {
		return time.Time{}, false
	}
	return v.zero.Add(v.timers[0].at), true
}

// Jump sets the wall clock forward by d, or back if d is negative, as a step of
// NTP or an operator does. No time elapses: no function is called, and armed
// timers have as long to go as before.
func (v *Virtual) Jump(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.zero = v.zero.Add(d)
}

// later is t+d, or the end of time. d is not negative.
func later(t, d time.Duration) time.Duration {
	if d > math.MaxInt64-t {
		return math.MaxInt64
	}
	return t + d
}

type virtualTimer struct {
	v *Virtual
	armed
}

func (t *virtualTimer) Stop() bool {
	t.v.mu.Lock()
	defer t.v.mu.Unlock()
	if t.i == out {
		return false
	}
	t.v.timers.remove(t.i)
	return true
}

// Package clock is the only door to time: whoever needs the time or an alarm is
// given a Clock, which is the system's, a benbjohnson clock, or a virtual one
// that moves when it is told to.
//
// It never decides when work is due and never lets a goroutine wait; a Clock
// has no Sleep, no channel and no ticker.
package clock

import "time"

// A Clock tells the time and calls back. Its methods may be called from any
// goroutine.
type Clock interface {
	// Now is what the clock reads. It can be set, and so go back or leap.
	Now() time.Time

	// AfterFunc calls f once, when d has elapsed, and never earlier. If d is
	// zero or negative, f is due at once. Setting the clock's reading moves
	// no timer of a System or a Virtual clock.
	//
	// f runs on any goroutine, but never inside this call: the caller may
	// hold a lock that f takes. f must not be nil and must not block. Timers
	// due at the same instant fire in any order, unless the clock says more.
	AfterFunc(d time.Duration, f func()) Timer
}

// A Timer is a call that a Clock was asked for.
type Timer interface {
	// Stop prevents the call and reports whether this Stop did so: false if
	// the call has begun or was stopped before. It does not wait for a call
	// that has begun. It may be called from any goroutine, the call included.
	Stop() bool
}

// An Elapser is a Clock that can tell how much time has elapsed apart from what
// it reads, as a reading with a monotonic part can.
type Elapser interface {
	Clock
	Elapsed() time.Duration
}

// A Stopwatch is a Clock that can tell how long ago one of its readings was, at
// less cost than by another reading. That of a reading that is not Monotonic is
// of no use.
type Stopwatch interface {
	Clock
	Since(reading time.Time) time.Duration
}

// System is the clock of the operating system, or of the testing/synctest bubble
// it is called in. All its values are equal. Each call of an AfterFunc runs on a
// goroutine of its own. Its readings are Monotonic, but for those in a bubble,
// where nobody can set the clock.
func System() Clock { return system{} }

type system struct{}

func (system) Now() time.Time { return time.Now() }

func (system) Since(t time.Time) time.Duration { return time.Since(t) }

func (system) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// Monotonic reports whether t carries a monotonic reading beside that of the
// wall clock. If it does, the difference of two such times is what elapsed,
// however the wall clock was set in between; if not, it may be a jump as well.
// A reading of System loses its monotonic part in UTC, In, Local and Round.
func Monotonic(t time.Time) bool {
	return t != t.Round(0) // not Equal, which ignores what Round strips
}

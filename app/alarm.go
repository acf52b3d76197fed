package app

import (
	"math"
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
)

// An alarm is the one timer of the App.
type alarm struct {
	timer clock.Timer
	again seam.Rearmer // the same; nil: it is none
	nanos int64        // at, if again is set anew
	at    time.Time
	armed bool
	// The clock has been moved since a.now was read: the owner looks again what is
	// due. Once, or a clock that moves when it is read would keep it busy for ever.
	doubted bool
}

// farthest is how far ahead the alarm is set on a clock that can be adjusted
// under us: so an adjustment is noticed within this time.
const farthest = time.Minute

// setAlarm arms the alarm for the earliest entry of the plan. One that is armed
// for an earlier instant stays: what it finds nothing to do for costs less than
// setting it anew each time, unless that costs next to nothing.
func (a *App) setAlarm() {
	if a.alarm.again != nil {
		a.resetAlarm()
		return
	}
	doubted := a.alarm.doubted
	a.alarm.doubted = false
	if a.alarm.armed && !a.eng.MayBeDue(a.alarm.at) {
		return // as mostly
	}
	at, ok := a.eng.Next()
	if !ok || a.alarm.armed && !at.Before(a.alarm.at) {
		return
	}
	now := a.now
	if a.stopwatch != nil { // what was done since a.now was read has taken its time
		now = a.read.Add(max(a.stopwatch.Since(a.read), a.now.Sub(a.read)))
	}
	d := at.Sub(now.Round(0))
	if clock.Monotonic(now) && d > farthest {
		d, at = farthest, now.Round(0).Add(farthest)
	}
	a.alarm.at, a.alarm.armed = at, true
	before := a.alarm.timer
	a.alarm.timer = a.clock.AfterFunc(d, a.ring)
	a.alarm.again, _ = a.alarm.timer.(seam.Rearmer)
	a.alarm.nanos = at.UnixNano()
	if before != nil { // stopped last: a clock without a timer gives up what it holds
		before.Stop()
	}
	if a.moved && !doubted && (d <= 0 || !a.clock.Now().Equal(now)) {
		a.alarm.doubted = true
		a.later(&letter{do: a.tick})
	}
}

// resetAlarm is setAlarm where that costs next to nothing, as under virtual
// time: the alarm is for the earliest entry, and for no other.
func (a *App) resetAlarm() {
	at, ok := a.eng.Soonest()
	if !ok || a.alarm.armed && at == a.alarm.nanos {
		return
	}
	d, now := time.Duration(math.MaxInt64), a.now.UnixNano()
	if now >= 0 || at < math.MaxInt64+now {
		d = time.Duration(at - now)
	}
	a.alarm.nanos, a.alarm.armed = at, true
	a.alarm.again.Rearm(d)
}

// ring is called by the clock.
func (a *App) ring() {
	if a.take() { // as a.do, without a closure each time
		a.tick()
		a.release(0)
		return
	}
	a.sendAsOfNow(&letter{do: a.tick})
}

// few is how much of what is due at once is decided before the handlers of it
// are given strands: on another processor they begin while the owner goes on.
// With more of it the first ones wait for the decisions about the others; a part
// by itself costs next to nothing.
const few = 4

func (a *App) tick() {
	a.alarm.armed = false
	in := engine.Input{Op: engine.Tick}
	if a.journal == nil { // else all of it waits for one commit
		in.N = few
	}
	for a.step(&in); a.eng.Due(); a.step(&in) {
		in.On = true
	}
}

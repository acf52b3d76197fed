package app

import (
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/engine"
)

// tolerance is by how much the wall clock may differ from the time that has
// passed before that is a jump.
const tolerance = time.Second

// glance is how long after a reading of the clock only the time is looked at
// that has elapsed since: that the clock was set is noticed so much later.
const glance = 10 * time.Millisecond

// look reads the clock, once for each batch of letters. If it has been set, or
// the process was suspended, the engine is told before anything else.
func (a *App) look() {
	if a.stopwatch != nil {
		if passed := a.stopwatch.Since(a.read); 0 <= passed && passed < glance {
			a.now = a.read.Add(passed)
			return
		}
	}
	if a.mover != nil {
		moves := a.mover.Moves()
		if moves == a.moves {
			return // virtual time stands still
		}
		a.moves = moves
	}
	before, passed := a.read, a.elapsed
	a.readTimes()
	a.read = a.now
	a.stopwatch = nil
	monotonic := a.mover == nil && clock.Monotonic(a.now)
	if monotonic {
		a.stopwatch, _ = a.clock.(clock.Stopwatch)
	}
	if before.IsZero() {
		return
	}
	var jump time.Duration
	switch {
	case monotonic:
		jump = a.now.Round(0).Sub(before.Round(0)) - a.now.Sub(before)
	case a.elapser != nil:
		if a.now.UnixNano()-before.UnixNano() == int64(a.elapsed-passed) {
			return // as mostly; and cheaper to find out
		}
		jump = a.now.Sub(before) - (a.elapsed - passed)
	default:
		jump = min(a.now.Sub(before), 0) // such a clock can only be seen to go back
	}
	if -tolerance <= jump && jump <= tolerance {
		return
	}
	a.step(&engine.Input{Op: engine.Jump, For: jump})
	for _, i := range a.eng.Instances() {
		runOf(i).readDeadline()
	}
	a.unsetAlarm()
}

// readTimes reads the wall clock and, if the clock tells it, what has elapsed: both
// of one instant, though somebody may move the clock in between. One that moves
// whenever it is read is given up on.
func (a *App) readTimes() {
	a.now = a.clock.Now()
	if a.elapser == nil {
		return
	}
	a.elapsed = a.elapser.Elapsed()
	for i := 0; a.moved && i < 3; i++ {
		again := a.clock.Now()
		if again.Equal(a.now) {
			return
		}
		a.now, a.elapsed = again, a.elapser.Elapsed()
	}
}

// unsetAlarm makes the owner set the alarm anew.
func (a *App) unsetAlarm() {
	if a.alarm.timer != nil {
		a.alarm.timer.Stop()
	}
	a.alarm.armed = false
}

// sendAsOfNow is send for a letter that nobody waits for. If somebody moves the
// clock, who may do so once it is sent, what comes due by that comes after it, and
// it finds the present instant.
func (a *App) sendAsOfNow(l *letter) {
	if a.moved {
		l.wait = &waiting{sent: a.clock.Now()}
	}
	a.send(l)
}

// isDated reports whether the letter says when it was sent.
func (l *letter) isDated() bool { return l.wait != nil && !l.wait.sent.IsZero() }

// handleDated is handle on a clock that somebody moves. A letter that does not say
// when it was sent is of the instant of the next one that does: time must not pass
// before that. It returns that one, which is that of the letters up to it.
func (a *App) handleDated(l, dated *letter) *letter {
	for dated != nil && !dated.isDated() {
		dated = dated.before
	}
	if dated == nil {
		a.handle(l)
		return nil
	}
	now, at, next := a.now, dated.wait.sent, dated
	if l == dated {
		l.wait, next = nil, l.before
	}
	if !at.Before(a.eng.Now()) && at.Before(now) {
		a.now = at
		a.alarm.doubted = false // what is due was looked for as of then
	}
	a.handle(l)
	a.now = now
	return next
}

package trigger

import (
	"errors"
	"fmt"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// Errors of Arm, returned by Register.
var (
	ErrInterval = errors.New("trigger: interval is not positive")
	ErrNoTime   = errors.New("trigger: time is zero")
	ErrDelay    = errors.New("trigger: delay is negative")
)

type every time.Duration

// Every makes a task due every d, first one d after it was registered. The due
// times are the registration's instant plus multiples of d: late wake-ups and
// slow handlers do not make them drift. A d that is not positive is refused
// with ErrInterval.
func Every(d time.Duration) activation.Trigger { return every(d) }

func (e every) String() string { return "every(" + time.Duration(e).String() + ")" }

// Interval is what App's minimum interval is compared with.
func (e every) Interval() time.Duration { return time.Duration(e) }

func (e every) Arm(p activation.Port) error {
	if e <= 0 {
		return fmt.Errorf("%w: %v", ErrInterval, time.Duration(e))
	}
	p.Schedule(e)
	return nil
}

// CountsElapsed says that a clock that is set back does not stop it.
func (every) CountsElapsed() bool { return true }

// Next is the due time with the number ph.N, counted from the registration.
func (e every) Next(ph activation.Phase) (time.Time, bool) {
	return ph.Registered.Add(time.Duration(ph.N+1) * time.Duration(e)), true
}

// Missed counts without walking.
func (e every) Missed(ph activation.Phase, now time.Time) (uint64, time.Time) {
	passed := now.Sub(ph.Registered) / time.Duration(e)
	if passed <= time.Duration(ph.N) {
		return 0, ph.Last
	}
	return uint64(passed) - ph.N, ph.Registered.Add(passed * time.Duration(e))
}

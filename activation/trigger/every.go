package trigger

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// Errors of Arm, returned by Register.
var (
	ErrInterval = errors.New("trigger: interval is not positive")
	ErrNoTime   = errors.New("trigger: time is zero")
	ErrDelay    = errors.New("trigger: delay is negative")
)

// An Interval is a trigger that comes regularly; see Every.
type Interval struct {
	d   time.Duration
	now bool
}

// Every makes a task due every d, first one d after it was registered. The due
// times are the registration's instant plus multiples of d: late wake-ups and
// slow handlers do not make them drift. When the clock is set back it goes on
// counting, from as much earlier. A d that is not positive is refused with
// ErrInterval.
func Every(d time.Duration) Interval { return Interval{d: d} }

// Immediately makes the task due at its registration as well; one that waits
// for Run, when that begins.
func (e Interval) Immediately() Interval { e.now = true; return e }

// String is the interval.
func (e Interval) String() string {
	if e.now {
		return "every(" + e.d.String() + ", immediately)"
	}
	return "every(" + e.d.String() + ")"
}

// Interval is what App's minimum interval is compared with.
func (e Interval) Interval() time.Duration { return e.d }

// Arm is for Register.
func (e Interval) Arm(p activation.Port) error {
	if e.d <= 0 {
		return fmt.Errorf("%w: %v", ErrInterval, e.d)
	}
	p.Schedule(e)
	return nil
}

// Next is the due time with the number ph.N, counted from the registration. It
// ends after 292 years.
func (e Interval) Next(ph activation.Phase) (time.Time, bool) {
	n := ph.N + e.first()
	over, d := bits.Mul64(n, uint64(e.d)) //nolint:gosec // it is positive
	if over > 0 || d > math.MaxInt64 {
		return time.Time{}, false
	}
	return ph.Registered.Add(time.Duration(d)), true
}

// first is the number of the first due time.
func (e Interval) first() uint64 {
	if e.now {
		return 0
	}
	return 1
}

// CountsElapsed says that a clock that is set back does not stop it.
func (Interval) CountsElapsed() bool { return true }

// Missed counts without walking.
func (e Interval) Missed(ph activation.Phase, now time.Time) (uint64, time.Time) {
	passed := uint64(max(0, now.Sub(ph.Registered)/e.d)) + 1 - e.first()
	if passed <= ph.N {
		return 0, ph.Last
	}
	return passed - ph.N, ph.Registered.Add(time.Duration(passed-1+e.first()) * e.d)
}

// AfterCompletion makes a task due d after an activation of it was last over,
// however long that took, and first d after its registration. A firing from
// elsewhere, such as Task.Fire, puts the next due time off: while an activation
// is pending or runs, none comes. A due time of which nothing comes, since a
// filter drops it, counts as one that was over at once. A d that is not positive
// is refused with ErrInterval.
func AfterCompletion(d time.Duration) activation.Trigger { return afterCompletion(d) }

type afterCompletion time.Duration

func (a afterCompletion) String() string {
	return "after-completion(" + time.Duration(a).String() + ")"
}

// Interval is what App's minimum interval is compared with.
func (a afterCompletion) Interval() time.Duration { return time.Duration(a) }

func (a afterCompletion) Arm(p activation.Port) error {
	if a <= 0 {
		return fmt.Errorf("%w: %v", ErrInterval, time.Duration(a))
	}
	p.Schedule(a)
	return nil
}

// Next counts from the completion, or from the registration if that is later.
func (a afterCompletion) Next(ph activation.Phase) (time.Time, bool) {
	from := ph.Registered
	if ph.Completed.After(from) {
		from = ph.Completed
	}
	return from.Add(time.Duration(a)), true
}

// FollowsCompletion says when to ask.
func (afterCompletion) FollowsCompletion() bool { return true }

// CountsElapsed says that a clock that is set back does not put it off.
func (afterCompletion) CountsElapsed() bool { return true }

package trigger

import (
	"fmt"
	"time"

	"github.com/bgloop/bgloop/activation"
)

type at struct{ t time.Time }

// At makes a task due once, at t; if that has passed, as soon as the App runs.
// The task is unregistered when that activation is over. The zero time is
// refused with ErrNoTime.
func At(t time.Time) activation.Trigger { return at{t} }

func (a at) String() string {
	var room [len("at()") + len(time.RFC3339Nano)]byte
	return string(append(a.t.AppendFormat(append(room[:0], "at("...), time.RFC3339Nano), ')'))
}

func (a at) Arm(p activation.Port) error {
	if a.t.IsZero() {
		return ErrNoTime
	}
	p.OneShot()
	p.Schedule(a)
	return nil
}

func (a at) Next(ph activation.Phase) (time.Time, bool) { return a.t, ph.N == 0 }

type after time.Duration

// After makes a task due once, d after it was registered. The task is
// unregistered when that activation is over. A negative d is refused with
// ErrDelay.
func After(d time.Duration) activation.Trigger { return after(d) }

func (a after) String() string { return "after(" + time.Duration(a).String() + ")" }

// Interval is what App's minimum interval is compared with.
func (a after) Interval() time.Duration { return time.Duration(a) }

func (a after) Arm(p activation.Port) error {
	if a < 0 {
		return fmt.Errorf("%w: %v", ErrDelay, time.Duration(a))
	}
	p.OneShot()
	p.Schedule(a)
	return nil
}

// CountsElapsed says that a clock that is set back does not put it off.
func (after) CountsElapsed() bool { return true }

func (a after) Next(ph activation.Phase) (time.Time, bool) {
	return ph.Registered.Add(time.Duration(a)), ph.N == 0
}

type oneShot struct{ activation.Trigger }

// OneShot lets t fire once: the first firing that is accepted is the last, and
// the task is unregistered when that activation is over, whatever its outcome.
// Without a trigger it is refused with ErrNoTrigger.
func OneShot(t activation.Trigger) activation.Trigger { return oneShot{t} }

func (o oneShot) String() string { return fmt.Sprintf("oneshot(%v)", o.Trigger) }

func (o oneShot) Arm(p activation.Port) error {
	if o.Trigger == nil {
		return ErrNoTrigger
	}
	p.OneShot()
	return o.Trigger.Arm(p)
}

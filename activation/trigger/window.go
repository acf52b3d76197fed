package trigger

import (
	"fmt"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// A Maintenance is a trigger whose firings open a window; see Window.
type Maintenance struct {
	t       activation.Trigger
	d       time.Duration
	cancels bool
}

// Window is a maintenance window: each firing of t opens it, and it stays open
// for d from the due time. What has not started when it closes, since a
// condition did not hold, the task was busy or the process was suspended, ends
// with activation.SystemPolicy; what runs then may finish, unless CancelAtEnd. A
// firing from elsewhere, such as Task.Fire, has no window. A d that is not
// positive is refused with ErrInterval.
func Window(t activation.Trigger, d time.Duration) Maintenance { return Maintenance{t: t, d: d} }

// CancelAtEnd makes the end of the window cancel what runs, with
// activation.SystemPolicy.
func (m Maintenance) CancelAtEnd() Maintenance { m.cancels = true; return m }

// String is the trigger and the length of the window.
func (m Maintenance) String() string {
	s := fmt.Sprintf("window(%v, %v", m.t, m.d)
	if m.cancels {
		s += ", cancel"
	}
	return s + ")"
}

// Arm is for Register.
func (m Maintenance) Arm(p activation.Port) error {
	switch {
	case m.t == nil:
		return ErrNoTrigger
	case m.d <= 0:
		return fmt.Errorf("%w: %v", ErrInterval, m.d)
	}
	b := p.Branch()
	b.Window(m.d, m.cancels)
	return m.t.Arm(b)
}

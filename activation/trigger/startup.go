package trigger

import (
	"time"

	"github.com/bgloop/bgloop/activation"
)

type startup struct{}

// Startup makes a task due once each time the App begins to run: the start of
// the process, for most programs. A task that is registered while the App runs
// is due at the next start, if there is one.
func Startup() activation.Trigger { return startup{} }

func (startup) String() string { return "startup" }

func (startup) Arm(p activation.Port) error {
	p.Schedule(atStart{})
	return nil
}

type atStart struct{}

// Next implements activation.Schedule.
func (atStart) Next(ph activation.Phase) (time.Time, bool) {
	late := ph.Registered.After(ph.Started)
	fired := !ph.Last.IsZero() && !ph.Last.Before(ph.Started)
	return ph.Started, !late && !fired
}

package power

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/source"
)

// ErrPercent is returned by Register for a charge that is not from 0 to 99.
var ErrPercent = errors.New("power: not a percentage from 0 to 99")

// A Monitor follows the power supply for any number of triggers and conditions,
// as source.Feed has it.
type Monitor struct {
	feed *source.Feed[State]
}

// System follows the machine's supply. The kernel tells of changes; what a
// battery holds is also read once a minute, as not every driver tells of that.
func System() *Monitor {
	return &Monitor{source.NewFeed(func() error { return check(Root) }, follow(Root, uevents))}
}

// Of follows what w tells, in place of the machine. It is for tests and
// simulations, and for systems that this package does not know.
func Of(w source.Watch[State]) *Monitor { return &Monitor{source.NewFeed(nil, w)} }

// State is the supply's state, and whether it is known: a task that goes by this
// monitor runs.
func (m *Monitor) State() (state State, known bool) { return m.feed.State() }

// Changed makes a task due when the state has changed in any way: Windows'
// PowerStateChange. The details are the new State, which an App with a store
// takes after app.WithDetails(power.State{}).
func (m *Monitor) Changed() activation.Trigger {
	return m.feed.Trigger("power(changed)", func(before, after State) bool { return before != after })
}

// OnLine holds while no battery is being used up.
func (m *Monitor) OnLine() activation.Condition {
	return m.feed.Condition("power(on line)", func(s State) bool { return s.OnLine })
}

// OnBattery holds while a battery is being used up.
func (m *Monitor) OnBattery() activation.Condition {
	return m.feed.Condition("power(on battery)", func(s State) bool { return !s.OnLine })
}

// BatteryAbove holds while the batteries are fuller than percent, or there are
// none. A percent that is not from 0 to 99 is refused with ErrPercent.
func (m *Monitor) BatteryAbove(percent int) activation.Condition {
	c := m.feed.Condition(fmt.Sprintf("power(battery above %d%%)", percent), func(s State) bool { return s.Percent > percent })
	if percent < 0 || percent > 99 {
		return refused{c, fmt.Errorf("%w: %d", ErrPercent, percent)}
	}
	return c
}

type refused struct {
	activation.Condition
	err error
}

func (r refused) Arm(func(bool), activation.Port) error { return r.err }

// recheck is how often to read what batteries hold.
const recheck = time.Minute

// A bell tells that something about the supplies has changed.
type bell interface {
	// Wait waits for that, for a Wake, or for the end of ctx, which is an error.
	Wait(ctx context.Context) error
	Wake()
	Close() error
}

// follow reads a directory each time that the bell rings.
func follow(root string, listen func() (bell, error)) source.Watch[State] {
	return func(ctx context.Context, p activation.Port, tell func(State)) error {
		b, err := listen() // before the first reading, so that no change is between
		if err != nil {
			return err
		}
		defer func() { _ = b.Close() }()
		var last State
		for first := true; ; first = false {
			s, err := Read(root)
			if err != nil {
				return err
			}
			if first || s != last {
				tell(s)
				last = s
			}
			stop := func() bool { return false }
			if s.Batteries > 0 {
				stop = p.After(recheck, b.Wake)
			}
			err = b.Wait(ctx)
			stop()
			if err != nil {
				return err
			}
		}
	}
}

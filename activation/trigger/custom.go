package trigger

import (
	"errors"
	"fmt"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// Errors of Arm, returned by Register.
var (
	ErrNoTopic    = errors.New("trigger: event has no name")
	ErrRecurrence = errors.New("trigger: recurrence is neither Once nor Always")
)

// A Recurrence says how often a custom event activates a task. The zero value
// is Once, as in Windows' CustomSystemEventTriggerRecurrence.
type Recurrence uint8

const (
	// Once activates the task the first time in a run of the App that the
	// event is raised.
	Once Recurrence = iota
	// Always activates it each time.
	Always
)

type custom struct {
	name       string
	recurrence Recurrence
}

// Custom makes a task due when the program raises an event of the given name
// with App.Raise. An empty name is refused with ErrNoTopic, an r that is
// neither Once nor Always with ErrRecurrence.
func Custom(name string, r Recurrence) activation.Trigger { return custom{name, r} }

func (c custom) String() string {
	if c.recurrence == Once {
		return "custom(" + c.name + ", once)"
	}
	return "custom(" + c.name + ")"
}

func (c custom) Arm(p activation.Port) error {
	switch {
	case c.name == "":
		return ErrNoTopic
	case c.recurrence > Always:
		return fmt.Errorf("%w: %d", ErrRecurrence, c.recurrence)
	case c.recurrence == Once:
		p = p.Branch() // so that Task.Fire is not judged
		p.Filter(oncePerRun{})
	}
	p.Listen("event/" + c.name)
	return nil
}

// oncePerRun lets the first firing of each run of the App through.
type oncePerRun struct{}

func (oncePerRun) Pass(ph activation.Phase, due time.Time) (time.Time, bool) {
	return due, ph.Last.IsZero() || ph.Last.Before(ph.Started)
}

package trigger

import (
	"errors"
	"fmt"

	"github.com/bgloop/bgloop/activation"
)

// ErrOutcome is returned by Register for an Outcome that is none of the three.
var ErrOutcome = errors.New("trigger: outcome is none of OnAny, OnSuccess and OnFailure")

// ErrNoTask is returned by Register for a completion of a task without a name.
var ErrNoTask = errors.New("trigger: task has no name")

// An Outcome says which completions count. The zero value is OnAny.
type Outcome uint8

const (
	// OnAny counts every completion.
	OnAny Outcome = iota
	// OnSuccess counts those without an error.
	OnSuccess
	// OnFailure counts those with one, a cancellation included.
	OnFailure
)

var outcomes = [...]string{"any", "ok", "failed"}

type completion struct {
	task string
	on   Outcome
}

// Completion makes a task due when an activation of another task, or of the
// task itself, is over: a chain. The other task is one of the same group; it
// need not be registered yet. The details are the event.Event of the
// completion. An empty name is refused with ErrNoTask, an on that is none of
// the three with ErrOutcome.
func Completion(task string, on Outcome) activation.Trigger { return completion{task, on} }

func (c completion) String() string {
	if int(c.on) >= len(outcomes) {
		return fmt.Sprintf("completion(%s, %d)", c.task, c.on)
	}
	return fmt.Sprintf("completion(%s, %s)", c.task, outcomes[c.on])
}

func (c completion) Arm(p activation.Port) error {
	switch {
	case c.task == "":
		return ErrNoTask
	case int(c.on) >= len(outcomes):
		return fmt.Errorf("%w: %d", ErrOutcome, c.on)
	}
	p.Listen("done/" + outcomes[c.on] + "/" + c.task)
	return nil
}

type clockJump struct{}

// ClockJump makes a task due when the App notices that the wall clock was set,
// or that the process was suspended. The details are the time.Duration by which
// the clock is ahead of the time that has passed; it is negative when it was
// set back.
func ClockJump() activation.Trigger { return clockJump{} }

func (clockJump) String() string { return "clock-jump" }

func (clockJump) Arm(p activation.Port) error {
	p.Listen("clock/jump")
	return nil
}

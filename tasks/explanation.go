package tasks

import (
	"fmt"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
)

// An Explanation says where a task stands, and so why it has not run. String
// reads it as sentences.
type Explanation struct {
	Group, Task string

	// At is the instant it is about.
	At time.Time
	// Running says whether the App accepts firings; Stopping that it will not
	// anymore.
	Running, Stopping bool
	// Registered says whether the registration stands.
	Registered bool
	// Trigger is the trigger's text.
	Trigger string
	// Next is when the task is next due in time; zero if no time is known.
	Next time.Time
	// Faults says why schedules are no longer asked.
	Faults []string
	// Paused says that the task, its group or the App is paused.
	Paused bool
	// Spent says that the trigger was a one-shot and has fired.
	Spent bool
	// Unmet are the conditions that do not hold.
	Unmet []string
	// FullCaps are the caps that have no room.
	FullCaps []string
	// Slots is how many instances may be active at once.
	Slots int
	// Active are the instances that hold a slot.
	Active []ActiveInstance
	// Inherited is how many instances of replaced registrations hold one.
	Inherited int
	// Pending are the activations that wait, the one accepted first first.
	Pending []PendingActivation
	// History are the last outcomes, newest first.
	History []Outcome
	// Counts are the sums since the registration.
	Counts Counts
}

// An ActiveInstance is one that holds a slot.
type ActiveInstance struct {
	Instance, Activation uint64
	Attempt              int
	State                State
	Since                time.Time
	Deadline             time.Time // zero: none
	Reason               activation.Reason
}

// A PendingActivation waits.
type PendingActivation struct {
	Activation uint64
	Due        time.Time
	Since      time.Time   // it began to wait
	For        event.Waits // what it waits for
	Until      time.Time   // zero unless it waits for time or for a retry
	Merged     uint64
	Failures   int
	Err        error // of the last attempt
}

// An Outcome is how an attempt ended.
type Outcome struct {
	Instance, Activation uint64
	Attempt              int
	Due, Started, Ended  time.Time
	State                State
	Reason               activation.Reason
	Err                  error
}

// Counts are sums of what happened to a task.
type Counts struct {
	Fired     uint64 // firings accepted
	Merged    uint64 // of those, merged into a pending activation
	Refused   uint64 // firings refused, for whatever reason
	Missed    uint64 // due times without a firing of their own
	Started   uint64 // attempts
	Succeeded uint64
	Failed    uint64
	Retried   uint64 // attempts that were followed by another
	Abandoned uint64
	// Canceled counts the attempts that were canceled, by Reason.
	Canceled [activation.EnergySaver + 1]uint64
}

// String says it in sentences.
func (x Explanation) String() string {
	var b strings.Builder
	name := x.Task
	if x.Group != "" {
		name = x.Group + "/" + x.Task
	}
	fmt.Fprintf(&b, "Task %q ", name)
	b.WriteString(x.verdict())
	for _, s := range x.details() {
		b.WriteString(" " + s)
	}
	return b.String()
}

// verdict is the one reason that matters most.
func (x Explanation) verdict() string {
	switch {
	case !x.Registered:
		return "is not registered."
	case x.Stopping:
		return "will not run: the app is stopping or has stopped."
	case !x.Running:
		return "has not run: the app does not run yet."
	case len(x.Pending) > 0:
		return x.waiting(x.Pending[0])
	case len(x.Active) > 0:
		return "is running."
	case x.Paused:
		return "is paused."
	case x.Spent:
		return "is spent: its trigger fires once, and has."
	case !x.Next.IsZero():
		return fmt.Sprintf("is not due: it is due in %v.", x.Next.Sub(x.At))
	case len(x.Faults) > 0:
		return "will not be due in time: its schedule is faulted."
	}
	return fmt.Sprintf("is not due: nothing has fired its trigger, %s.", x.Trigger)
}

func (x Explanation) waiting(p PendingActivation) string {
	what := map[event.Waits]string{
		event.ForTime:      "until its trigger lets it start",
		event.ForRetry:     "for its next attempt",
		event.ForResume:    "to be resumed",
		event.ForOverlap:   "for an active instance to end",
		event.ForCondition: "for its conditions: " + strings.Join(x.Unmet, ", "),
		event.ForCap:       "for room under a cap: " + strings.Join(x.FullCaps, ", "),
	}[p.For]
	s := fmt.Sprintf("is due and waits %s", what)
	if !p.Until.IsZero() {
		s += fmt.Sprintf(", in %v", p.Until.Sub(x.At))
	}
	s += fmt.Sprintf("; it has waited for %v", x.At.Sub(p.Since))
	if p.Merged > 1 {
		s += fmt.Sprintf(" and stands for %d firings", p.Merged)
	}
	return s + "."
}

func (x Explanation) details() (s []string) {
	for _, i := range x.Active {
		t := fmt.Sprintf("Instance %d is %s, for %v", i.Instance, i.State, x.At.Sub(i.Since))
		if i.Reason != 0 {
			t += ", canceled for " + i.Reason.String()
		}
		if !i.Deadline.IsZero() && i.Reason == 0 {
			t += fmt.Sprintf(", and has %v left", i.Deadline.Sub(x.At))
		}
		s = append(s, t+".")
	}
	if x.Inherited > 0 {
		s = append(s, fmt.Sprintf("%d instances of a registration it replaced have not ended.", x.Inherited))
	}
	if len(x.Pending) > 0 && x.Pending[0].Err != nil {
		s = append(s, fmt.Sprintf("It has failed %d times, last with: %s.", x.Pending[0].Failures, firstLine(x.Pending[0].Err)))
	}
	if len(x.Pending) > 1 {
		s = append(s, fmt.Sprintf("%d more activations wait.", len(x.Pending)-1))
	}
	if !x.Next.IsZero() && len(x.Pending)+len(x.Active) > 0 {
		s = append(s, fmt.Sprintf("It is next due in %v.", x.Next.Sub(x.At)))
	}
	for _, f := range x.Faults {
		s = append(s, "Fault: "+f+".")
	}
	if len(x.History) > 0 {
		s = append(s, x.History[0].say(x.At))
	}
	if x.Counts.Refused > 0 {
		s = append(s, fmt.Sprintf("%d firings were refused.", x.Counts.Refused))
	}
	if x.Counts.Missed > 0 {
		s = append(s, fmt.Sprintf("%d due times were missed.", x.Counts.Missed))
	}
	return s
}

func (o Outcome) say(at time.Time) string {
	s := fmt.Sprintf("Its last attempt %s %v ago", o.State, at.Sub(o.Ended))
	if o.Err != nil {
		s += ": " + firstLine(o.Err)
	}
	return s + "."
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

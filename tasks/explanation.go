package tasks

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
)

// An Explanation says where a task stands, and so why it has not run. String
// reads it as sentences; as JSON it is for tools, with names and the texts of
// errors.
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
	Next time.Time `json:",omitzero"`
	// Faults says why schedules are no longer asked and what filters did wrong,
	// at most the last eight.
	Faults []string
	// Paused says that the task, its group or the App is paused.
	Paused bool
	// Spent says that the trigger was a one-shot and has fired.
	Spent bool
	// Unmet are the conditions that do not hold.
	Unmet []string
	// Unheard says of each of those whether it has not reported yet; one that
	// is asked only when it matters, since it began to.
	Unheard []bool
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
	// Latency is how long things took since the registration.
	Latency Latency
}

// An ActiveInstance is one that holds a slot.
type ActiveInstance struct {
	Instance, Activation uint64
	Attempt              int
	State                State
	Since                time.Time
	Deadline             time.Time `json:",omitzero"` // zero: none
	Reason               activation.Reason
}

// A PendingActivation waits.
type PendingActivation struct {
	Activation uint64
	Due        time.Time
	Since      time.Time   // it began to wait
	For        event.Waits // what it waits for
	Until      time.Time   `json:",omitzero"` // zero unless it waits for time or for a retry
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

// MarshalJSON is the activation with the text of its Err. It cannot be read back.
func (p PendingActivation) MarshalJSON() ([]byte, error) {
	type fields PendingActivation
	return json.Marshal(struct {
		fields
		Err string `json:",omitempty"`
	}{fields(p), errText(p.Err)})
}

// MarshalJSON is the outcome with the text of its Err. It cannot be read back.
func (o Outcome) MarshalJSON() ([]byte, error) {
	type fields Outcome
	return json.Marshal(struct {
		fields
		Err string `json:",omitempty"`
	}{fields(o), errText(o.Err)})
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
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
	case !x.Registered && x.Spent:
		return "is not registered anymore: its trigger fires once, and has."
	case !x.Registered && x.Trigger != "":
		return "is not registered anymore."
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
		return fmt.Sprintf("is not due: it is due in %v.", brief(x.Next.Sub(x.At)))
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
		event.ForCondition: "for its conditions: " + x.unmet(),
		event.ForStore:     "for the store, which fails",
		event.ForCap:       "for room under a cap: " + strings.Join(x.FullCaps, ", "),
	}[p.For]
	if p.For == event.ForCap && len(x.FullCaps) == 0 {
		what = "for its turn under a cap"
	}
	s := fmt.Sprintf("is due and waits %s", what)
	if !p.Until.IsZero() {
		s += fmt.Sprintf(", in %v", brief(p.Until.Sub(x.At)))
	}
	s += fmt.Sprintf("; it has waited for %v", brief(x.At.Sub(p.Since)))
	if p.Merged > 1 {
		s += fmt.Sprintf(" and stands for %d firings", p.Merged)
	}
	return s + "."
}

// unmet are the conditions that do not hold, and which of them nothing is known
// of.
func (x Explanation) unmet() string {
	list := slices.Clone(x.Unmet)
	for i := range list {
		if i < len(x.Unheard) && x.Unheard[i] {
			list[i] += " (has not reported yet)"
		}
	}
	return strings.Join(list, ", ")
}

// lost are the conditions that are known not to hold.
func (x Explanation) lost() (list []string) {
	for i, c := range x.Unmet {
		if i >= len(x.Unheard) || !x.Unheard[i] {
			list = append(list, c)
		}
	}
	return list
}

func (x Explanation) details() (s []string) {
	if list := x.lost(); x.Registered && x.Running && !x.Stopping && len(x.Pending)+len(x.Active) == 0 && len(list) > 0 {
		s = append(s, "It would wait now, for its conditions: "+strings.Join(list, ", ")+".")
	}
	for _, i := range x.Active {
		s = append(s, i.say(x.At))
	}
	if n := x.Inherited; n > 0 {
		s = append(s, plural(n, "instance of a registration it replaced has", "instances of registrations it replaced have")+" not ended.")
	}
	if len(x.Pending) > 0 && x.Pending[0].Err != nil {
		p := x.Pending[0]
		s = append(s, fmt.Sprintf("It has failed %s, last with: %s.", plural(p.Failures, "time", "times"), firstLine(p.Err)))
	}
	if n := len(x.Pending) - 1; n > 0 {
		s = append(s, plural(n, "more activation waits.", "more activations wait."))
	}
	if !x.Next.IsZero() && len(x.Pending)+len(x.Active) > 0 {
		s = append(s, fmt.Sprintf("It is next due in %v.", brief(x.Next.Sub(x.At))))
	}
	for _, f := range x.Faults {
		s = append(s, "Fault: "+f+".")
	}
	if len(x.History) > 0 {
		s = append(s, x.History[0].say(x.At))
	}
	if n := x.Counts.Refused; n > 0 {
		s = append(s, plural(n, "firing was refused.", "firings were refused."))
	}
	if n := x.Counts.Missed; n > 0 {
		s = append(s, plural(n, "due time was missed.", "due times were missed."))
	}
	return s
}

func plural[N int | uint64](n N, one, more string) string {
	if n == 1 {
		more = one
	}
	return fmt.Sprintf("%d %s", n, more)
}

func (i ActiveInstance) say(at time.Time) string {
	who, d := fmt.Sprintf("Instance %d", i.Instance), brief(at.Sub(i.Since))
	if i.Attempt > 1 {
		who += fmt.Sprintf(" (attempt %d)", i.Attempt)
	}
	switch left := brief(i.Deadline.Sub(at)); {
	case i.State == StateFailed:
		return fmt.Sprintf("%s, started %v ago, has failed and holds its slot until its deferrals are completed.", who, d)
	case i.State.Final():
		return fmt.Sprintf("%s, started %v ago, was %s and holds its slot until it ends.", who, d, i.State)
	case i.Reason != 0:
		return fmt.Sprintf("%s is %s, after %v, for %s.", who, i.State, d, i.Reason.String())
	case !i.Deadline.IsZero():
		return fmt.Sprintf("%s is %s, for %v, and has %v left.", who, i.State, d, left)
	}
	return fmt.Sprintf("%s is %s, for %v.", who, i.State, d)
}

func (o Outcome) say(at time.Time) string {
	how, since := o.State.String(), brief(max(0, at.Sub(o.Ended))) // the clock may have been set back
	var snooze *SnoozeError
	switch {
	case o.State == StateSucceeded && errors.As(o.Err, &snooze):
		return fmt.Sprintf("Its last attempt asked %v ago to be run again %v later.", since, brief(snooze.For))
	case o.State == StateCanceled, o.State == StateAbandoned:
		how = "was " + how
	}
	s := fmt.Sprintf("Its last attempt %s %v ago", how, since)
	switch {
	case o.Reason != 0:
		s += ", for " + o.Reason.String()
	case o.Err != nil:
		s += ": " + firstLine(o.Err)
	}
	return s + "."
}

// brief is d as people want to read it, without the digits that do not matter.
func brief(d time.Duration) time.Duration {
	switch a := d.Abs(); {
	case a >= time.Minute:
		return d.Round(100 * time.Millisecond)
	case a >= time.Second:
		return d.Round(10 * time.Millisecond)
	case a >= time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

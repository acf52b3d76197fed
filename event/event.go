// Package event says what happened: one flat struct with a Kind, so that
// telling an observer allocates nothing and one switch reads it.
//
// It holds data only; app tells events to observers.
package event

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// A Kind says what an Event tells.
type Kind uint8

// The kinds, in the order of a task's life.
const (
	// Registered: a registration took effect.
	Registered Kind = iota + 1
	// Fired: a firing was accepted and became an activation.
	Fired
	// Merged: a firing became part of an activation that was pending; N is
	// how many firings that is now.
	Merged
	// Refused: a firing was not accepted; Result says why.
	Refused
	// Waiting: an activation could not start at once; Waits says why.
	Waiting
	// Started: an attempt to run an activation began.
	Started
	// Progressed: the handler reported progress; N is the number it gave.
	Progressed
	// Deferred: the handler returned and deferrals are open.
	Deferred
	// Canceling: an instance was asked to end; Reason says why.
	Canceling
	// Ended: an attempt is over; Err is its outcome.
	Ended
	// Abandoned: an attempt did not end within its grace; Detail names the
	// deferrals that were open.
	Abandoned
	// Released: what an instance held after its outcome was told, the handler
	// or a deferral, has come to an end.
	Released
	// Completed: an activation is over; Err is its outcome. It is told once
	// for each activation.
	Completed
	// ConditionChanged: a condition of the task started or ceased to hold; N is
	// 1 or 0 and Detail its text.
	ConditionChanged
	// Paused: the task was paused.
	Paused
	// Resumed: the task was resumed.
	Resumed
	// Missed: due times passed without a firing each; N is how many.
	Missed
	// LongRunning: an instance without a time limit has run for 30 seconds.
	LongRunning
	// Exhausted: a source of firings has come to its end.
	Exhausted
	// SourceFailed: a source of firings failed and will be started again.
	SourceFailed
	// Retrying: an attempt did not succeed and there will be another, at Due;
	// Err is how it ended.
	Retrying
	// ClockJumped: the clock was adjusted, or the process was suspended;
	// Detail is by how much. It concerns no task.
	ClockJumped
	// LoopHeld: a handler on the loop has held it for long; Detail is its
	// stack.
	LoopHeld
	// Changed: Apply has changed the registration; Detail says what.
	Changed
	// Faulted: the schedule of a registration broke its contract and is no
	// longer asked.
	Faulted
	// Unregistered: a registration ended.
	Unregistered
	// Restored: an activation that a former run of the program accepted is
	// pending again; Attempt is how many attempts there were, and Err
	// tasks.ErrLost if the last of them ended with the process.
	Restored
	// Unclaimed: the store has a registration of a former run that the program
	// has not made again; N is how many activations of it are pending, Detail
	// its trigger's text.
	Unclaimed
	// StoreFailed: the store could not keep what happened; Err is its error. It
	// is tried again, and until then nothing that is durable starts. It
	// concerns no task.
	StoreFailed
	// StoreRecovered: the store has kept all that it could not before.
	StoreRecovered
)

var kinds = [...]string{
	Registered: "registered", Fired: "fired", Merged: "merged", Refused: "refused", Waiting: "waiting",
	Started: "started", Progressed: "progressed", Deferred: "deferred", Canceling: "canceling", Ended: "ended",
	Abandoned: "abandoned", Released: "released", Completed: "completed", ConditionChanged: "condition changed",
	Paused: "paused", Resumed: "resumed", Missed: "missed", LongRunning: "long running", Exhausted: "exhausted",
	SourceFailed: "source failed", Retrying: "retrying", ClockJumped: "clock jumped", LoopHeld: "loop held",
	Changed: "changed", Faulted: "faulted", Unregistered: "unregistered",
	Restored: "restored", Unclaimed: "unclaimed", StoreFailed: "store failed", StoreRecovered: "store recovered",
}

// String is the kind in words.
func (k Kind) String() string {
	if int(k) < len(kinds) && kinds[k] != "" {
		return kinds[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// MarshalText writes the kind in words.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote. Any other text is an error, and k
// stays as it is.
func (k *Kind) UnmarshalText(text []byte) error {
	for v := range Kind(len(kinds)) {
		if kinds[v] != "" && kinds[v] == string(text) {
			*k = v
			return nil
		}
	}
	return fmt.Errorf("event: there is no kind %q", text)
}

// Waits says why an activation waits.
type Waits uint8

// Why an activation waits, in the order in which the gates are asked.
const (
	// ForNothing: it does not wait.
	ForNothing Waits = iota
	// ForTime: its start was put off, by a filter of its trigger.
	ForTime
	// ForRetry: its next attempt is not to begin yet.
	ForRetry
	// ForResume: its task is paused.
	ForResume
	// ForOverlap: as many instances of its task are active as may be.
	ForOverlap
	// ForCondition: a condition does not hold; it is latched.
	ForCondition
	// ForCap: the App, its group or its key has as many instances as may be.
	ForCap
	// ForStore: what happened could not be stored yet. It is asked first.
	ForStore
)

var waits = [...]string{"nothing", "time", "retry", "resume", "overlap", "condition", "cap", "store"}

// String is what it waits for, in a word.
func (w Waits) String() string {
	if int(w) < len(waits) {
		return waits[w]
	}
	return fmt.Sprintf("Waits(%d)", uint8(w))
}

// MarshalText writes what it waits for, in a word.
func (w Waits) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads what MarshalText wrote. Any other text is an error, and w
// stays as it is.
func (w *Waits) UnmarshalText(text []byte) error {
	for v := range Waits(len(waits)) {
		if waits[v] == string(text) {
			*w = v
			return nil
		}
	}
	return fmt.Errorf("event: there is no wait for %q", text)
}

// An Event tells one thing that happened. Fields that its Kind does not use are
// zero.
type Event struct {
	Kind       Kind
	Waits      Waits
	Reason     activation.Reason
	Result     activation.Result
	Attempt    int       // of the activation, from 1
	At         time.Time // when it happened, by the App's clock
	Due        time.Time // when the activation was due
	Group      string
	Task       string
	Activation uint64 // from acceptance to its last attempt
	Instance   uint64 // one attempt
	N          uint64
	Detail     string
	Err        error
}

// String is the event as one line, without its time.
func (e Event) String() string {
	var b strings.Builder
	if e.Group != "" {
		fmt.Fprintf(&b, "%s/", e.Group)
	}
	if e.Task != "" {
		fmt.Fprintf(&b, "%s ", e.Task)
	}
	b.WriteString(e.Kind.String())
	part := func(show bool, format string, v any) {
		if show {
			fmt.Fprintf(&b, format, v)
		}
	}
	part(e.Activation != 0, " act=%d", e.Activation)
	part(e.Instance != 0, " inst=%d", e.Instance)
	part(e.Attempt > 1, " attempt=%d", e.Attempt)
	part(e.Waits != ForNothing, " for=%s", e.Waits)
	part(e.Kind == Refused, " result=%s", e.Result)
	part(e.Reason != 0, " reason=%s", e.Reason.String())
	part(e.N != 0, " n=%d", e.N)
	part(e.Detail != "", " %q", e.Detail)
	if e.Err != nil {
		text, _, _ := strings.Cut(e.Err.Error(), "\n")
		fmt.Fprintf(&b, " err=%q", text)
	}
	return b.String()
}

// MarshalJSON is the event for people and their tools: the names of what it
// tells, and the text of its Err, which is left out if there is none. It cannot
// be read back.
func (e Event) MarshalJSON() ([]byte, error) {
	type fields Event
	text := ""
	if e.Err != nil {
		text = e.Err.Error()
	}
	return json.Marshal(struct {
		fields
		Err string `json:",omitempty"`
	}{fields(e), text})
}

package tasks

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// Errors returned when a registration is refused. Nothing has changed then.
var (
	ErrNoName    = errors.New("tasks: name is empty")
	ErrNoTrigger = errors.New("tasks: trigger is nil")
	ErrCondition = errors.New("tasks: condition is nil")
	ErrKeep      = errors.New("tasks: keep is not Newest, Oldest or Every of at least 1")
	ErrOverlap   = errors.New("tasks: overlap is not Wait, Skip, Replace or Parallel of at least 0")
)

// A Registration is a task the App is asked to run. It is data: every zero
// value but Name's and Trigger's is a default, and the App keeps a copy.
type Registration struct {
	// Name identifies the task in its App or group. It is required, and
	// case-sensitive.
	Name string

	// EntryPoint names what a task host runs in a process of its own. Empty
	// means this process.
	EntryPoint string

	// Trigger makes the task due. It is required.
	Trigger activation.Trigger

	// Conditions must all hold before a due task starts; until they do, the
	// activation is latched. None means that it need not wait.
	Conditions []activation.Condition

	// KeepOnConditionLoss lets a running instance go on when a condition
	// ceases to hold. If it is false the instance is canceled with
	// activation.ConditionLoss, as the Background Task Helper does by default.
	KeepOnConditionLoss bool

	// TimeLimit is how long one attempt may take, from its start until it is
	// over, deferrals included, before it is canceled with
	// activation.ExecutionTimeExceeded. Zero means the App's default, which is
	// none unless WithTimeLimit sets one. Negative means no limit.
	TimeLimit time.Duration

	// Grace is how long a canceled instance may take to end before it is
	// abandoned. Zero means the App's default, five seconds unless WithGrace
	// sets another. Negative means no grace: it is abandoned when canceled.
	Grace time.Duration

	// Keep is what a firing does while an activation of the task is pending.
	// Zero means Newest, or Every(1) for a trigger whose firings carry a
	// payload.
	Keep Keep

	// Overlap is what a due activation does while an instance of the task is
	// active. Zero means Wait.
	Overlap Overlap

	// Missed is what becomes of due times that passed while nobody could act
	// on them. Zero means MissedOnce.
	Missed Missed

	// Retry is whether a failed attempt is repeated. Zero means never.
	Retry Retry

	// OnAbandon is what follows when an instance does not end within its
	// grace. Zero means FreeSlot.
	OnAbandon OnAbandon

	// OnLoop runs the handler on the loop's own goroutine, one at a time.
	OnLoop bool

	// Priority orders tasks that wait for the same cap; the larger goes first.
	Priority int

	// Key names a cap that this task shares with others.
	Key string
}

// A Keep says what a firing does while an activation of the task is pending.
type Keep int

const (
	// Newest merges the firing into the pending activation, which takes the
	// firing's details; those it had are dropped. The count is kept.
	Newest Keep = -1 - iota
	// Oldest merges the firing into the pending activation, which keeps its
	// details; the firing's are dropped. The count is kept.
	Oldest
	keepInvalid
)

// Every keeps each firing as an activation of its own, up to capacity pending
// ones; beyond that a firing is answered activation.CurrentlyRunning. A
// capacity below 1 is refused by Register with ErrKeep.
func Every(capacity int) Keep {
	if capacity < 1 {
		return keepInvalid
	}
	return Keep(capacity)
}

// Capacity is the n of Every(n), and 0 for the others.
func (k Keep) Capacity() int { return max(0, int(k)) }

// String is how the value is written.
func (k Keep) String() string {
	switch {
	case k == 0:
		return "Default"
	case k == Newest:
		return "Newest"
	case k == Oldest:
		return "Oldest"
	case k > 0:
		return fmt.Sprintf("Every(%d)", int(k))
	}
	return "invalid"
}

// An Overlap says what a due activation does while an instance of the task is
// active.
type Overlap int

const (
	// Wait lets it wait: one instance at a time.
	Wait Overlap = -iota
	// Skip refuses the firing.
	Skip
	// Replace cancels the active instance with activation.Abort and starts
	// when that is over.
	Replace
	overlapInvalid
)

const unbounded = 1<<31 - 1

// Parallel lets up to n instances be active at once; 0 means no bound. A
// negative n is refused by Register with ErrOverlap.
func Parallel(n int) Overlap {
	switch {
	case n < 0:
		return overlapInvalid
	case n == 0:
		return unbounded
	}
	return Overlap(n)
}

// Slots is how many instances may be active at once.
func (o Overlap) Slots() int { return max(1, int(o)) }

// String is how the value is written.
func (o Overlap) String() string {
	switch {
	case o == Wait:
		return "Wait"
	case o == Skip:
		return "Skip"
	case o == Replace:
		return "Replace"
	case o == unbounded:
		return "Parallel(0)"
	case o > 0:
		return fmt.Sprintf("Parallel(%d)", int(o))
	}
	return "invalid"
}

// Missed says what becomes of due times that passed while nobody could act on
// them: the process was suspended or stalled, or the clock jumped.
type Missed int

const (
	// MissedOnce makes one firing of them all.
	MissedOnce Missed = -iota
	// MissedSkip makes none, and waits for the next due time.
	MissedSkip
)

// MissedAll makes a firing of each, up to n of them, the newest.
func MissedAll(n int) Missed { return Missed(n) }

// Retry says whether and how a failed attempt is repeated.
type Retry struct {
	// Attempts is how many attempts there are in all. 0 and 1 mean one.
	Attempts int
	// Backoff is the pause before the second attempt; it doubles with each
	// further one.
	Backoff time.Duration
	// MaxBackoff bounds the pause.
	MaxBackoff time.Duration
}

// OnAbandon says what follows when an instance does not end within its grace.
type OnAbandon uint8

const (
	// FreeSlot lets the task's next activation start.
	FreeSlot OnAbandon = iota
	// HoldSlot keeps the slot until the abandoned instance has really ended.
	HoldSlot
	// StopApp stops the App.
	StopApp
)

// Validate says what is wrong with r on its own: ErrNoName, ErrNoTrigger,
// ErrCondition, ErrKeep, ErrOverlap, or errors.ErrUnsupported for a field whose
// behavior is not built yet.
func (r *Registration) Validate() error {
	switch {
	case r.Name == "":
		return ErrNoName
	case isNil(r.Trigger):
		return fmt.Errorf("%w: task %q", ErrNoTrigger, r.Name)
	case r.Keep <= keepInvalid:
		return fmt.Errorf("%w: task %q", ErrKeep, r.Name)
	case r.Overlap <= overlapInvalid:
		return fmt.Errorf("%w: task %q", ErrOverlap, r.Name)
	}
	for i, c := range r.Conditions {
		if isNil(c) {
			return fmt.Errorf("%w: task %q, condition %d", ErrCondition, r.Name, i)
		}
	}
	return r.unsupported()
}

// unsupported refuses what would otherwise be ignored.
func (r *Registration) unsupported() error {
	later := []struct {
		set   bool
		field string
	}{
		{r.Keep == Oldest, "Keep Oldest"},
		{r.Overlap == Skip, "Overlap Skip"},
		{r.Overlap == Replace, "Overlap Replace"},
		{r.Missed != MissedOnce, "Missed"},
		{r.Retry != Retry{}, "Retry"},
		{r.OnAbandon != FreeSlot, "OnAbandon"},
		{r.OnLoop, "OnLoop"},
		{r.Priority != 0, "Priority"},
		{r.Key != "", "Key"},
	}
	for _, l := range later {
		if l.set {
			return fmt.Errorf("tasks: %s: %w: task %q", l.field, errors.ErrUnsupported, r.Name)
		}
	}
	return nil
}

// isNil reports whether v is nil or holds a nil pointer, which a caller can
// pass by mistake just as easily.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

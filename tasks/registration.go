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
	ErrMissed    = errors.New("tasks: missed is not MissedOnce, MissedSkip or MissedAll of at least 1")
	ErrRetry     = errors.New("tasks: retry has a negative number, or a jitter above 1")
	ErrOnAbandon = errors.New("tasks: onabandon is not FreeSlot, HoldSlot or StopApp")
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
	// payload; for trigger.Any of n of those, Every(n).
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

	// OnLoop runs the override, the middleware and the handler on the App's
	// loop for handlers: one at a time, in the order of their starts, all on
	// one goroutine. Deferrals and Instance.Go work as usual; Sleep and Await
	// return ErrOnLoop. It suits short handlers that share state.
	OnLoop bool

	// Volatile keeps the task out of the App's store, if it has one: nothing of
	// it survives the process. It suits a task that is due often and of which
	// a lost activation does no harm, and details that cannot be stored.
	Volatile bool

	// Priority orders the tasks that wait for the same cap: the larger goes
	// first, and among equals the activation that was accepted first.
	Priority int

	// Key names a cap that this task shares with others; see app.WithKeyCap.
	// A key without a cap bounds nothing.
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

// Missed says what becomes of due times that nobody acted on in time, since the
// process was suspended or stalled, the clock jumped, or the task was paused. A
// due time counts as missed when it is acted on more than a second late, or
// when a later one is due as well. However many there were is told as an event.
type Missed int

const (
	// MissedOnce makes one firing of them all, at the last of them.
	MissedOnce Missed = -iota
	// MissedSkip makes none, and waits for the next due time.
	MissedSkip
	missedInvalid
)

// MissedAll makes a firing of each, up to n of them, the newest. An n below 1
// is refused by Register with ErrMissed.
func MissedAll(n int) Missed {
	if n < 1 {
		return missedInvalid
	}
	return Missed(n)
}

// All is the n of MissedAll(n), and 0 for the others.
func (m Missed) All() int { return max(0, int(m)) }

// String is how the value is written.
func (m Missed) String() string {
	switch {
	case m == MissedOnce:
		return "MissedOnce"
	case m == MissedSkip:
		return "MissedSkip"
	case m > 0:
		return fmt.Sprintf("MissedAll(%d)", int(m))
	}
	return "invalid"
}

// OnAbandon says what follows when an instance does not end within its grace.
type OnAbandon uint8

const (
	// FreeSlot lets the task's next activation start.
	FreeSlot OnAbandon = iota
	// HoldSlot keeps the slot until the abandoned instance has really ended.
	HoldSlot
	// StopApp holds the slot and stops the App, as the model does: Run returns
	// a *StopError.
	StopApp
)

// String is how the value is written.
func (o OnAbandon) String() string {
	switch o {
	case FreeSlot:
		return "FreeSlot"
	case HoldSlot:
		return "HoldSlot"
	case StopApp:
		return "StopApp"
	}
	return "invalid"
}

// Validate says what is wrong with r on its own: ErrNoName, ErrNoTrigger,
// ErrCondition, ErrKeep, ErrOverlap, ErrMissed, ErrRetry or ErrOnAbandon.
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
	case r.Missed <= missedInvalid:
		return fmt.Errorf("%w: task %q", ErrMissed, r.Name)
	case !r.Retry.valid():
		return fmt.Errorf("%w: task %q", ErrRetry, r.Name)
	case r.OnAbandon > StopApp:
		return fmt.Errorf("%w: task %q", ErrOnAbandon, r.Name)
	}
	for i, c := range r.Conditions {
		if isNil(c) {
			return fmt.Errorf("%w: task %q, condition %d", ErrCondition, r.Name, i)
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

package activation

import (
	"context"
	"fmt"
)

// A Reason says why an instance was canceled. It is an error, so that
// context.Cause of a handler's context returns it. The zero Reason means "not
// canceled".
//
// The twelve reasons are those of Windows' BackgroundTaskCancellationReason;
// the numbers differ by one, since there zero is Abort.
type Reason uint8

// The reasons.
const (
	// Abort: the application canceled it, by Unregister, by Replace or by hand.
	Abort Reason = iota + 1
	// Terminating: the App is stopping.
	Terminating
	// LoggingOff: the user whose session it serves has logged off.
	LoggingOff
	// ServicingUpdate: the program is being updated.
	ServicingUpdate
	// IdleTask: the instance holds its slot without doing work.
	IdleTask
	// Uninstall: the program is being removed.
	Uninstall
	// ConditionLoss: a condition it needs no longer holds.
	ConditionLoss
	// SystemPolicy: a policy of the host forbids it.
	SystemPolicy
	// QuietHoursEntered: quiet hours began.
	QuietHoursEntered
	// ExecutionTimeExceeded: it ran longer than its time limit.
	ExecutionTimeExceeded
	// ResourceRevocation: the host needs its resources.
	ResourceRevocation
	// EnergySaver: the host saves energy.
	EnergySaver
)

var reasons = [...]string{
	Abort:                 "Abort",
	Terminating:           "Terminating",
	LoggingOff:            "LoggingOff",
	ServicingUpdate:       "ServicingUpdate",
	IdleTask:              "IdleTask",
	Uninstall:             "Uninstall",
	ConditionLoss:         "ConditionLoss",
	SystemPolicy:          "SystemPolicy",
	QuietHoursEntered:     "QuietHoursEntered",
	ExecutionTimeExceeded: "ExecutionTimeExceeded",
	ResourceRevocation:    "ResourceRevocation",
	EnergySaver:           "EnergySaver",
}

// Valid reports whether r is one of the twelve reasons.
func (r Reason) Valid() bool { return r >= Abort && r <= EnergySaver }

// String is the reason's name, or "none" for the zero Reason.
func (r Reason) String() string {
	switch {
	case r == 0:
		return "none"
	case r.Valid():
		return reasons[r]
	}
	return fmt.Sprintf("Reason(%d)", uint8(r))
}

// Error is the reason as an error's text.
func (r Reason) Error() string { return "activation: canceled: " + r.String() }

// Is reports that every reason is a context.Canceled, so that code which knows
// nothing of bgloop still understands why its work ended.
func (r Reason) Is(target error) bool { return target == context.Canceled }

// MarshalText writes the reason's name.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote. Any other text is an error, and r
// stays as it is.
func (r *Reason) UnmarshalText(text []byte) error {
	for v := range EnergySaver + 1 {
		if v.String() == string(text) {
			*r = v
			return nil
		}
	}
	return fmt.Errorf("activation: there is no reason %q", text)
}

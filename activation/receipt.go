package activation

import (
	"context"
	"errors"
	"fmt"
)

// Errors of a firing. A refusal is no error: it is a Result.
var (
	// ErrNotRunning is returned by a firing before Run and after Stop.
	ErrNotRunning = errors.New("activation: the app is not running")

	// ErrUnbound is returned by a firing of something that is registered nowhere.
	ErrUnbound = errors.New("activation: not registered")

	// ErrRefused is returned by Receipt.Wait when the firing was not accepted.
	ErrRefused = errors.New("activation: the firing was refused")

	// ErrInHandler is returned by a call that waits when it is made with the
	// context of a running instance: the instance would wait for itself.
	ErrInHandler = errors.New("activation: would wait for the calling instance")
)

// A Result is the answer to a firing. The four are those of Windows'
// ApplicationTriggerResult.
type Result uint8

// The results.
const (
	// Allowed: the firing was accepted; it may still be latched.
	Allowed Result = iota
	// CurrentlyRunning: there is no place for it while an earlier one waits.
	CurrentlyRunning
	// DisabledByPolicy: the task is paused, the App is stopping, or the
	// trigger says that it has fired enough.
	DisabledByPolicy
	// UnknownError: the firing could not be judged; an error says why.
	UnknownError
)

// String is the result's name.
func (r Result) String() string {
	switch r {
	case Allowed:
		return "Allowed"
	case CurrentlyRunning:
		return "CurrentlyRunning"
	case DisabledByPolicy:
		return "DisabledByPolicy"
	case UnknownError:
		return "UnknownError"
	}
	return fmt.Sprintf("Result(%d)", uint8(r))
}

// MarshalText writes the result's name.
func (r Result) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText wrote. Any other text is an error, and r
// stays as it is.
func (r *Result) UnmarshalText(text []byte) error {
	for v := range UnknownError + 1 {
		if v.String() == string(text) {
			*r = v
			return nil
		}
	}
	return fmt.Errorf("activation: there is no result %q", text)
}

// A Receipt is what a firing returns: which activation it became, and a way to
// wait for how that ends. It may be copied, kept and used from any goroutine;
// several receipts can be for one activation, when firings were merged.
type Receipt struct {
	// ID is the activation's, from acceptance to its end. It is zero when the
	// firing was refused.
	ID uint64

	// Result is Allowed, or why the firing was refused.
	Result Result

	outcome Waiter
}

// A Waiter waits for an activation to be over and returns its outcome.
type Waiter interface {
	Wait(context.Context) error
}

// NewReceipt makes a receipt. It is for hosts, and for tests of triggers.
func NewReceipt(id uint64, r Result, outcome Waiter) Receipt {
	return Receipt{ID: id, Result: r, outcome: outcome}
}

// Wait blocks until the activation is over, all its attempts included, and
// returns its error: nil if it succeeded, *tasks.Canceled if it was canceled,
// else what its handler returned. If ctx ends first it returns ctx's error; if
// the firing was refused, ErrRefused; if ctx is that of a running instance,
// ErrInHandler. It may be called from any goroutine, any number of times.
func (r Receipt) Wait(ctx context.Context) error {
	if r.Result != Allowed || r.outcome == nil {
		return fmt.Errorf("%w: %s", ErrRefused, r.Result)
	}
	return r.outcome.Wait(ctx)
}

// UnlessOver returns err, or nil if it says no more than that the App has stopped
// or the registration has ended. It is for the functions that a trigger gives to
// Port.Go: what they return is told as a failure.
func UnlessOver(err error) error {
	if errors.Is(err, ErrNotRunning) || errors.Is(err, ErrUnbound) {
		return nil
	}
	return err
}

package tasks

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"time"
)

// Defaults of Retry.
const (
	DefaultBackoff    = time.Second
	DefaultMaxBackoff = 10 * time.Minute
	DefaultJitter     = 0.1
)

// Retry says whether and how a failed attempt is repeated: when its handler
// returns an error or panics, or when it exceeds its time limit and ends within
// its grace. It may be canceled for condition loss and then runs again, without
// counting, when the conditions hold. What ended for another reason, or was
// abandoned, or failed with ErrUnknownTask or a Permanent error, is not
// repeated.
//
// An activation that waits for its next attempt is pending: it is never merged
// away, it holds no cap, and a pause of its task lets the time run but holds
// the start. Its attempts are never active at the same time: one that failed
// while deferrals are open has to let go of its slot first.
type Retry struct {
	// Attempts is how many failed attempts there may be in all. 0 and 1 mean
	// that the first failure is the last.
	Attempts int

	// Backoff is the pause after the first failure; it doubles with each
	// further one. Zero means DefaultBackoff.
	Backoff time.Duration

	// MaxBackoff bounds the pause. Zero means DefaultMaxBackoff, or Backoff if
	// that is longer.
	MaxBackoff time.Duration

	// Jitter shortens each pause by up to this part of it, 1 at most, so that
	// those that failed together do not come back together. By how much is a
	// hash of the task's name, the activation and the number of the failure:
	// the same in every run. Zero means DefaultJitter, and -1 none.
	Jitter float64
}

func (r Retry) valid() bool {
	return r.Attempts >= 0 && r.Backoff >= 0 && r.MaxBackoff >= 0 && r.Jitter <= 1 && (r.Jitter >= 0 || r.Jitter == -1)
}

// Pause is how long to wait after the n-th failure of an activation, counted
// from 1.
func (r Retry) Pause(task string, activation uint64, n int) time.Duration {
	if r.Backoff == 0 {
		r.Backoff = DefaultBackoff
	}
	if r.MaxBackoff == 0 {
		r.MaxBackoff = max(DefaultMaxBackoff, r.Backoff)
	}
	if r.Jitter == 0 {
		r.Jitter = DefaultJitter
	}
	d := r.Backoff
	for i := 1; i < n && d < r.MaxBackoff; i++ {
		d += min(d, r.MaxBackoff-d) // twice as long, and no overflow
	}
	d = min(d, r.MaxBackoff)
	if r.Jitter < 0 {
		return d
	}
	return d - time.Duration(float64(d)*r.Jitter*fraction(task, activation, n))
}

// fraction is in [0, 1), and looks random.
func fraction(task string, activation uint64, n int) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(task))
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, activation))
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	x := h.Sum64() // whose high bits need mixing for short inputs
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return math.Ldexp(float64(x>>11), -53)
}

// A PermanentError is a failure that is not to be repeated.
type PermanentError struct{ Err error }

// Permanent makes err a failure that is not repeated, whatever Retry says. Of
// nil it makes nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &PermanentError{err}
}

// Error is that of the failure.
func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap gives the failure.
func (e *PermanentError) Unwrap() error { return e.Err }

// A RetryAfterError is a failure with a pause of its own.
type RetryAfterError struct {
	After time.Duration
	Err   error
}

// RetryAfter makes err a failure after which the next attempt, if Retry allows
// one, begins d later. A negative d counts as zero. Of nil it makes nil.
func RetryAfter(d time.Duration, err error) error {
	if err == nil {
		return nil
	}
	return &RetryAfterError{max(d, 0), err}
}

// Error is that of the failure.
func (e *RetryAfterError) Error() string { return e.Err.Error() }

// Unwrap gives the failure.
func (e *RetryAfterError) Unwrap() error { return e.Err }

// A SnoozeError asks for another attempt, and is no failure.
type SnoozeError struct{ For time.Duration }

// Snooze says, when a handler returns it, that it cannot do its work now and wants
// to be run again d later. It is no failure and does not count as one; it needs
// no Retry. A negative d counts as zero.
func Snooze(d time.Duration) error { return &SnoozeError{max(d, 0)} }

// Error says for how long.
func (e *SnoozeError) Error() string { return fmt.Sprintf("tasks: snoozed for %v", e.For) }

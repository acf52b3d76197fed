package tasks_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/tasks"
)

func ExampleRetry_Pause() {
	r := tasks.Retry{Attempts: 5, Backoff: time.Second, MaxBackoff: 5 * time.Second, Jitter: -1}
	for n := 1; n < r.Attempts; n++ {
		fmt.Println(r.Pause("sync", 1, n))
	}
	// Output:
	// 1s
	// 2s
	// 4s
	// 5s
}

func ExampleSnooze() {
	fmt.Println(tasks.Snooze(time.Minute))
	fmt.Println(tasks.RetryAfter(time.Minute, errors.New("429 Too Many Requests")))
	fmt.Println(tasks.Permanent(fs.ErrPermission))
	// Output:
	// tasks: snoozed for 1m0s
	// 429 Too Many Requests
	// permission denied
}

// TestPauseDoubles: each pause is twice the last, up to the bound, and stays
// there however many failures there are.
func TestPauseDoubles(t *testing.T) {
	tests := []struct {
		name  string
		retry tasks.Retry
		want  map[int]time.Duration // by the number of the failure
	}{
		{"defaults", tasks.Retry{}, map[int]time.Duration{
			1: time.Second, 2: 2 * time.Second, 10: 512 * time.Second, 11: 10 * time.Minute, 1000: 10 * time.Minute,
		}},
		{"bounded", tasks.Retry{Backoff: 3 * time.Second, MaxBackoff: 10 * time.Second}, map[int]time.Duration{
			1: 3 * time.Second, 2: 6 * time.Second, 3: 10 * time.Second, 4: 10 * time.Second,
		}},
		{"the bound is no power", tasks.Retry{Backoff: time.Second, MaxBackoff: 3 * time.Second}, map[int]time.Duration{
			1: time.Second, 2: 2 * time.Second, 3: 3 * time.Second,
		}},
		{"above its bound", tasks.Retry{Backoff: time.Minute, MaxBackoff: time.Second}, map[int]time.Duration{
			1: time.Second, 2: time.Second,
		}},
		{"longer than the default bound", tasks.Retry{Backoff: time.Hour}, map[int]time.Duration{
			1: time.Hour, 2: time.Hour,
		}},
		{"without end", tasks.Retry{Backoff: time.Hour, MaxBackoff: math.MaxInt64}, map[int]time.Duration{
			2: 2 * time.Hour, 100: math.MaxInt64, math.MaxInt: math.MaxInt64,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.retry.Jitter = -1
			for n, want := range tt.want {
				if got := tt.retry.Pause("sync", 7, n); got != want {
					t.Errorf("Pause after failure %d: got %v, want %v", n, got, want)
				}
			}
		})
	}
}

// TestJitterIsInItsRange: it shortens a pause, by less than its part of it, and
// uses the whole range.
func TestJitterIsInItsRange(t *testing.T) {
	const d = 100 * time.Second
	for _, tt := range []struct {
		jitter float64
		least  time.Duration
	}{
		{0, 90 * time.Second}, // the default
		{0.5, 50 * time.Second},
		{1, 0},
		{0.001, d - 100*time.Millisecond},
	} {
		r := tasks.Retry{Backoff: d, MaxBackoff: d, Jitter: tt.jitter}
		var buckets [10]int
		for act := range uint64(2000) {
			got := r.Pause("sync", act, 1)
			if got <= tt.least || got > d {
				t.Fatalf("jitter %v: got %v, want more than %v and at most %v", tt.jitter, got, tt.least, d)
			}
			buckets[min(9, int(10*(got-tt.least)/(d-tt.least)))]++
		}
		for i, n := range buckets {
			if n < 120 || n > 280 {
				t.Errorf("jitter %v: %d of 2000 are in the part %d of 10", tt.jitter, n, i)
			}
		}
	}
}

// TestJitterIsReproducible: it depends on the task, the activation and the
// number of the failure, and on nothing else.
func TestJitterIsReproducible(t *testing.T) {
	r := tasks.Retry{Backoff: time.Hour, MaxBackoff: time.Hour}
	seen := map[time.Duration]string{}
	for _, task := range []string{"", "sync", "syn", "sync1"} {
		for act := range uint64(20) {
			for n := 1; n < 20; n++ {
				name := fmt.Sprintf("%q, activation %d, failure %d", task, act, n)
				d := r.Pause(task, act, n)
				if again := r.Pause(task, act, n); again != d {
					t.Fatalf("%s: got %v, then %v", name, d, again)
				}
				if other, ok := seen[d]; ok {
					t.Errorf("%s pauses as long as %s: %v", name, other, d)
				}
				seen[d] = name
			}
		}
	}
	// A value that must never change: it is the same in every run.
	if got, want := r.Pause("sync", 1, 1), 3566347999673*time.Nanosecond; got != want {
		t.Errorf("Pause: got %d, want %d", got, want)
	}
}

// TestErrorsAreFoundWhenWrapped: what a handler says is understood however it is
// wrapped, and is what it wraps.
func TestErrorsAreFoundWhenWrapped(t *testing.T) {
	wraps := map[string]func(error) error{
		"bare":     func(err error) error { return err },
		"wrapped":  func(err error) error { return fmt.Errorf("upload: %w", fmt.Errorf("chunk 3: %w", err)) },
		"joined":   func(err error) error { return errors.Join(errors.New("other"), err) },
		"canceled": func(err error) error { return &tasks.Canceled{Reason: activation.ExecutionTimeExceeded, Err: err} },
	}
	for name, wrap := range wraps {
		t.Run(name, func(t *testing.T) {
			var p *tasks.PermanentError
			if err := wrap(tasks.Permanent(fs.ErrNotExist)); !errors.As(err, &p) || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Permanent: %v is none, or not what it wraps", err)
			}
			var a *tasks.RetryAfterError
			err := wrap(tasks.RetryAfter(time.Minute, fs.ErrNotExist))
			if !errors.As(err, &a) || a.After != time.Minute || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("RetryAfter: %v is none, or not what it wraps", err)
			}
			var s *tasks.SnoozeError
			if err := wrap(tasks.Snooze(time.Minute)); !errors.As(err, &s) || s.For != time.Minute {
				t.Errorf("Snooze: %v is none", err)
			}
			if errors.As(wrap(fs.ErrNotExist), &p) || errors.As(wrap(fs.ErrNotExist), &a) || errors.As(wrap(fs.ErrNotExist), &s) {
				t.Error("an error of another kind is taken for one of them")
			}
		})
	}
}

// TestNothingIsNoFailure: of nil, nil is made, so that a handler can end with
// it; and no time is negative.
func TestNothingIsNoFailure(t *testing.T) {
	if err := tasks.Permanent(nil); err != nil {
		t.Errorf("Permanent(nil): got %v", err)
	}
	if err := tasks.RetryAfter(time.Minute, nil); err != nil {
		t.Errorf("RetryAfter(nil): got %v", err)
	}
	var a *tasks.RetryAfterError
	if err := tasks.RetryAfter(-time.Minute, fs.ErrNotExist); !errors.As(err, &a) || a.After != 0 {
		t.Errorf("RetryAfter of a negative time: got %+v", a)
	}
	var s *tasks.SnoozeError
	if err := tasks.Snooze(-time.Minute); !errors.As(err, &s) || s.For != 0 {
		t.Errorf("Snooze of a negative time: got %+v", s)
	}
}

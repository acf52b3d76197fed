package tasks_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/tasks"
)

// never is a trigger that makes nothing due.
type never struct{}

func (*never) Arm(activation.Port) error { return nil }
func (*never) String() string            { return "never" }

// always is a condition that says nothing.
type always struct{}

func (*always) Arm(func(bool), activation.Port) error { return nil }
func (*always) String() string                        { return "always" }

func ExampleRegistration_Validate() {
	r := tasks.Registration{Name: "sync"}
	fmt.Println(r.Validate())
	r.Trigger = &never{}
	fmt.Println(r.Validate())
	// Output:
	// tasks: trigger is nil: task "sync"
	// <nil>
}

func ExampleEvery() {
	fmt.Println(tasks.Every(3), tasks.Every(3).Capacity(), tasks.Newest, tasks.Newest.Capacity())
	// Output: Every(3) 3 Newest 0
}

func ExampleParallel() {
	fmt.Println(tasks.Parallel(4), tasks.Parallel(4).Slots(), tasks.Wait, tasks.Wait.Slots())
	// Output: Parallel(4) 4 Wait 1
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*tasks.Registration)
		want   error
		says   string // a part of the error
	}{
		{"the least", func(*tasks.Registration) {}, nil, ""},
		{"every field", func(r *tasks.Registration) {
			r.Conditions = []activation.Condition{&always{}, &always{}}
			r.KeepOnConditionLoss = true
			r.TimeLimit, r.Grace = time.Minute, -1
			r.Keep, r.Overlap = tasks.Every(1), tasks.Parallel(0)
			r.Missed, r.OnAbandon = tasks.MissedAll(3), tasks.HoldSlot
			r.Retry = tasks.Retry{Attempts: 3, Backoff: time.Second, MaxBackoff: time.Minute, Jitter: 1}
			r.OnLoop, r.Priority, r.Key, r.EntryPoint = true, -1, "db", "elsewhere"
		}, nil, ""},
		{"keep oldest", func(r *tasks.Registration) { r.Keep = tasks.Oldest }, nil, ""},
		{"overlap skip", func(r *tasks.Registration) { r.Overlap = tasks.Skip }, nil, ""},
		{"overlap replace", func(r *tasks.Registration) { r.Overlap = tasks.Replace }, nil, ""},
		{"missed skip", func(r *tasks.Registration) { r.Missed = tasks.MissedSkip }, nil, ""},
		{"missed all of one", func(r *tasks.Registration) { r.Missed = tasks.MissedAll(1) }, nil, ""},
		{"backoff alone", func(r *tasks.Registration) { r.Retry.Backoff = time.Second }, nil, ""},
		{"backoff above its bound", func(r *tasks.Registration) {
			r.Retry = tasks.Retry{Backoff: time.Hour, MaxBackoff: time.Second}
		}, nil, ""},
		{"no jitter", func(r *tasks.Registration) { r.Retry.Jitter = -1 }, nil, ""},
		{"stop the app", func(r *tasks.Registration) { r.OnAbandon = tasks.StopApp }, nil, ""},
		{"negative limit", func(r *tasks.Registration) { r.TimeLimit = -1 }, nil, ""},
		{"keep newest", func(r *tasks.Registration) { r.Keep = tasks.Newest }, nil, ""},
		{"parallel of one", func(r *tasks.Registration) { r.Overlap = tasks.Parallel(1) }, nil, ""},

		{"no name", func(r *tasks.Registration) { r.Name = "" }, tasks.ErrNoName, "name is empty"},
		{"no name and no trigger", func(r *tasks.Registration) { *r = tasks.Registration{} }, tasks.ErrNoName, ""},
		{"no trigger", func(r *tasks.Registration) { r.Trigger = nil }, tasks.ErrNoTrigger, `task "sync"`},
		{"trigger is a nil pointer", func(r *tasks.Registration) { r.Trigger = (*never)(nil) }, tasks.ErrNoTrigger, `task "sync"`},
		{"nil condition", func(r *tasks.Registration) {
			r.Conditions = []activation.Condition{&always{}, nil}
		}, tasks.ErrCondition, `task "sync", condition 1`},
		{"condition is a nil pointer", func(r *tasks.Registration) {
			r.Conditions = []activation.Condition{(*always)(nil)}
		}, tasks.ErrCondition, "condition 0"},
		{"every of zero", func(r *tasks.Registration) { r.Keep = tasks.Every(0) }, tasks.ErrKeep, `task "sync"`},
		{"every of less", func(r *tasks.Registration) { r.Keep = tasks.Every(-1) }, tasks.ErrKeep, ""},
		{"keep by number", func(r *tasks.Registration) { r.Keep = -77 }, tasks.ErrKeep, ""},
		{"parallel of less than zero", func(r *tasks.Registration) { r.Overlap = tasks.Parallel(-1) }, tasks.ErrOverlap, `task "sync"`},
		{"overlap by number", func(r *tasks.Registration) { r.Overlap = -77 }, tasks.ErrOverlap, ""},

		{"missed by number", func(r *tasks.Registration) { r.Missed = -77 }, tasks.ErrMissed, `task "sync"`},
		{"missed all of none", func(r *tasks.Registration) { r.Missed = tasks.MissedAll(0) }, tasks.ErrMissed, ""},
		{"missed all of less", func(r *tasks.Registration) { r.Missed = tasks.MissedAll(-3) }, tasks.ErrMissed, ""},
		{"fewer attempts than none", func(r *tasks.Registration) { r.Retry.Attempts = -1 }, tasks.ErrRetry, `task "sync"`},
		{"backoff into the past", func(r *tasks.Registration) { r.Retry.Backoff = -1 }, tasks.ErrRetry, ""},
		{"bound in the past", func(r *tasks.Registration) { r.Retry.MaxBackoff = -1 }, tasks.ErrRetry, ""},
		{"jitter of more than all", func(r *tasks.Registration) { r.Retry.Jitter = 1.01 }, tasks.ErrRetry, ""},
		{"jitter of less than none", func(r *tasks.Registration) { r.Retry.Jitter = -0.5 }, tasks.ErrRetry, ""},
		{"jitter that is no number", func(r *tasks.Registration) { r.Retry.Jitter = math.NaN() }, tasks.ErrRetry, ""},
		{"on abandon by number", func(r *tasks.Registration) { r.OnAbandon = 3 }, tasks.ErrOnAbandon, `task "sync"`},
		{"name before the rest", func(r *tasks.Registration) { r.Name, r.Missed = "", -77 }, tasks.ErrNoName, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := tasks.Registration{Name: "sync", Trigger: &never{}}
			tt.change(&r)
			err := r.Validate()
			if !errors.Is(err, tt.want) || err == nil != (tt.want == nil) {
				t.Fatalf("Validate: got %v, want %v", err, tt.want)
			}
			if err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Validate: %q does not say %q", err, tt.says)
			}
		})
	}
}

func TestKeepValues(t *testing.T) {
	tests := []struct {
		keep     tasks.Keep
		capacity int
		want     string
	}{
		{0, 0, "Default"},
		{tasks.Newest, 0, "Newest"},
		{tasks.Oldest, 0, "Oldest"},
		{tasks.Every(1), 1, "Every(1)"},
		{tasks.Every(1000), 1000, "Every(1000)"},
		{tasks.Every(0), 0, "invalid"},
		{tasks.Every(-5), 0, "invalid"},
	}
	for _, tt := range tests {
		if got := tt.keep.String(); got != tt.want {
			t.Errorf("Keep: got %q, want %q", got, tt.want)
		}
		if got := tt.keep.Capacity(); got != tt.capacity {
			t.Errorf("%v.Capacity: got %d, want %d", tt.keep, got, tt.capacity)
		}
	}
}

func TestOverlapValues(t *testing.T) {
	tests := []struct {
		overlap tasks.Overlap
		want    string
	}{
		{0, "Wait"},
		{tasks.Wait, "Wait"},
		{tasks.Skip, "Skip"},
		{tasks.Replace, "Replace"},
		{tasks.Parallel(1), "Parallel(1)"},
		{tasks.Parallel(8), "Parallel(8)"},
		{tasks.Parallel(0), "Parallel(0)"},
		{tasks.Parallel(-1), "invalid"},
	}
	for _, tt := range tests {
		if got := tt.overlap.String(); got != tt.want {
			t.Errorf("Overlap: got %q, want %q", got, tt.want)
		}
	}
	for _, o := range []tasks.Overlap{tasks.Wait, tasks.Skip, tasks.Replace, tasks.Parallel(1)} {
		if got := o.Slots(); got != 1 {
			t.Errorf("%v.Slots: got %d, want 1", o, got)
		}
	}
	if got := tasks.Parallel(0).Slots(); got < 1<<30 {
		t.Errorf("Parallel(0).Slots: got %d, want no bound to speak of", got)
	}
}

func TestMissedValues(t *testing.T) {
	tests := []struct {
		missed tasks.Missed
		all    int
		want   string
	}{
		{0, 0, "MissedOnce"},
		{tasks.MissedOnce, 0, "MissedOnce"},
		{tasks.MissedSkip, 0, "MissedSkip"},
		{tasks.MissedAll(1), 1, "MissedAll(1)"},
		{tasks.MissedAll(100), 100, "MissedAll(100)"},
		{tasks.MissedAll(0), 0, "invalid"},
		{tasks.MissedAll(-1), 0, "invalid"},
	}
	for _, tt := range tests {
		if got := tt.missed.String(); got != tt.want {
			t.Errorf("Missed: got %q, want %q", got, tt.want)
		}
		if got := tt.missed.All(); got != tt.all {
			t.Errorf("%v.All: got %d, want %d", tt.missed, got, tt.all)
		}
	}
}

// TestValuesDiffer: no value of a kind is another by accident.
func TestValuesDiffer(t *testing.T) {
	differ(t, tasks.Keep(0), tasks.Newest, tasks.Oldest, tasks.Every(1), tasks.Every(2), tasks.Every(0))
	differ(t, tasks.Wait, tasks.Skip, tasks.Replace, tasks.Parallel(1), tasks.Parallel(2), tasks.Parallel(0), tasks.Parallel(-1))
	differ(t, tasks.MissedOnce, tasks.MissedSkip, tasks.MissedAll(1), tasks.MissedAll(2), tasks.MissedAll(0))
	differ(t, tasks.FreeSlot, tasks.HoldSlot, tasks.StopApp)
}

func differ[T comparable](t *testing.T, values ...T) {
	t.Helper()
	for i, v := range values {
		if slices.Contains(values[:i], v) {
			t.Errorf("%T: %v is another as well", v, v)
		}
	}
}

// TestZeroValuesAreTheDefaults: the named defaults are the zero values.
func TestZeroValuesAreTheDefaults(t *testing.T) {
	var r tasks.Registration
	if r.Overlap != tasks.Wait || r.Missed != tasks.MissedOnce || r.OnAbandon != tasks.FreeSlot {
		t.Errorf("the zero Registration has %v, %v, %v", r.Overlap, r.Missed, r.OnAbandon)
	}
}

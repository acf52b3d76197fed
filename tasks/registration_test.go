package tasks_test

import (
	"errors"
	"fmt"
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
		{"every field that is supported", func(r *tasks.Registration) {
			r.Conditions = []activation.Condition{&always{}, &always{}}
			r.KeepOnConditionLoss = true
			r.TimeLimit, r.Grace = time.Minute, -1
			r.Keep, r.Overlap = tasks.Every(1), tasks.Parallel(0)
			r.Missed, r.OnAbandon = tasks.MissedOnce, tasks.FreeSlot
		}, nil, ""},
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

		{"keep oldest", func(r *tasks.Registration) { r.Keep = tasks.Oldest }, errors.ErrUnsupported, "Keep Oldest"},
		{"overlap skip", func(r *tasks.Registration) { r.Overlap = tasks.Skip }, errors.ErrUnsupported, "Overlap Skip"},
		{"overlap replace", func(r *tasks.Registration) { r.Overlap = tasks.Replace }, errors.ErrUnsupported, "Overlap Replace"},
		{"missed skip", func(r *tasks.Registration) { r.Missed = tasks.MissedSkip }, errors.ErrUnsupported, "Missed"},
		{"missed all", func(r *tasks.Registration) { r.Missed = tasks.MissedAll(3) }, errors.ErrUnsupported, "Missed"},
		{"retry", func(r *tasks.Registration) { r.Retry.Attempts = 3 }, errors.ErrUnsupported, "Retry"},
		{"backoff alone", func(r *tasks.Registration) { r.Retry.Backoff = time.Second }, errors.ErrUnsupported, "Retry"},
		{"hold the slot", func(r *tasks.Registration) { r.OnAbandon = tasks.HoldSlot }, errors.ErrUnsupported, "OnAbandon"},
		{"stop the app", func(r *tasks.Registration) { r.OnAbandon = tasks.StopApp }, errors.ErrUnsupported, "OnAbandon"},
		{"on the loop", func(r *tasks.Registration) { r.OnLoop = true }, errors.ErrUnsupported, "OnLoop"},
		{"priority", func(r *tasks.Registration) { r.Priority = -1 }, errors.ErrUnsupported, "Priority"},
		{"key", func(r *tasks.Registration) { r.Key = "db" }, errors.ErrUnsupported, "Key"},
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

// TestZeroValuesAreTheDefaults: the named defaults are the zero values.
func TestZeroValuesAreTheDefaults(t *testing.T) {
	var r tasks.Registration
	if r.Overlap != tasks.Wait || r.Missed != tasks.MissedOnce || r.OnAbandon != tasks.FreeSlot {
		t.Errorf("the zero Registration has %v, %v, %v", r.Overlap, r.Missed, r.OnAbandon)
	}
}

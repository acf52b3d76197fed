package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/bgloop/bgloop/store"
)

// A cell has what was set last, over a crash, and nothing of its neighbors'.
func TestCell(t *testing.T) {
	m := new(store.Memory)
	version, other := store.NewCell(m, "version"), store.NewCell(m, "other")
	want := func(c store.Cell, want string) {
		t.Helper()
		if got, err := c.Last(); got != want || err != nil {
			t.Errorf("last: got %q, %v, want %q", got, err, want)
		}
	}
	want(version, "")
	for _, text := range []string{"1", "", "2"} {
		if err := version.Set(text); err != nil {
			t.Fatal(err)
		}
		want(version, text)
	}
	want(other, "")
	next := m.Crash(0)
	want(store.NewCell(next, "version"), "2")
	if _, err := version.Last(); !errors.Is(err, store.ErrCrashed) {
		t.Errorf("last, of a store that crashed: got %v", err)
	}
	if err := version.Set("3"); !errors.Is(err, store.ErrCrashed) {
		t.Errorf("set, in a store that crashed: got %v", err)
	}
	err := next.Load(context.Background(), func(r store.Record) error {
		if !store.InCell(r) {
			t.Errorf("a record that is no cell's: %v", r)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

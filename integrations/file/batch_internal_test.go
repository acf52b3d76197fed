package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// A system sends notices by hand.
type system struct {
	events chan fsnotify.Event
	errors chan error
}

func (s system) open() (*watcher, error) {
	return &watcher{s.events, s.errors, func(string) error { return nil }, func() error { return nil }}, nil
}

// handMade is a Trigger whose notices come from a system.
type handMade struct {
	Trigger
	system
}

func (h handMade) Arm(p activation.Port) error {
	places, err := placesOf(h.paths)
	if err == nil {
		h.arm(p, places, h.open)
	}
	return err
}

// play has a task that notes what it is told, and takes as long as takes says.
func play(t *testing.T, dir string, takes time.Duration, story func(s system, heard func(want ...string))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := system{make(chan fsnotify.Event), make(chan error)}
		a := app.New()
		start := a.Clock().Now()
		var mu sync.Mutex // guards the following
		var notes []string
		a.Handle("x", tasks.Typed(func(_ context.Context, in *tasks.Instance, c Changes) error {
			text := fmt.Sprint(a.Clock().Now().Sub(start))
			for _, p := range c.Paths {
				text += " " + filepath.Base(p)
			}
			if text += fmt.Sprintf(" (%d)", c.Events); c.Rescanned {
				text += " rescanned"
			}
			mu.Lock()
			notes = append(notes, text)
			mu.Unlock()
			return in.Sleep(takes)
		}))
		if _, err := a.Register(tasks.Registration{Name: "x", Trigger: handMade{Changed(dir), s}}); err != nil {
			t.Fatal(err)
		}
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		story(s, func(want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(notes, want) {
				t.Errorf("got %q, want %q", notes, want)
			}
			notes = nil
		})
		if _, err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Changes are gathered until it has been quiet, or for long enough, and while the
// task has no place for them.
func TestBatch(t *testing.T) {
	dir := t.TempDir()
	change := func(s system, name string) {
		s.events <- fsnotify.Event{Name: filepath.Join(dir, name), Op: fsnotify.Write}
		synctest.Wait()
	}
	play(t, dir, 0, func(s system, heard func(...string)) {
		change(s, "b")
		time.Sleep(99 * time.Millisecond)
		change(s, "a")
		change(s, "b")
		time.Sleep(99 * time.Millisecond)
		heard()
		time.Sleep(time.Millisecond)
		heard("199ms a b (3)")
		time.Sleep(time.Hour)
		heard()
		for i := range 50 { // never quiet
			change(s, fmt.Sprint(i%2))
			time.Sleep(90 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		heard("1h0m2.199s 0 1 (23)", "1h0m4.269s 0 1 (23)", "1h0m4.709s 0 1 (4)")
	})
	play(t, dir, time.Minute, func(s system, heard func(...string)) { // busy
		change(s, "a")
		time.Sleep(time.Second)
		change(s, "b")
		time.Sleep(time.Second)
		for i := range 1000 {
			change(s, fmt.Sprint("c", i%3))
			time.Sleep(10 * time.Millisecond)
		}
		heard("100ms a (1)")
		time.Sleep(time.Hour)
		heard("1m0.1s b (1)", "2m0.1s c0 c1 c2 (1000)")
	})
}

// Of changes of mode alone nobody is told, nor of what is not watched.
func TestBatch_WhatDoesNotMatter(t *testing.T) {
	dir := t.TempDir()
	play(t, dir, 0, func(s system, heard func(...string)) {
		s.events <- fsnotify.Event{Name: filepath.Join(dir, "a"), Op: fsnotify.Chmod}
		s.events <- fsnotify.Event{Name: filepath.Join(dir, "below", "a"), Op: fsnotify.Write}
		time.Sleep(time.Minute)
		heard()
	})
}

// When the system has lost notices, what differs is a change.
func TestBatch_Overflow(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("same", "1")
	write("gone", "2")
	write("longer", "3")
	play(t, dir, 0, func(s system, heard func(...string)) {
		write("longer", "33")
		write("new", "4")
		if err := os.Remove(filepath.Join(dir, "gone")); err != nil {
			t.Fatal(err)
		}
		s.errors <- fsnotify.ErrEventOverflow
		time.Sleep(time.Second)
		heard("100ms gone longer new (1) rescanned")
		s.errors <- fsnotify.ErrEventOverflow // nothing differs anymore
		time.Sleep(time.Second)
		heard()
		write("new", "44")
		s.events <- fsnotify.Event{Name: filepath.Join(dir, "new"), Op: fsnotify.Write}
		time.Sleep(time.Second)
		heard("2.1s new (1)")
		s.errors <- fsnotify.ErrEventOverflow // nor what was told
		time.Sleep(time.Second)
		heard()
	})
}

// After a failure the watch is begun anew, and what changed meanwhile is told.
func TestBatch_Failure(t *testing.T) {
	dir := t.TempDir()
	play(t, dir, 0, func(s system, heard func(...string)) {
		s.events <- fsnotify.Event{Name: dir, Op: fsnotify.Remove}
		synctest.Wait()
		if err := os.WriteFile(filepath.Join(dir, "a"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		heard("1.1s a (0) rescanned")
		s.errors <- os.ErrInvalid
		time.Sleep(time.Minute)
		heard()
	})
}

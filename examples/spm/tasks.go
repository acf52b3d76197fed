package main

import (
	"context"
	"fmt"
	"log"
	"strings"
	"sync"
	"time"

	"github.com/bgloop/bgloop/tasks"
)

// A tally counts lines and words. Its zero value has counted none.
type tally struct {
	mu           sync.Mutex // guards the following
	lines, words int
}

// add counts a line and returns its number.
func (t *tally) add(words int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines++
	t.words += words
	return t.lines
}

// String is what has been counted.
func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("%d lines, %d words", t.lines, t.words)
}

// reset begins anew and returns what had been counted.
func (t *tally) reset() (lines, words int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines, words = t.lines, t.words
	t.lines, t.words = 0, 0
	return lines, words
}

// show is the handler of tally and archive.
func (s *service) show(_ context.Context, in *tasks.Instance) error {
	log.Printf("%-8s %v", in.Name(), &s.tally)
	return nil
}

// rotate is the handler of the task of that name.
func (s *service) rotate(_ context.Context, in *tasks.Instance) error {
	lines, words := s.tally.reset()
	log.Printf("%-8s %d lines, %d words; counting anew", in.Name(), lines, words)
	return nil
}

// A lineTask counts the words of the line that it was requested for.
type lineTask struct{ *tally }

// Run implements tasks.Handler.
func (t *lineTask) Run(_ context.Context, in *tasks.Instance) error {
	line, _ := in.Details().(string)
	words := len(strings.Fields(line))
	log.Printf("%-8s %d: %d words", in.Name(), t.add(words), words)
	return nil
}

// A publishTask goes on after it has returned, as if it had to send something
// to a slow place.
type publishTask struct{}

// Run implements tasks.Handler. It returns at once; Go holds a deferral until
// its function returns.
func (*publishTask) Run(_ context.Context, in *tasks.Instance) error {
	return in.Go(func(context.Context) error {
		for done := uint64(0); done < 100; done += 20 {
			in.Progress(done)
			if err := in.Sleep(100 * time.Millisecond); err != nil {
				return err // why it was canceled
			}
		}
		in.Progress(100)
		return nil
	})
}

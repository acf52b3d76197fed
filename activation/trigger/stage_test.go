package trigger_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

var dawn = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where a bubble's time begins

// A stage is an App in a bubble, and what was noted of its life.
type stage struct {
	*app.App
	t   *testing.T
	ctx context.Context

	mu    sync.Mutex // guards the following
	notes []string
}

// play plays a story in a bubble and stops the App at its end.
func play(t *testing.T, story func(s *stage), opts ...app.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		opts := append([]app.Option{app.WithLogger(slog.New(slog.DiscardHandler))}, opts...)
		s := &stage{App: app.New(opts...), t: t, ctx: t.Context()}
		defer func() { _, _ = s.Stop(context.Background()) }()
		story(s)
	})
}

// run registers a task named x with the given trigger and handler, and makes
// the App run.
func (s *stage) run(tr activation.Trigger, h tasks.HandlerFunc) *app.Task {
	s.t.Helper()
	s.HandleFunc("x", h)
	task, err := s.Register(tasks.Registration{Name: "x", Trigger: tr})
	if err != nil {
		s.t.Fatalf("Register: %v", err)
	}
	if err := s.Start(s.ctx); err != nil {
		s.t.Fatalf("Start: %v", err)
	}
	return task
}

// noting is a handler that notes when it began and when that was due, and
// then takes so long.
func (s *stage) noting(takes time.Duration) tasks.HandlerFunc {
	return func(_ context.Context, in *tasks.Instance) error {
		s.note("due %v", in.Due().Sub(dawn))
		return in.Sleep(takes)
	}
}

// tell notes events of the given kinds.
func (s *stage) tell(kinds ...event.Kind) {
	s.Observe(func(e event.Event) {
		if slices.Contains(kinds, e.Kind) {
			s.note("%s", e)
		}
	})
}

func (s *stage) note(format string, args ...any) {
	line := s.Clock().Now().Sub(dawn).Truncate(time.Second).String() + " " + fmt.Sprintf(format, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, line)
}

// heard lets the App settle and compares what was noted since the last time.
func (s *stage) heard(want ...string) {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	got := s.notes
	s.notes = nil
	s.mu.Unlock()
	if !slices.Equal(got, want) {
		s.t.Errorf("story:\ngot\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// heardSorted is heard for what happens in any order.
func (s *stage) heardSorted(want ...string) {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	slices.Sort(s.notes)
	s.mu.Unlock()
	s.heard(want...)
}

package condition_test

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

// run registers a task named x with the given conditions and handler, and makes
// the App run. Nothing fires it but its Fire.
func (s *stage) run(h tasks.HandlerFunc, conditions ...activation.Condition) *app.Task {
	s.t.Helper()
	s.HandleFunc("x", h)
	task, err := s.Register(tasks.Registration{Name: "x", Trigger: byHand{}, Conditions: conditions})
	if err != nil {
		s.t.Fatalf("Register: %v", err)
	}
	if err := s.Start(s.ctx); err != nil {
		s.t.Fatalf("Start: %v", err)
	}
	return task
}

// byHand is a trigger that makes nothing due.
type byHand struct{}

func (byHand) String() string            { return "by hand" }
func (byHand) Arm(activation.Port) error { return nil }

// fire fires a task and lets the App settle.
func (s *stage) fire(task *app.Task) activation.Receipt {
	s.t.Helper()
	r, err := task.Fire(s.ctx, nil)
	if err != nil || r.Result != activation.Allowed {
		s.t.Fatalf("Fire: got %v, %v", r.Result, err)
	}
	synctest.Wait()
	return r
}

// sleeps is a handler that notes that it runs, and sleeps.
func (s *stage) sleeps(d time.Duration) tasks.HandlerFunc {
	return func(_ context.Context, in *tasks.Instance) error {
		s.note("%s runs", in.Name())
		return in.Sleep(d)
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

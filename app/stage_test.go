package app_test

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
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/coro"
	"github.com/bgloop/bgloop/tasks"
)

// A stage is an App on which a story is played, and the notes taken of it. The
// App is stopped when the story is over.
type stage struct {
	*app.App
	t   testing.TB
	ctx context.Context

	// wait lets the App live for that long. What happens at the instant at
	// which it returns may be done or not, so stories look at odd instants.
	wait func(time.Duration)

	// settle lets everything happen that can happen now.
	settle func()

	// begin runs a function beside the story, and says when it is over.
	begin func(f func()) (over *bool)

	mu    sync.Mutex // guards the following
	notes []string
}

// play plays a story on goroutines, and on coroutines in orders of its choice.
func play(t *testing.T, story func(s *stage), opts ...app.Option) {
	t.Run("goroutines", func(t *testing.T) { inBubble(t, story, opts...) })
	t.Run("coroutines", func(t *testing.T) {
		for seed := range uint64(8) {
			inWorld(t, seed, story, opts...)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	})
}

// inBubble plays a story on goroutines; it may wait for anything of the bubble.
func inBubble(t *testing.T, story func(s *stage), opts ...app.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		opts := append([]app.Option{app.WithLogger(quiet())}, opts...)
		s := &stage{App: app.New(opts...), t: t, ctx: t.Context(), wait: time.Sleep}
		s.settle = func() { time.Sleep(time.Millisecond); synctest.Wait() }
		s.begin = func(f func()) *bool {
			over := false
			go func() { f(); over = true }()
			return &over
		}
		defer s.end()
		story(s)
	})
}

// inWorld plays a story on coroutines; it may wait only by wait and the App.
func inWorld(t *testing.T, seed uint64, story func(s *stage), opts ...app.Option) {
	t.Helper()
	w := coro.New(seed, dawn)
	defer w.Close()
	opts = append([]app.Option{app.WithLogger(quiet()), app.WithClock(w), app.WithDriver(w)}, opts...)
	s := &stage{App: app.New(opts...), t: t, ctx: context.Background()}
	s.wait = func(d time.Duration) {
		p := w.NewPark()
		w.AfterFunc(d, p.Unpark)
		_ = p.Park(context.Background())
	}
	s.settle = func() { s.wait(time.Millisecond) }
	s.begin = func(f func()) *bool {
		over := false
		w.Spawn(seam.JobFunc(func() { f(); over = true }))
		return &over
	}
	if err := w.Do(func() {
		defer s.end()
		story(s)
	}); err != nil {
		t.Error(err)
	}
}

// quiet is a logger for tests that make the App complain.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// end stops the App, whether or not it ran.
func (s *stage) end() { _, _ = s.Stop(context.Background()) }

// start makes the App run.
func (s *stage) start() {
	s.t.Helper()
	if err := s.Start(s.ctx); err != nil {
		s.t.Fatalf("Start: %v", err)
	}
}

// A registrar is an App or a group of it.
type registrar interface {
	Register(tasks.Registration) (*app.Task, error)
}

// register registers a task with the App, or with a group of it.
func (s *stage) register(r tasks.Registration, in ...registrar) *app.Task {
	s.t.Helper()
	where := registrar(s.App)
	if len(in) > 0 {
		where = in[0]
	}
	task, err := where.Register(r)
	if err != nil {
		s.t.Fatalf("Register: %v", err)
	}
	return task
}

// fire fires a task, which must be allowed.
func (s *stage) fire(task *app.Task, details any) activation.Receipt {
	s.t.Helper()
	r, err := task.Fire(s.ctx, details)
	if err != nil || r.Result != activation.Allowed {
		s.t.Fatalf("Fire: got %v, %v", r.Result, err)
	}
	return r
}

// note writes a line of the story, with the second in which it happened.
func (s *stage) note(format string, args ...any) { s.noteAt(s.Clock().Now(), format, args...) }

func (s *stage) noteAt(at time.Time, format string, args ...any) {
	line := at.Sub(dawn).Truncate(time.Second).String() + " " + fmt.Sprintf(format, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, line)
}

// tell notes events of the given kinds.
func (s *stage) tell(kinds ...event.Kind) {
	s.Observe(func(e event.Event) {
		if slices.Contains(kinds, e.Kind) {
			s.noteAt(e.At, "%s", e)
		}
	})
}

// heard lets the App settle and compares what was noted since the last time.
func (s *stage) heard(want ...string) {
	s.t.Helper()
	s.settle()
	s.mu.Lock()
	got := s.notes
	s.notes = nil
	s.mu.Unlock()
	if !slices.Equal(got, want) {
		s.t.Errorf("story:\ngot\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// names lists what is registered.
func (s *stage) names() (names []string) {
	for task := range s.All() {
		names = append(names, task.Name())
	}
	return names
}

// never is a trigger that makes nothing due by itself.
type never string

func (n never) String() string            { return "never(" + string(n) + ")" }
func (n never) Arm(activation.Port) error { return nil }

// nothing is a handler that succeeds at once.
func nothing(context.Context, *tasks.Instance) error { return nil }

// sleeper is a handler that sleeps for d and returns why it was woken early.
func sleeper(d time.Duration) tasks.HandlerFunc {
	return func(_ context.Context, in *tasks.Instance) error { return in.Sleep(d) }
}

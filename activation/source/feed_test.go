package source_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/source"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A world is a number that one can watch.
type world struct {
	mu       sync.Mutex // guards the following
	n        int
	watchers []*watcher
	began    int // watches, ever
}

type watcher struct {
	news chan int
	fail chan error
}

// watch is a source.Watch of the number.
func (w *world) watch(ctx context.Context, _ activation.Port, tell func(int)) error {
	v := &watcher{make(chan int), make(chan error)}
	w.mu.Lock()
	w.began++
	w.watchers = append(w.watchers, v)
	n := w.n
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.watchers = slices.DeleteFunc(w.watchers, func(o *watcher) bool { return o == v })
	}()
	tell(n)
	for {
		select {
		case n := <-v.news:
			tell(n)
		case err := <-v.fail:
			if err == nil {
				panic("the world is broken")
			}
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// set changes the number.
func (w *world) set(n int) {
	w.mu.Lock()
	w.n = n
	all := slices.Clone(w.watchers)
	w.mu.Unlock()
	for _, v := range all {
		v.news <- n
	}
}

// count says how many watch now, and how many have begun to.
func (w *world) count() (now, ever int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.watchers), w.began
}

// differ is the edge of every change.
func differ(before, after int) bool { return before != after }

func positive(n int) bool { return n > 0 }

// A stage is an App in a bubble, and what was noted of its life.
type stage struct {
	*app.App
	t     *testing.T
	world *world
	feed  *source.Feed[int]
	takes time.Duration // a handler

	mu    sync.Mutex // guards the following
	notes []string
}

func play(t *testing.T, story func(s *stage), options ...app.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := new(world)
		options = append(options, app.WithLogger(slog.New(slog.DiscardHandler)))
		s := &stage{App: app.New(options...), t: t, world: w, feed: source.NewFeed(nil, w.watch)}
		s.Use(func(h tasks.Handler) tasks.Handler {
			return tasks.HandlerFunc(func(ctx context.Context, in *tasks.Instance) error {
				s.note("%s: %v", in.Name(), in.Details())
				return h.Run(ctx, in)
			})
		})
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		story(s)
		if _, err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if now, _ := w.count(); now != 0 {
			t.Errorf("watches after Stop: got %d, want none", now)
		}
		if _, known := s.feed.State(); known {
			t.Error("the state is known, and nobody watches")
		}
	})
}

func (s *stage) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

func (s *stage) heard(want ...string) {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.notes) // two tasks may start in either order
	if !slices.Equal(s.notes, want) {
		s.t.Errorf("got %s, want %s", strings.Join(s.notes, " | "), strings.Join(want, " | "))
	}
	s.notes = nil
}

func (s *stage) register(name string, tr activation.Trigger, cs ...activation.Condition) *app.Task {
	s.t.Helper()
	s.HandleFunc(name, func(_ context.Context, in *tasks.Instance) error { return in.Sleep(s.takes) })
	task, err := s.Register(tasks.Registration{Name: name, Trigger: tr, Conditions: cs})
	if err != nil {
		s.t.Fatal(err)
	}
	synctest.Wait()
	return task
}

// set changes the world and lets the App settle.
func (s *stage) set(n int) {
	synctest.Wait()
	s.world.set(n)
	synctest.Wait()
}

func (s *stage) begun(now, ever int) {
	s.t.Helper()
	synctest.Wait()
	if n, e := s.world.count(); n != now || e != ever {
		s.t.Errorf("watches: got %d of %d, want %d of %d", n, e, now, ever)
	}
}

func (s *stage) trigger() activation.Trigger { return s.feed.Trigger("changed", differ) }

func (s *stage) above() activation.Condition { return s.feed.Condition("positive", positive) }

type byHand struct{}

func (byHand) String() string            { return "by hand" }
func (byHand) Arm(activation.Port) error { return nil }

// Each edge fires, and hands over the state; what is told first is none, and
// what is told twice neither.
func TestFeed_Edges(t *testing.T) {
	play(t, func(s *stage) {
		s.world.n = 5
		s.register("x", s.trigger())
		s.heard()
		s.set(6)
		s.set(6)
		s.set(7)
		s.heard("x: 6", "x: 7")
	})
}

// An edge fires in one direction, if it is asked so.
func TestFeed_OneDirection(t *testing.T) {
	play(t, func(s *stage) {
		s.register("up", s.feed.Trigger("up", func(before, after int) bool { return before <= 0 && after > 0 }))
		for _, n := range []int{1, 2, 0, -1, 3} {
			s.set(n)
		}
		s.heard("up: 1", "up: 3")
	})
}

// A condition holds while the state is so, and is told to a task that waits.
func TestFeed_Condition(t *testing.T) {
	play(t, func(s *stage) {
		task := s.register("x", byHand{}, s.above())
		if _, err := task.Fire(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		s.heard()
		s.set(1)
		s.heard("x: a")
		s.set(0)
		_, _ = task.Fire(t.Context(), "b")
		s.heard()
		s.set(2)
		s.heard("x: b")
	})
}

// However many go by a feed, there is one watch. When the registration that
// leads it ends, another takes over; a change that happened between is an edge.
func TestFeed_OneWatchForAll(t *testing.T) {
	play(t, func(s *stage) {
		s.register("a", s.trigger(), s.above())
		s.register("b", s.trigger())
		s.begun(1, 1)
		s.set(1)
		s.heard("a: 1", "b: 1")
		s.world.mu.Lock()
		s.world.n = 2 // not told: seen by the next watch alone
		s.world.mu.Unlock()
		s.Unregister("a", true)
		s.begun(1, 2)
		s.heard("b: 2")
		s.Unregister("b", true)
		s.begun(0, 2)
		s.world.n = 3
		s.register("c", s.trigger()) // what was before is forgotten
		s.begun(1, 3)
		s.heard()
	})
}

// One who comes later starts from what is known.
func TestFeed_LateComer(t *testing.T) {
	play(t, func(s *stage) {
		s.register("a", s.trigger())
		s.set(4)
		s.heard("a: 4")
		task := s.register("b", s.trigger(), s.above())
		s.heard()
		_, _ = task.Fire(t.Context(), nil) // holds from the start
		s.heard("b: <nil>")
		s.set(5)
		s.heard("a: 5", "b: 5")
	})
}

// After an error, or a panic, another takes over at once, and if there is none
// the watch begins anew after a pause. Until it tells again conditions do not
// hold. What changed meanwhile is an edge.
func TestFeed_Failure(t *testing.T) {
	for name, failure := range map[string]error{"error": errors.New("no more"), "panic": nil} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *stage) {
				var failed []error
				s.Observe(func(e event.Event) {
					if e.Kind == event.SourceFailed {
						failed = append(failed, e.Err)
					}
				})
				s.world.n = 1
				task := s.register("x", byHand{}, s.above())
				s.world.watchers[0].fail <- failure
				s.begun(0, 1)
				_, _ = task.Fire(t.Context(), "by hand")
				s.heard()
				if len(failed) != 1 || failure != nil && !errors.Is(failed[0], failure) {
					t.Errorf("told: got %v, want %v", failed, failure)
				}
				time.Sleep(time.Second)
				s.begun(1, 2)
				s.heard("x: by hand")

				s.register("y", s.trigger())
				s.world.n = 2
				s.world.watchers[0].fail <- failure
				s.begun(1, 3) // y took over
				s.heard("y: 2")
				s.Unregister("x", true)
				s.world.n = 3
				s.world.watchers[0].fail <- failure
				s.begun(0, 3)
				s.heard()
				time.Sleep(time.Second)
				s.begun(1, 4)
				s.heard("y: 3")
			})
		})
	}
}

// Where the system cannot give it, Register says so, and nothing has begun.
func TestFeed_Refused(t *testing.T) {
	w := new(world)
	f := source.NewFeed(func() error { return fmt.Errorf("%w: no world here", errors.ErrUnsupported) }, w.watch)
	for _, r := range []tasks.Registration{
		{Name: "x", Trigger: f.Trigger("changed", differ)},
		{Name: "x", Trigger: byHand{}, Conditions: []activation.Condition{f.Condition("positive", positive)}},
	} {
		if _, err := app.New().Register(r); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Register: got %v, want ErrUnsupported", err)
		}
	}
	if _, ever := w.count(); ever != 0 {
		t.Error("it is watched")
	}
	nothing := source.NewFeed[int](nil, nil).Trigger("changed", differ)
	if _, err := app.New().Register(tasks.Registration{Name: "x", Trigger: nothing}); !errors.Is(err, source.ErrNoWatch) {
		t.Errorf("Register: got %v, want ErrNoWatch", err)
	}
	for _, r := range []tasks.Registration{
		{Trigger: f.Trigger("changed", nil)},
		{Trigger: byHand{}, Conditions: []activation.Condition{f.Condition("some", nil)}},
	} {
		r.Name = "x"
		if _, err := app.New().Register(r); !errors.Is(err, source.ErrNoFunc) {
			t.Errorf("Register: got %v, want ErrNoFunc", err)
		}
	}
}

// A state that flaps a thousand times a second for ten seconds: every edge is
// accounted for, a start or a part of one, and what was told last holds.
func TestFeed_Flaps(t *testing.T) {
	for _, takes := range []time.Duration{0, 7 * time.Millisecond} {
		play(t, func(s *stage) {
			const changes = 10_000
			s.takes = takes
			task := s.register("x", s.trigger())
			gated := s.register("y", byHand{}, s.above())
			for i := range changes {
				time.Sleep(time.Millisecond)
				s.world.set(1 - i%2)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			c := task.Explain().Counts
			if c.Fired != changes || c.Refused != 0 || c.Succeeded+c.Merged != c.Fired || (c.Merged > 0) != (takes > 0) {
				t.Errorf("counts: got %+v, want %d firings that started or merged", c, changes)
			}
			if unmet := gated.Explain().Unmet; len(unmet) != 1 {
				t.Errorf("unmet: got %v, want the condition", unmet)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if n := len(s.notes); n != int(c.Succeeded) || s.notes[n-1] != "x: 0" {
				t.Errorf("the last of %d: got %q, want the newest state", n, s.notes[n-1])
			}
		})
	}
}

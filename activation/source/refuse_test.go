package source_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/source"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// A state that cannot always be stored.
type state struct {
	N    int
	deny *atomic.Bool
}

func (s state) MarshalJSON() ([]byte, error) {
	if s.deny.Load() {
		return nil, errors.New("not now")
	}
	return json.Marshal(s.N)
}

// An edge that the App cannot take is not lost in silence: the source of that
// registration fails, as observers are told, and fires it after a pause. The
// others who go by the feed do not notice.
func TestFeed_EdgeThatCannotBeStored(t *testing.T) {
	play(t, func(s *stage) {
		deny := new(atomic.Bool)
		deny.Store(true)
		feed := source.NewFeed(nil, func(ctx context.Context, p activation.Port, tell func(state)) error {
			return s.world.watch(ctx, p, func(n int) { tell(state{n, deny}) })
		})
		var failed []string
		s.Observe(func(e event.Event) {
			if e.Kind == event.SourceFailed && errors.Is(e.Err, app.ErrNotDurable) {
				failed = append(failed, e.Task)
			}
		})
		differ := func(before, after state) bool { return before.N != after.N }
		s.register("kept", feed.Trigger("changed", differ)) // it watches
		for name, r := range map[string]tasks.Registration{
			"volatile": {Trigger: feed.Trigger("changed", differ)},
			"steady":   {Trigger: byHand{}, Conditions: []activation.Condition{feed.Condition("known", func(state) bool { return true })}},
		} {
			r.Name, r.Volatile = name, true
			s.HandleFunc(name, func(_ context.Context, in *tasks.Instance) error { return in.Sleep(time.Second) })
			if _, err := s.Register(r); err != nil {
				t.Fatal(err)
			}
		}
		steady, _ := s.Task("steady")
		if _, err := steady.Fire(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		s.set(7)
		s.begun(1, 2) // another has taken over
		if len(failed) != 1 || failed[0] != "kept" {
			t.Errorf("told: got failures of %q, want one of kept", failed)
		}
		s.mu.Lock()
		if len(s.notes) != 2 {
			t.Errorf("meanwhile: got %q, want steady and volatile", s.notes)
		}
		s.notes = nil
		s.mu.Unlock()
		deny.Store(false)
		time.Sleep(2 * time.Second)
		s.begun(1, 2)
		if n := len(failed); n != 1 {
			t.Errorf("told: got %d failures, want 1", n)
		}
		if c := steady.Explain().Counts; c.Succeeded != 1 {
			t.Errorf("the task whose condition held: got %+v, want success", c)
		}
		kept, _ := s.Task("kept")
		if c := kept.Explain().Counts; c.Succeeded != 1 {
			t.Errorf("the task whose edge was not taken: got %+v, want success", c)
		}
	}, app.WithStore(new(store.Memory)), app.WithDetails(state{}))
}

// A condition whose function panics fails its own registration, again and again,
// and when that has ended nothing is left of it.
func TestFeed_FunctionThatPanics(t *testing.T) {
	play(t, func(s *stage) {
		var asked atomic.Int64
		bad := s.feed.Condition("bad", func(int) bool {
			if asked.Add(1) > 1 { // in Register it does not yet
				panic("bad")
			}
			return true
		})
		s.register("good", s.trigger())
		s.register("bad", byHand{}, bad)
		time.Sleep(time.Minute)
		s.Unregister("bad", true)
		s.set(1)
		s.heard("good: 1")
		s.begun(1, 1)
		s.Unregister("good", true)
		s.begun(0, 1)
		if _, known := s.feed.State(); known {
			t.Error("the state is known, and nobody watches")
		}
	})
}

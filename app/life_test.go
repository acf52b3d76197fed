package app_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/seam/coro"
	"github.com/bgloop/bgloop/tasks"
)

// A service is a user's own: the same on goroutines and on coroutines.
type service struct {
	*app.App
	net    *condition.Flag
	orders *trigger.Application[string]
	story  []string // written by one observer
}

func newService(opts ...app.Option) *service {
	s := &service{App: app.New(opts...), net: condition.NewFlag("net", false), orders: trigger.NewApplication[string]()}
	s.Observe(func(e event.Event) { s.story = append(s.story, e.At.UTC().Format("15:04:05 ")+e.String()) })
	s.HandleFunc("sync", func(_ context.Context, in *tasks.Instance) error {
		if err := in.Go(func(context.Context) error { return in.Sleep(time.Minute) }); err != nil {
			return err
		}
		in.Progress(50)
		return in.Sleep(20 * time.Second)
	})
	s.HandleFunc("slow", func(ctx context.Context, in *tasks.Instance) error {
		if err := in.Sleep(time.Hour); !errors.Is(context.Cause(ctx), err) {
			return fmt.Errorf("slept with %w, cause %w", err, context.Cause(ctx))
		}
		return nil
	})
	s.Handle("order", tasks.Typed(func(_ context.Context, in *tasks.Instance, id string) error {
		return in.Await(func(context.Context) error { return fmt.Errorf("no such order: %s", id) })
	}))
	for _, r := range []tasks.Registration{
		{Name: "sync", Trigger: trigger.Every(15 * time.Minute), Conditions: []activation.Condition{s.net}, TimeLimit: 2 * time.Minute},
		{Name: "slow", Trigger: trigger.Every(time.Hour), TimeLimit: 10 * time.Minute},
		{Name: "order", Trigger: s.orders},
	} {
		if _, err := s.Register(r); err != nil {
			panic(err)
		}
	}
	return s
}

// live is what the world does to the service.
func (s *service) live(sleep func(time.Duration)) error {
	ctx := context.Background()
	if err := s.Start(ctx); err != nil {
		return err
	}
	sleep(50 * time.Minute) // three firings of sync, latched
	s.net.Set(true)
	sleep(time.Second) // so that no two things happen at one instant
	if _, err := s.orders.Request(ctx, "o-1"); err != nil {
		return err
	}
	sleep(40 * time.Second)
	s.net.Set(false) // sync is canceled while it is deferred
	sleep(20 * time.Minute)
	_, err := s.Stop(ctx)
	return err
}

var dawn = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where a bubble's time begins

func lifeInBubble(t *testing.T) (story []string) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		if err := s.live(time.Sleep); err != nil {
			t.Error(err)
		}
		story = s.story
	})
	return story
}

func lifeInWorld(t *testing.T, seed uint64) []string {
	w := coro.New(seed, dawn)
	defer w.Close()
	s := newService(app.WithClock(w), app.WithDriver(w))
	sleep := func(d time.Duration) {
		p := w.NewPark()
		w.AfterFunc(d, p.Unpark)
		_ = p.Park(context.Background())
	}
	if err := w.Do(func() {
		if err := s.live(sleep); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Error(err)
	}
	return s.story
}

func TestSameLifeOnGoroutinesAndOnCoroutines(t *testing.T) {
	bubble := lifeInBubble(t)
	if len(bubble) < 20 {
		t.Errorf("the story has %d lines:\n%s", len(bubble), strings.Join(bubble, "\n"))
	}
	for seed := range uint64(20) {
		if world := lifeInWorld(t, seed); !slices.Equal(bubble, world) {
			t.Fatalf("seed %d: on goroutines:\n%s\non coroutines:\n%s", seed, strings.Join(bubble, "\n"), strings.Join(world, "\n"))
		}
	}
}

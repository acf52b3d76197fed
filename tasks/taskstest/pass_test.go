package taskstest_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/tasks"
	"github.com/bgloop/bgloop/tasks/taskstest"
)

// What is due is done at its own instant, and what that arms as well.
func TestPass(t *testing.T) {
	c := clock.NewVirtual(time.Time{})
	start := c.Now()
	a := app.New(app.WithClock(c))
	var woke []time.Duration
	a.HandleFunc("sync", func(_ context.Context, in *tasks.Instance) error {
		err := in.Sleep(time.Minute)
		woke = append(woke, c.Now().Sub(start))
		return err
	})
	if _, err := a.Register(tasks.Registration{Name: "sync", Trigger: trigger.Every(15 * time.Minute).Immediately()}); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []time.Duration{time.Minute, 16 * time.Minute, 31 * time.Minute}
	taskstest.Pass(t, a, c, 31*time.Minute)
	if !slices.Equal(woke, want) || c.Elapsed() != 31*time.Minute {
		t.Errorf("got %v after %v, want %v", woke, c.Elapsed(), want)
	}
	taskstest.Pass(t, a, c, 0)
	if len(woke) != len(want) || c.Elapsed() != 31*time.Minute {
		t.Errorf("without time: got %v after %v, want no more", woke, c.Elapsed())
	}
	if _, err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

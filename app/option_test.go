package app_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// Options of nil, and negative ones, are the defaults that their comments name.
func TestOptionsOfNothingAreTheDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := app.New(
			app.WithClock(nil), app.WithLogger(nil), app.WithBaseContext(nil), app.WithStore(nil), app.WithWitness(nil), //nolint:staticcheck // nil is the story
			nil, app.WithDetails(nil), app.WithTimeLimit(-1), app.WithMinimumInterval(-1), app.WithCap(-1), app.WithGroupCap("", -1), app.WithKeyCap("k", -1),
		)
		a.HandleFunc("x", func(_ context.Context, in *tasks.Instance) error {
			return in.Sleep(time.Hour)
		})
		task, err := a.Register(tasks.Registration{Name: "x", Key: "k", Trigger: trigger.After(2 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Start(nil); err != nil { //nolint:staticcheck // one that never ends
			t.Fatal(err)
		}
		r, err := task.Fire(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Wait(t.Context()); err != nil {
			t.Errorf("outcome: got %v, want success after an hour", err)
		}
		if _, err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

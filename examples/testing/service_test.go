package service_test

import (
	"context"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
	"github.com/bgloop/bgloop/tasks/taskstest"
)

func TestSyncWaitsForTheNetwork(t *testing.T) {
	c := clock.NewVirtual(time.Time{}) // 2000-01-01 00:00 UTC, and stands still
	a, online := app.New(app.WithClock(c)), condition.NewFlag("online", false)
	a.HandleFunc("sync", func(_ context.Context, in *tasks.Instance) error {
		return in.Sleep(20 * time.Second) // by the App's clock
	})
	task, err := a.Register(tasks.Registration{
		Name: "sync", Trigger: trigger.Every(15 * time.Minute), Conditions: []activation.Condition{online},
	})
	if err != nil {
		t.Fatal(err)
	}
	var done []event.Event
	task.OnCompleted(func(e event.Event) { done = append(done, e) })
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}

	taskstest.Pass(t, a, c, 50*time.Minute) // due three times, latched: one activation
	online.Set(true)
	taskstest.Pass(t, a, c, 0) // the handler has begun, and sleeps
	if len(done) != 0 {
		t.Errorf("asleep: got %v, want nothing done", done)
	}
	taskstest.Pass(t, a, c, 20*time.Second)
	if len(done) != 1 || done[0].Err != nil || done[0].N != 3 {
		t.Errorf("awake: got %v, want one success of three firings", done)
	}
	if _, err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

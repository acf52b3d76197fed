package sim_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/record"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// leftBehind is the store of a shop that was killed while orders were latched,
// slow was running, and mail was paused. Its clock stands still, or slow could be
// over by then.
func leftBehind(t *testing.T) *store.Memory {
	t.Helper()
	kept, still := new(store.Memory), clock.NewVirtual(clock.System().Now())
	s := newShop(tasks.Wait, app.WithStore(kept), app.WithClock(still), app.WithLogger(slog.New(slog.DiscardHandler)))
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.mail.Pause()
	must(s.Raise(t.Context(), "slow", nil))
	for n := range 5 {
		must(s.orders.Request(t.Context(), 1000+n))
	}
	for slow, _ := s.Task("slow"); len(slow.Explain().Active) == 0; {
		must(s.Raise(t.Context(), "slow", nil))
	}
	left := kept.Crash(0)
	_, _ = s.Stop(t.Context())
	return left
}

// A recording of an App that found something in its store is lived again without
// that store: it has what was there.
func TestReplayFile_WhatTheStoreHad(t *testing.T) {
	left, path := leftBehind(t), filepath.Join(t.TempDir(), "shop.rec")
	rec := must(record.Create(path))
	s := newShop(tasks.Wait, app.WithStore(left), app.WithWitness(rec), app.WithLogger(slog.New(slog.DiscardHandler)))
	s.trade(t)
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}

	kept, restored := 0, 0
	for r, err := range record.All(path) {
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Op == record.Kept:
			kept++
			if strings.Contains(string(r.Details), `"Details"`) {
				t.Errorf("details are in the recording: %s", r.Details)
			}
		case r.Op == record.Told && r.Event.Kind == event.Restored:
			restored++
		}
	}
	if kept < 6 || restored < 6 {
		t.Errorf("%d records of the store, and %d activations restored, want 6 at least", kept, restored)
	}

	for range 2 { // the recording is not used up
		sim.ReplayFile(t, path, func(env sim.Env) *app.App {
			return newShop(tasks.Wait, append(env.Options(), app.WithStore(env.Store))...).App
		})
	}
	err := sim.Recording{Path: path, Build: func(env sim.Env) *app.App { return newShop(tasks.Wait, env.Options()...).App }}.Replay()
	if err == nil || !strings.Contains(err.Error(), "restored") {
		t.Errorf("without what was there: got %v", err)
	}
}

// What is kept of a task that is registered while the App runs is its own then,
// and what nobody registers again is told.
func TestReplayFile_WhatWasRegisteredLate(t *testing.T) {
	left, path := leftBehind(t), filepath.Join(t.TempDir(), "late.rec")
	build := func(opts ...app.Option) *app.App {
		a := app.New(append(opts, app.WithLogger(slog.New(slog.DiscardHandler)))...)
		a.HandleFunc("slow", func(context.Context, *tasks.Instance) error { return nil })
		return a
	}
	late := func(a *app.App) error {
		_, err := a.Register(tasks.Registration{Name: "slow", Trigger: never("another")})
		return err
	}
	rec := must(record.Create(path))
	a := build(app.WithStore(left), app.WithWitness(rec))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := late(a); err != nil {
		t.Fatal(err)
	}
	if err := a.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(a.Stop(t.Context()))
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	kinds := map[event.Kind]int{}
	for r, err := range record.All(path) {
		if err != nil {
			t.Fatal(err)
		}
		kinds[r.Event.Kind]++
	}
	if kinds[event.Unclaimed] < 3 || kinds[event.Restored] < 1 || kinds[event.Completed] < 1 {
		t.Errorf("told: %v", kinds)
	}
	err := sim.Recording{
		Path:     path,
		Build:    func(env sim.Env) *app.App { return build(append(env.Options(), app.WithStore(env.Store))...) },
		Register: func(a *app.App, _ record.Record) error { return late(a) },
	}.Replay()
	if err != nil {
		t.Error(err)
	}
}

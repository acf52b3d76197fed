package sim_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/record"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/tasks"
)

// A shop is a user's service, which knows nothing of recordings.
type shop struct {
	*app.App
	net    *condition.Flag
	orders *trigger.Application[int]
	mail   *app.Group
	queue  chan int
}

func newShop(overlap tasks.Overlap, opts ...app.Option) *shop {
	s := &shop{
		App: app.New(opts...), net: condition.NewFlag("net", false),
		orders: trigger.NewApplication[int](), queue: make(chan int),
	}
	s.mail = s.Group("mail")
	s.Handle("order", tasks.Typed(func(_ context.Context, in *tasks.Instance, n int) error {
		in.Progress(uint64(n))
		switch {
		case n%3 == 1 && in.Attempt() == 1:
			return errors.New("try again")
		case n%3 == 2:
			return in.Go(func(context.Context) error { return in.Sleep(2 * time.Millisecond) })
		}
		return in.Sleep(time.Millisecond)
	}))
	s.HandleFunc("tick", func(_ context.Context, in *tasks.Instance) error { return in.Sleep(4 * time.Millisecond) })
	s.HandleFunc("slow", func(_ context.Context, in *tasks.Instance) error { return in.Sleep(time.Hour) })
	s.HandleFunc("queue", func(_ context.Context, in *tasks.Instance) error { panic(fmt.Sprint("odd: ", in.Details())) })
	s.mail.HandleFunc("send", func(context.Context, *tasks.Instance) error { return tasks.Permanent(errors.New("no such user")) })
	for _, r := range []tasks.Registration{
		{
			Name: "order", Trigger: trigger.Any(s.orders, trigger.Custom("flush", trigger.Always)), Conditions: []activation.Condition{s.net},
			Retry: tasks.Retry{Attempts: 2, Backoff: time.Millisecond}, Keep: tasks.Every(100), Overlap: tasks.Parallel(3), KeepOnConditionLoss: true,
		},
		{Name: "tick", Trigger: trigger.Every(3 * time.Millisecond), Overlap: overlap},
		{Name: "slow", Trigger: trigger.Custom("slow", trigger.Always), TimeLimit: 5 * time.Millisecond},
		{Name: "queue", Trigger: trigger.Chan(s.queue)},
	} {
		if _, err := s.Register(r); err != nil {
			panic(err)
		}
	}
	if _, err := s.mail.Register(tasks.Registration{Name: "send", Trigger: trigger.Custom("send", trigger.Always)}); err != nil {
		panic(err)
	}
	return s
}

// trade is a few moments in the life of the shop, with several hands in it.
func (s *shop) trade(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	var hands sync.WaitGroup
	for hand := range 3 {
		hands.Go(func() {
			for n := range 10 {
				r, err := s.orders.Request(ctx, 10*hand+n)
				if err != nil {
					t.Error(err)
				}
				s.net.Set(n%4 != 0)
				if n == 9 {
					s.net.Set(true)
					_ = r.Wait(ctx)
				}
			}
		})
	}
	hands.Go(func() {
		for _, event := range []string{"slow", "send", "flush", "slow"} {
			if _, err := s.Raise(ctx, event, nil); err != nil {
				t.Error(err)
			}
		}
		for n := range 3 {
			s.queue <- n
		}
		s.mail.Pause()
		if _, err := s.Raise(ctx, "send", nil); err != nil {
			t.Error(err)
		}
		s.mail.Resume()
	})
	hands.Wait()
	s.net.Set(true)
	tick, _ := s.Task("tick")
	for done := 0; done < 3; {
		r, err := tick.Fire(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Wait(ctx) == nil {
			done++
		}
	}
	if slow, ok := s.Task("slow"); ok {
		slow.Cancel(activation.QuietHoursEntered)
	}
	s.Unregister("queue", true)
	if _, err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// recorded trades on goroutines and the system's clock, and returns the file.
func recorded(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.rec")
	rec, err := record.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	newShop(tasks.Wait, app.WithWitness(rec), app.WithLogger(slog.New(slog.DiscardHandler))).trade(t)
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReplayFile(t *testing.T) {
	path := recorded(t)
	counts := map[record.Op]int{}
	for r, err := range record.All(path) {
		if err != nil {
			t.Fatal(err)
		}
		counts[r.Op]++
	}
	for _, op := range []record.Op{record.Fire, record.FirePlace, record.Raise, record.Report, record.Over, record.Returned, record.Tick} {
		if counts[op] == 0 {
			t.Errorf("no %s was recorded: %v", op, counts)
		}
	}
	sim.ReplayFile(t, path, func(env sim.Env) *app.App { return newShop(tasks.Wait, env.Options()...).App })
}

// An App that is not the one that was recorded parts from its recording.
func TestRecording_Parts(t *testing.T) {
	path := recorded(t)
	var parting *sim.Parting
	err := sim.Recording{Path: path, Build: func(env sim.Env) *app.App { return newShop(tasks.Skip, env.Options()...).App }}.Replay()
	if !errors.As(err, &parting) || !strings.Contains(parting.Error(), "tick") || parting.Recorded == parting.Lived {
		t.Errorf("another overlap: got %v", err)
	}
	err = sim.Recording{Path: path, Build: func(env sim.Env) *app.App { return app.New(env.Options()...) }}.Replay()
	if !errors.As(err, &parting) || parting.Lived != "nothing" {
		t.Errorf("no registrations: got %v", err)
	}
}

// A lateClock goes on when it is told to, and its alarms never ring.
type lateClock struct {
	mu  sync.Mutex // guards the following
	now time.Time
}

func (c *lateClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *lateClock) AfterFunc(time.Duration, func()) clock.Timer { return c }
func (c *lateClock) Stop() bool                                  { return true }

func (c *lateClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// portOf is a trigger that hands its port out.
type portOf struct{ activation.Port }

func (p *portOf) String() string                 { return "port" }
func (p *portOf) Arm(port activation.Port) error { p.Port = port; return nil }

// What is due is done by whatever comes next, what comes too late for its place
// included.
func TestReplayFile_WhatComesTooLateLetsTimePass(t *testing.T) {
	now, orders := &lateClock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}, &portOf{}
	build := func(opts ...app.Option) *app.App {
		a := app.New(opts...)
		must(a.Register(tasks.Registration{Name: "tick", Trigger: trigger.Every(time.Minute)}))
		must(a.Register(tasks.Registration{Name: "order", Trigger: orders}))
		return a
	}
	path := filepath.Join(t.TempDir(), "late.rec")
	rec := must(record.Create(path))
	a := build(app.WithClock(now), app.WithWitness(rec), app.WithLogger(slog.New(slog.DiscardHandler)))
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	place := must(orders.Reserve(t.Context()))
	_ = must(place.Fire(t.Context(), nil)).Wait(t.Context())
	now.pass(time.Minute)
	place.Release()
	must(a.Stop(t.Context()))
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	ticks := 0
	for r, err := range record.All(path) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Op == record.Told && r.Event.Kind == event.Fired && r.Event.Task == "tick" {
			ticks++
		}
	}
	if ticks != 1 {
		t.Errorf("ticks: got %d, want 1", ticks)
	}
	sim.ReplayFile(t, path, func(env sim.Env) *app.App { return build(env.Options()...) })
}

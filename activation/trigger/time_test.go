package trigger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// String is the identity: equal texts, the same trigger.
func TestString(t *testing.T) {
	for _, tt := range []struct {
		trigger activation.Trigger
		want    string
	}{
		{trigger.Every(90 * time.Second), "every(1m30s)"},
		{trigger.After(0), "after(0s)"},
		{trigger.At(dawn.Add(5)), "at(2000-01-01T00:00:00.000000005Z)"},
		{trigger.OneShot(trigger.Every(time.Hour)), "oneshot(every(1h0m0s))"},
		{trigger.Custom("TimeZoneChange", trigger.Once), "custom(TimeZoneChange, once)"},
		{trigger.Custom("TimeZoneChange", trigger.Always), "custom(TimeZoneChange)"},
		{trigger.NewApplication[int](), "application(int)"},
		{trigger.NewApplication[error](), "application(error)"},
		{trigger.Chan(make(chan []string)), "chan([]string)"},
	} {
		if got := tt.trigger.String(); got != tt.want {
			t.Errorf("String: got %q, want %q", got, tt.want)
		}
	}
}

// Every d, first one d after it was registered, which for one that waits for
// Run is when that begins.
func TestEvery(t *testing.T) {
	play(t, func(s *stage) {
		time.Sleep(time.Minute)
		s.run(trigger.Every(20*time.Second), s.noting(0))
		time.Sleep(50 * time.Second)
		if _, err := s.Replace(tasks.Registration{Name: "x", Trigger: trigger.Every(20 * time.Second)}); err != nil {
			t.Error(err)
		}
		time.Sleep(30 * time.Second)
		s.heard("1m20s due 1m20s", "1m40s due 1m40s", "2m10s due 2m10s")
	})
}

// A handler that takes longer than the interval delays what comes next, and
// makes the firings meanwhile one; the due times stay multiples.
func TestEvery_DoesNotDriftWithASlowHandler(t *testing.T) {
	play(t, func(s *stage) {
		s.run(trigger.Every(20*time.Second), s.noting(45*time.Second))
		time.Sleep(215 * time.Second)
		s.heard("20s due 20s", "1m5s due 1m0s", "1m50s due 1m40s", "2m35s due 2m20s", "3m20s due 3m20s")
	})
}

// A lateClock is the system's, but its timers are late.
type lateClock struct {
	clock.Clock
	by time.Duration
}

func (c lateClock) AfterFunc(d time.Duration, f func()) clock.Timer {
	return c.Clock.AfterFunc(d+c.by, f)
}

// Late wake-ups make starts late, one by one, and never the due times.
func TestEvery_DoesNotDriftWithLateWakeUps(t *testing.T) {
	play(t, func(s *stage) {
		s.run(trigger.Every(20*time.Second), s.noting(0))
		time.Sleep(90 * time.Second)
		s.heard("27s due 20s", "47s due 40s", "1m7s due 1m0s", "1m27s due 1m20s")
	}, app.WithClock(lateClock{clock.System(), 7 * time.Second}))
}

// Due times that passed while nobody could act on them are one firing, at the
// last of them, and told: here the clock is set forward, and back.
func TestEvery_MissedIsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := clock.NewVirtual(dawn)
		s := &stage{App: app.New(app.WithClock(v)), t: t, ctx: t.Context()}
		defer func() { _, _ = s.Stop(context.Background()) }()
		s.Observe(func(e event.Event) {
			if e.Kind == event.Missed || e.Kind == event.Started {
				s.note("%s %d, due %v", e.Kind, e.N, e.Due.Sub(dawn))
			}
		})
		s.run(trigger.Every(20*time.Second), func(context.Context, *tasks.Instance) error { return nil })
		advance := func(d time.Duration) { v.Advance(d); synctest.Wait() }
		advance(20 * time.Second)
		s.heard("20s started 0, due 20s")
		v.Jump(time.Hour)
		advance(20 * time.Second)
		s.heard("1h0m40s missed 180, due 1h0m40s", "1h0m40s started 0, due 1h0m40s")
		advance(20 * time.Second)
		s.heard("1h1m0s started 0, due 1h1m0s")
		v.Jump(-30 * time.Minute) // the interval goes on counting
		advance(20 * time.Second)
		s.heard("31m20s started 0, due 31m20s")
	})
}

// An interval is never too small to be told apart from none.
func TestEvery_Nanosecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := clock.NewVirtual(dawn)
		s := &stage{App: app.New(app.WithClock(v)), t: t, ctx: t.Context()}
		defer func() { _, _ = s.Stop(context.Background()) }()
		s.run(trigger.Every(1), s.noting(0))
		v.Advance(10)
		synctest.Wait()
		v.Jump(24 * time.Hour) // 86 trillion due times are passed over, not walked
		v.Advance(1)
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if got, want := s.notes[len(s.notes)-1], "24h0m0s due 24h0m0.000000011s"; got != want {
			t.Errorf("last: got %q, want %q", got, want)
		}
	})
}

// At makes a task due once, at t, and is over when that activation is.
func TestAt_Future(t *testing.T) {
	play(t, func(s *stage) {
		s.run(trigger.At(dawn.Add(time.Hour)), s.noting(time.Minute))
		time.Sleep(time.Hour + time.Second)
		s.heard("1h0m0s due 1h0m0s")
		if !s.IsRegistered("x") {
			t.Error("IsRegistered: got false while it runs")
		}
		time.Sleep(24 * time.Hour)
		s.heard()
		if s.IsRegistered("x") {
			t.Error("IsRegistered: got true when it is over")
		}
	})
}

// If t has passed, the task is due as soon as the App runs, or as it is
// registered with one that does; Due still says t.
func TestAt_Past(t *testing.T) {
	play(t, func(s *stage) {
		time.Sleep(time.Hour)
		s.run(trigger.At(dawn.Add(time.Minute)), s.noting(0))
		s.heard("1h0m0s due 1m0s")
		if _, err := s.Register(tasks.Registration{Name: "x", Trigger: trigger.At(time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC))}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		s.mu.Lock()
		n := len(s.notes)
		s.mu.Unlock()
		if n != 1 || s.IsRegistered("x") {
			t.Errorf("in the year 1: ran %d times, registered %v", n, s.IsRegistered("x"))
		}
	})
}

// After makes a task due once, d after it was registered.
func TestAfter(t *testing.T) {
	play(t, func(s *stage) {
		s.run(trigger.After(time.Minute), s.noting(0))
		time.Sleep(30 * time.Second)
		s.HandleFunc("y", s.noting(0))
		for _, d := range []time.Duration{time.Minute, 0} { // zero is at once
			if _, err := s.Replace(tasks.Registration{Name: "y", Trigger: trigger.After(d)}); err != nil {
				t.Error(err)
			}
			time.Sleep(2 * time.Minute)
		}
		s.heard("1m0s due 1m0s", "1m30s due 1m30s", "2m30s due 2m30s")
		for range s.All() {
			t.Error("All: a one-shot is left")
		}
	})
}

// The first firing that is accepted is the last, whether it came from the
// trigger or by hand.
func TestOneShot(t *testing.T) {
	play(t, func(s *stage) {
		task := s.run(trigger.OneShot(trigger.Every(time.Minute)), s.noting(90*time.Second))
		time.Sleep(30 * time.Second)
		if r, err := task.Fire(s.ctx, nil); err != nil || r.Result != activation.Allowed {
			t.Errorf("Fire: got %v, %v", r.Result, err)
		}
		time.Sleep(time.Minute)
		if r, err := task.Fire(s.ctx, nil); err != nil || r.Result != activation.DisabledByPolicy {
			t.Errorf("Fire again: got %v, %v, want DisabledByPolicy", r.Result, err)
		}
		time.Sleep(time.Hour)
		s.heard("30s due 30s")
		if s.IsRegistered("x") {
			t.Error("IsRegistered: got true")
		}
	})
}

// A one-shot application trigger serves one request, and can be used again.
func TestOneShot_Application(t *testing.T) {
	play(t, func(s *stage) {
		pulled := trigger.NewApplication[int]()
		s.run(trigger.OneShot(pulled), s.noting(0))
		for i, want := range []error{nil, activation.ErrUnbound} {
			if _, err := pulled.Request(s.ctx, i); !errors.Is(err, want) {
				t.Errorf("Request %d: got %v, want %v", i, err, want)
			}
			synctest.Wait()
		}
		if _, err := s.Register(tasks.Registration{Name: "x", Trigger: pulled}); err != nil {
			t.Error(err)
		}
		for i := range 2 {
			if _, err := pulled.Request(s.ctx, i); err != nil {
				t.Errorf("Request %d: %v", i, err)
			}
			synctest.Wait()
		}
		s.heard("0s due 0s", "0s due 0s", "0s due 0s")
	})
}

// Schedules are pure: the same phase, the same answer.
func TestSchedules_ArePure(t *testing.T) {
	for _, tr := range []activation.Trigger{trigger.Every(time.Minute), trigger.At(dawn), trigger.After(time.Minute)} {
		ph := activation.Phase{Name: "x", Registered: dawn, Started: dawn}
		at, ok := tr.(activation.Schedule).Next(ph)
		for range 3 {
			if again, okAgain := tr.(activation.Schedule).Next(ph); !again.Equal(at) || okAgain != ok {
				t.Errorf("%v: got %v, %v, then %v, %v", tr, at, ok, again, okAgain)
			}
		}
	}
}

// Every's Missed leaps as far as Next would walk, wherever it stands.
func TestEvery_LeapsAsFarAsItWalks(t *testing.T) {
	every := activation.Leaper(trigger.Every(7 * time.Second))
	for n := range uint64(5) {
		for ahead := range 60 {
			ph := activation.Phase{Registered: dawn, N: n}
			if n > 0 {
				ph.Last = dawn.Add(time.Duration(n) * 7 * time.Second)
			}
			now := dawn.Add(time.Duration(ahead) * time.Second)
			walked := ph
			for {
				at, _ := every.Next(walked)
				if at.After(now) {
					break
				}
				walked.N, walked.Last = walked.N+1, at
			}
			missed, last := every.Missed(ph, now)
			if missed != walked.N-ph.N || !last.Equal(walked.Last) {
				t.Errorf("from %d, %ds ahead: got %d, %v, want %d, %v", n, ahead, missed, last, walked.N-ph.N, walked.Last)
			}
		}
	}
}

func ExampleEvery() {
	v := clock.NewVirtual(time.Time{})
	a := app.New(app.WithClock(v))
	a.HandleFunc("sync", func(_ context.Context, in *tasks.Instance) error {
		fmt.Println(in.Name(), "due", in.Due().Format(time.TimeOnly))
		return nil
	})
	ctx := context.Background()
	if _, err := a.Register(tasks.Registration{Name: "sync", Trigger: trigger.Every(15 * time.Minute)}); err != nil {
		fmt.Println(err)
	}
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
	}
	for range 3 {
		v.Advance(15 * time.Minute)
		_ = a.WaitIdle(ctx)
	}
	_, _ = a.Stop(ctx)
	// Output:
	// sync due 00:15:00
	// sync due 00:30:00
	// sync due 00:45:00
}

package trigger_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A completion makes those tasks due that wait for its outcome, also ones that
// were registered first, with the event as details.
func TestCompletion(t *testing.T) {
	play(t, func(s *stage) {
		for name, on := range map[string]trigger.Outcome{"any": trigger.OnAny, "good": trigger.OnSuccess, "bad": trigger.OnFailure} {
			s.HandleFunc(name, func(_ context.Context, in *tasks.Instance) error {
				e, ok := in.Details().(event.Event)
				if !ok || e.Kind != event.Completed || e.Task != "x" || e.At.Sub(dawn) != s.Clock().Now().Sub(dawn) {
					t.Errorf("details: got %v", in.Details())
				}
				time.Sleep(time.Duration(len(name)) * time.Second) // any and bad, then good
				s.note("%s: %v", name, e.Err)
				return nil
			})
			if _, err := s.Register(tasks.Registration{Name: name, Trigger: trigger.Completion("x", on)}); err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		task := s.run(trigger.Every(time.Hour), func(_ context.Context, in *tasks.Instance) error {
			switch n++; n {
			case 1:
				return nil
			case 2:
				return errors.New("boom")
			}
			return in.Sleep(time.Hour)
		})
		time.Sleep(90 * minute)
		s.heardSorted("1h0m3s any: <nil>", "1h0m4s good: <nil>")
		time.Sleep(time.Hour)
		s.heardSorted("2h0m3s any: boom", "2h0m3s bad: boom")
		time.Sleep(time.Hour)
		task.Cancel(activation.Abort)
		time.Sleep(minute)
		s.heardSorted("3h30m3s any: tasks: canceled: Abort", "3h30m3s bad: tasks: canceled: Abort")
	})
}

// Only tasks of the same group are heard.
func TestCompletion_OfTheSameGroup(t *testing.T) {
	play(t, func(s *stage) {
		g := s.Group("library")
		g.HandleFunc("y", func(context.Context, *tasks.Instance) error { s.note("library's"); return nil })
		if _, err := g.Register(tasks.Registration{Name: "y", Trigger: trigger.Completion("x", trigger.OnAny)}); err != nil {
			t.Fatal(err)
		}
		s.run(trigger.Every(time.Hour), s.noting(0))
		time.Sleep(90 * minute)
		s.heard("1h0m0s due 1h0m0s")
		g.HandleFunc("x", func(context.Context, *tasks.Instance) error { return nil })
		if _, err := g.Register(tasks.Registration{Name: "x", Trigger: trigger.OneShot(trigger.Every(minute))}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * minute)
		s.heard("1h31m0s library's")
	})
}

// A task can follow itself: it goes on once it was started.
func TestCompletion_OfItself(t *testing.T) {
	play(t, func(s *stage) {
		s.run(trigger.Any(trigger.After(minute), trigger.Completion("x", trigger.OnAny)), s.noting(0))
		time.Sleep(time.Hour)
		s.heard("1m0s due 1m0s") // After is a one-shot
	})
	play(t, func(s *stage) {
		task := s.run(trigger.Throttle(trigger.Completion("x", trigger.OnSuccess), time.Second), s.noting(20*minute))
		if _, err := task.Fire(s.ctx, nil); err != nil {
			t.Error(err)
		}
		time.Sleep(50 * minute)
		s.heard("0s due 0s", "20m0s due 20m0s", "40m0s due 40m0s")
	})
}

// ClockJump tells that the wall clock was set, and by how much.
func TestClockJump(t *testing.T) {
	v := clock.NewVirtual(dawn)
	got := jumps(t, v, func(advance func(time.Duration)) {
		advance(time.Hour)
		v.Jump(90 * minute)
		advance(time.Hour)
		v.Jump(-2 * time.Hour)
		advance(time.Hour)
		v.Jump(time.Second) // too little to tell
		advance(time.Hour)
	})
	if len(got) != 2 || got[0] != 90*minute || got[1] != -2*time.Hour {
		t.Errorf("jumps: got %v", got)
	}
}

// jumps runs a task that waits for jumps, and returns what it was told.
func jumps(t *testing.T, v *clock.Virtual, story func(advance func(time.Duration))) (list []time.Duration) {
	t.Helper()
	l := live(t, dawn, trigger.ClockJump(), func(*clock.Virtual) clock.Clock { return v })
	if _, err := l.Register(tasks.Registration{Name: "wakes", Trigger: trigger.Cron("TZ=UTC */5 * * * *")}); err != nil {
		t.Fatal(err)
	}
	l.SetOnBackgroundActivated(func(_ context.Context, in *tasks.Instance) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if d, ok := in.Details().(time.Duration); ok {
			list = append(list, d)
		}
		return nil
	})
	story(func(d time.Duration) {
		for end := v.Elapsed() + d; v.Elapsed() < end; {
			v.Advance(minute)
			l.idle()
		}
	})
	l.stop()
	return list
}

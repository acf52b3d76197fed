package trigger_test

import (
	"context"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// windowed runs a task with a window and a condition, and tells how its
// activations end.
func windowed(s *stage, tr activation.Trigger, takes time.Duration, holds bool) (*condition.Flag, activation.Condition) {
	s.t.Helper()
	online := condition.NewFlag("online", holds)
	s.HandleFunc("x", func(_ context.Context, in *tasks.Instance) error { return in.Sleep(takes) })
	s.tell(event.Started, event.Completed)
	if _, err := s.Register(tasks.Registration{Name: "x", Trigger: tr, Conditions: []activation.Condition{online}, KeepOnConditionLoss: true}); err != nil {
		s.t.Fatal(err)
	}
	if err := s.Start(s.ctx); err != nil {
		s.t.Fatal(err)
	}
	return online, online
}

// What has not started when the window closes ends with SystemPolicy; what
// starts before may finish after.
func TestWindow(t *testing.T) {
	play(t, func(s *stage) {
		online, _ := windowed(s, trigger.Window(trigger.Every(time.Hour), 20*minute), 30*minute, false)
		time.Sleep(60*minute + 20*minute - 1)
		s.heard()
		time.Sleep(time.Nanosecond)
		s.heard(`1h20m0s x completed act=1 n=1 err="tasks: canceled: SystemPolicy"`)
		time.Sleep(59 * minute) // the second hour, nineteen minutes past
		online.Set(true)
		s.heard("2h19m0s x started act=2 inst=1")
		online.Set(false)
		time.Sleep(40 * minute)
		s.heard("2h49m0s x completed act=2 inst=1 n=1")
	})
}

// CancelAtEnd cancels what runs when the window closes, with SystemPolicy.
func TestWindow_CancelAtEnd(t *testing.T) {
	play(t, func(s *stage) {
		windowed(s, trigger.Window(trigger.Every(time.Hour), 20*minute).CancelAtEnd(), 50*minute, true)
		time.Sleep(2 * time.Hour)
		s.heard("1h0m0s x started act=1 inst=1",
			`1h20m0s x completed act=1 inst=1 reason=SystemPolicy n=1 err="tasks: canceled: SystemPolicy"`,
			"2h0m0s x started act=2 inst=2")
	})
}

// A busy task misses its window as well.
func TestWindow_Busy(t *testing.T) {
	play(t, func(s *stage) {
		windowed(s, trigger.Window(trigger.Every(time.Hour), 20*minute), 90*minute, true)
		time.Sleep(4 * time.Hour)
		s.heard("1h0m0s x started act=1 inst=1",
			`2h20m0s x completed act=2 n=1 err="tasks: canceled: SystemPolicy"`,
			"2h30m0s x completed act=1 inst=1 n=1", "3h0m0s x started act=3 inst=2")
	})
}

// A window opens when a firing is due where the window is: within, a start can
// be put off; one that is put off beyond never starts.
func TestWindow_AndDelays(t *testing.T) {
	starts(t, trigger.Window(trigger.Offset(at{1}, 60*minute), 5*minute), 61)
	starts(t, trigger.Offset(trigger.Window(at{1}, 5*minute), 4*minute), 5)
	starts(t, trigger.Offset(trigger.Window(at{1}, 5*minute), 5*minute))
	starts(t, trigger.Offset(trigger.Window(at{1}, 5*minute), 60*minute))
	starts(t, trigger.Window(trigger.Window(at{1}, 5*minute), minute), 1)
}

// What was missed while the process was suspended does not start outside its
// window, be it due then or put off until then.
func TestWindow_Suspended(t *testing.T) {
	for name, tr := range map[string]activation.Trigger{
		"due":     trigger.Window(trigger.Daily("02:00").In(time.UTC), 2*time.Hour),
		"put off": trigger.Offset(trigger.Window(trigger.Daily("00:30").In(time.UTC), 2*time.Hour), time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			l := live(t, dawn, tr)
			l.until(dawn.Add(time.Hour), 9)
			l.clock.Jump(9 * time.Hour)
			l.until(dawn.Add(23*time.Hour), 9)
			if got, _ := l.stop(); len(got) != 0 {
				t.Errorf("started at %v", got)
			}
		})
	}
}

// A firing from elsewhere has no window.
func TestWindow_FireHasNone(t *testing.T) {
	play(t, func(s *stage) {
		online, _ := windowed(s, trigger.Window(trigger.Every(2*time.Hour), 20*minute).CancelAtEnd(), 50*minute, false)
		task, _ := s.Task("x")
		if _, err := task.Fire(s.ctx, nil); err != nil {
			t.Error(err)
		}
		time.Sleep(45 * minute)
		online.Set(true)
		time.Sleep(55 * minute)
		s.heard("45m0s x started act=1 inst=1", "1h35m0s x completed act=1 inst=1 n=1")
	})
}

// lateVirtual is a virtual clock whose timers are late.
type lateVirtual struct {
	*clock.Virtual
	by time.Duration
}

func (c lateVirtual) AfterFunc(d time.Duration, f func()) clock.Timer {
	return c.Virtual.AfterFunc(d+c.by, f)
}

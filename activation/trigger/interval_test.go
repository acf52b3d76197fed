package trigger_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// Immediately makes the task due at its registration as well, which for one that
// waits for Run is when that begins.
func TestEvery_Immediately(t *testing.T) {
	play(t, func(s *stage) {
		time.Sleep(minute)
		s.run(trigger.Every(20*minute).Immediately(), s.noting(0))
		time.Sleep(50 * minute)
		if _, err := s.Replace(tasks.Registration{Name: "x", Trigger: trigger.Every(20 * minute).Immediately()}); err != nil {
			t.Error(err)
		}
		time.Sleep(30 * minute)
		s.heard("1m0s due 1m0s", "21m0s due 21m0s", "41m0s due 41m0s", "51m0s due 51m0s", "1h11m0s due 1h11m0s")
	})
}

// Missed of an interval that began at once leaps as far as Next would walk.
func TestEvery_Immediately_Leaps(t *testing.T) {
	every := activation.Leaper(trigger.Every(7 * minute).Immediately())
	n, last := every.Missed(activation.Phase{Registered: dawn}, dawn)
	if n != 1 || !last.Equal(dawn) {
		t.Errorf("at once: got %d, %v", n, last)
	}
	if n, last = every.Missed(activation.Phase{Registered: dawn, N: 1, Last: dawn}, dawn.Add(15*minute)); n != 2 || !last.Equal(dawn.Add(14*minute)) {
		t.Errorf("later: got %d, %v", n, last)
	}
}

// An interval ends after 292 years, rather than to go back.
func TestEvery_Ends(t *testing.T) {
	for _, tr := range []trigger.Interval{trigger.Every(math.MaxInt64), trigger.Every(math.MaxInt64).Immediately(), trigger.Every(math.MaxInt64/2 + 1)} {
		list, err := trigger.Next(tr, dawn, 10)
		if err != nil || len(list) == 0 || len(list) > 2 {
			t.Errorf("%v: got %v, %v", tr, list, err)
		}
	}
}

// AfterCompletion counts from when an activation was over, however long that
// took.
func TestAfterCompletion(t *testing.T) {
	play(t, func(s *stage) {
		s.run(trigger.AfterCompletion(10*minute), s.noting(25*minute))
		time.Sleep(2 * time.Hour)
		s.heard("10m0s due 10m0s", "45m0s due 45m0s", "1h20m0s due 1h20m0s", "1h55m0s due 1h55m0s")
	})
}

// A firing from elsewhere puts the next due time off: none comes while it is
// pending or runs.
func TestAfterCompletion_IsPutOff(t *testing.T) {
	play(t, func(s *stage) {
		task := s.run(trigger.AfterCompletion(10*minute), s.noting(25*minute))
		time.Sleep(9 * minute)
		if _, err := task.Fire(s.ctx, nil); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Hour)
		s.heard("9m0s due 9m0s", "44m0s due 44m0s", "1h19m0s due 1h19m0s", "1h54m0s due 1h54m0s")
	})
}

// A due time that a filter drops counts as one that was over at once.
func TestAfterCompletion_Dropped(t *testing.T) {
	starts(t, trigger.Between(trigger.AfterCompletion(10*minute), dawn.Add(25*minute), dawn.Add(45*minute)), 30, 40)
}

// With a task that skips while it is busy, it goes on after that; so it does
// when a retry is waited for, and when an activation of it is canceled.
func TestAfterCompletion_GoesOn(t *testing.T) {
	play(t, func(s *stage) {
		n := 0
		s.HandleFunc("x", func(_ context.Context, in *tasks.Instance) error {
			s.note("runs")
			switch n++; n {
			case 1:
				return in.Sleep(time.Hour) // canceled
			case 2:
				return context.DeadlineExceeded // tried again
			}
			return nil
		})
		task, err := s.Register(tasks.Registration{
			Name: "x", Trigger: trigger.AfterCompletion(10 * minute), Overlap: tasks.Skip,
			Retry: tasks.Retry{Attempts: 2, Backoff: 30 * minute, Jitter: -1},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(s.ctx); err != nil {
			t.Fatal(err)
		}
		time.Sleep(40 * minute)
		task.Cancel(activation.Abort)
		time.Sleep(70 * minute)
		s.heard("10m0s runs", "50m0s runs", "1h20m0s runs", "1h30m0s runs", "1h40m0s runs", "1h50m0s runs")
	})
}

// A clock that is set back while an activation runs does not stop it.
func TestAfterCompletion_ClockSetBack(t *testing.T) {
	l := live(t, dawn, trigger.AfterCompletion(10*minute))
	faults := l.Observe(func(e event.Event) {
		if e.Kind == event.Faulted {
			t.Error(e)
		}
	})
	defer faults.Stop()
	back := true
	l.SetOnBackgroundActivated(func(ctx context.Context, in *tasks.Instance) error {
		if back {
			back = false
			if err := in.Sleep(minute); err != nil {
				return err
			}
			l.clock.Jump(-3 * time.Hour)
			if err := in.Sleep(minute); err != nil {
				return err
			}
		}
		return l.OnBackgroundActivated(ctx, in)
	})
	l.until(dawn.Add(time.Hour), 1)
	if _, err := l.Apply([]tasks.Registration{{Name: "x", Trigger: trigger.AfterCompletion(10 * minute), TimeLimit: time.Hour}}); err != nil {
		t.Fatal(err)
	}
	l.until(dawn.Add(time.Hour), 5)
	got, _ := l.stop()
	var want []time.Time
	for i := range 5 {
		want = append(want, dawn.Add(-3*time.Hour+time.Duration(12+10*i)*minute))
	}
	compare(t, "starts", got, want)
}

// Apply while an activation runs leaves the next due time to its completion.
func TestAfterCompletion_AcrossApply(t *testing.T) {
	play(t, func(s *stage) {
		s.tell(event.Faulted)
		s.run(trigger.AfterCompletion(10*minute), s.noting(20*minute))
		time.Sleep(15 * minute)
		if _, err := s.Apply([]tasks.Registration{{Name: "x", Trigger: trigger.AfterCompletion(10 * minute), TimeLimit: time.Hour}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		s.heard("10m0s due 10m0s", "40m0s due 40m0s", "1h10m0s due 1h10m0s")
	})
}

// An interval below the App's minimum is refused, in a combinator as well.
func TestInterval_Minimum(t *testing.T) {
	a := app.New(app.WithMinimumInterval(time.Hour))
	for _, tr := range []activation.Trigger{
		trigger.Every(minute), trigger.AfterCompletion(minute), trigger.After(minute),
		trigger.Cron("@every 1m"), trigger.Any(trigger.Every(2*time.Hour), trigger.Jitter(trigger.Every(minute), 1)),
	} {
		if _, err := a.Register(tasks.Registration{Name: "x", Trigger: tr}); err == nil {
			t.Errorf("Register %v: got no error", tr)
		}
	}
}

// Task.Fire is not judged by what Once lets through.
func TestCustom_OnceDoesNotJudgeFire(t *testing.T) {
	play(t, func(s *stage) {
		task := s.run(trigger.Custom("tz", trigger.Once), s.noting(0))
		for range 2 {
			if _, err := s.Raise(s.ctx, "tz", nil); err != nil {
				t.Error(err)
			}
			if r, err := task.Fire(s.ctx, nil); err != nil || r.Result != activation.Allowed {
				t.Errorf("Fire: got %v, %v", r.Result, err)
			}
			synctest.Wait()
			time.Sleep(time.Hour)
		}
		s.heard("0s due 0s", "0s due 0s", "1h0m0s due 1h0m0s")
	})
}

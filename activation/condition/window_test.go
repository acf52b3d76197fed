package condition_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// A sill is an App on a virtual clock with one condition, and what that has
// told.
type sill struct {
	*app.App
	t     testing.TB
	clock *clock.Virtual

	mu      sync.Mutex // guards the following
	changes []string
	wakes   int
}

func look(t testing.TB, from time.Time, c activation.Condition) *sill {
	t.Helper()
	v := clock.NewVirtual(from)
	s := &sill{App: app.New(app.WithClock(v)), t: t, clock: v}
	s.HandleFunc("x", func(context.Context, *tasks.Instance) error { return nil })
	s.Observe(func(e event.Event) {
		if e.Kind == event.ConditionChanged {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.changes = append(s.changes, fmt.Sprintf("%s %v", e.At.In(from.Location()).Format("Jan 2 15:04:05 MST"), e.N == 1))
		}
	})
	task, err := s.Register(tasks.Registration{Name: "x", Trigger: byHand{}, Conditions: []activation.Condition{c}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.changes = append(s.changes, fmt.Sprint(len(task.Explain().Unmet) == 0))
	return s
}

func (s *sill) idle() {
	if err := s.WaitIdle(context.Background()); err != nil {
		s.t.Error(err)
	}
}

// until lets time pass, wake-up by wake-up.
func (s *sill) until(end time.Time) {
	for s.idle(); ; s.wakes++ {
		at, ok := s.clock.Next()
		if !ok || at.After(end) {
			return
		}
		s.clock.Advance(at.Sub(s.clock.Now()))
		s.idle()
	}
}

// saw stops the App and compares what the condition told: how it began, and
// each change.
func (s *sill) saw(want ...string) {
	s.t.Helper()
	if _, err := s.Stop(context.Background()); err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.changes, want) {
		s.t.Errorf("told:\ngot\n\t%q\nwant\n\t%q", s.changes, want)
	}
}

// It holds from the first time to before the second, each day, also over
// midnight; QuietHours is the opposite.
func TestTimeWindow(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	s := look(t, noon, condition.TimeWindow("09:00", "17:30:15", time.UTC))
	s.until(noon.AddDate(0, 0, 2))
	s.saw("true", "Jun 1 17:30:15 UTC false", "Jun 2 09:00:00 UTC true", "Jun 2 17:30:15 UTC false", "Jun 3 09:00:00 UTC true")
	s = look(t, noon, condition.TimeWindow("22:00", "6:00", time.UTC))
	s.until(noon.AddDate(0, 0, 1))
	s.saw("false", "Jun 1 22:00:00 UTC true", "Jun 2 06:00:00 UTC false")
	s = look(t, noon, condition.QuietHours("22:00", "06:00", time.UTC))
	s.until(noon.AddDate(0, 0, 1))
	s.saw("true", "Jun 1 22:00:00 UTC false", "Jun 2 06:00:00 UTC true")
	s = look(t, noon, condition.TimeWindow("22:00", "00:00", time.UTC))
	s.until(noon.AddDate(0, 0, 1))
	s.saw("false", "Jun 1 22:00:00 UTC true", "Jun 2 00:00:00 UTC false")
	s = look(t, noon, condition.TimeWindow("00:00", "12:00", zone(t, "Asia/Kolkata"))) // 17:30 there
	s.until(noon.AddDate(0, 0, 1))
	s.saw("false", "Jun 1 18:30:00 UTC true", "Jun 2 06:30:00 UTC false")
	local := time.Date(2026, 6, 1, 12, 0, 0, 0, time.Local)
	s = look(t, local, condition.TimeWindow("12:00", "13:00", nil)) // it begins at its first instant
	s.until(local.Add(2 * time.Hour))
	s.saw("true", local.Format("Jan 2")+" 13:00:00 "+local.Format("MST")+" false")
}

// From the first instant to the last before the end.
func TestTimeWindow_Edges(t *testing.T) {
	for _, tt := range []struct {
		at   time.Duration
		want string
	}{
		{9*time.Hour - 1, "false"}, {9 * time.Hour, "true"}, {17*time.Hour - 1, "true"}, {17 * time.Hour, "false"},
	} {
		look(t, dawn.Add(tt.at), condition.TimeWindow("09:00", "17:00", time.UTC)).saw(tt.want)
	}
}

// What is no time of day is refused, and a window from a time to the same.
func TestTimeWindow_Refused(t *testing.T) {
	for _, w := range [][2]string{{"24:00", "1:00"}, {"9:00", ""}, {"x", "y"}, {"9:00", "09:00:00"}, {"9:00", "10:00:00.5"}} {
		refused(t, condition.TimeWindow(w[0], w[1], nil), condition.ErrTimeOfDay)
		refused(t, condition.QuietHours(w[0], w[1], nil), condition.ErrTimeOfDay)
	}
}

// Where the clock is set forward over an edge, that is the instant after the
// gap; where a time comes twice, so does what is due at it.
func TestTimeWindow_DaylightSaving(t *testing.T) {
	ny := zone(t, "America/New_York")
	spring, fall := time.Date(2026, 3, 8, 0, 0, 0, 0, ny), time.Date(2026, 11, 1, 0, 0, 0, 0, ny)
	for _, tt := range []struct {
		from, to string
		on       time.Time
		want     []string
	}{
		{"02:30", "05:00", spring, []string{"false", "Mar 8 03:00:00 EDT true", "Mar 8 05:00:00 EDT false"}},
		{"01:00", "02:30", spring, []string{"false", "Mar 8 01:00:00 EST true", "Mar 8 03:00:00 EDT false"}},
		{"02:15", "02:45", spring, []string{"false"}},
		{"01:30", "03:30", spring, []string{"false", "Mar 8 01:30:00 EST true", "Mar 8 03:30:00 EDT false"}},
		{"01:30", "05:00", fall, []string{"false", "Nov 1 01:30:00 EDT true", "Nov 1 01:00:00 EST false", "Nov 1 01:30:00 EST true", "Nov 1 05:00:00 EST false"}},
		{"00:30", "01:30", fall, []string{"false", "Nov 1 00:30:00 EDT true", "Nov 1 01:30:00 EDT false", "Nov 1 01:00:00 EST true", "Nov 1 01:30:00 EST false"}},
		{"01:15", "01:45", fall, []string{"false", "Nov 1 01:15:00 EDT true", "Nov 1 01:45:00 EDT false", "Nov 1 01:15:00 EST true", "Nov 1 01:45:00 EST false"}},
		{"00:30", "05:00", fall, []string{"false", "Nov 1 00:30:00 EDT true", "Nov 1 05:00:00 EST false"}},
	} {
		s := look(t, tt.on, condition.TimeWindow(tt.from, tt.to, ny))
		s.until(tt.on.Add(20 * time.Hour))
		s.saw(tt.want...)
	}
}

// Over years, in zones that change in many ways, it holds whenever the clock
// shows a time in it, as a look at each minute tells; and that costs few
// wake-ups. The last day of a leap year after the rules' last entry is a day as
// any other.
func TestTimeWindow_Years(t *testing.T) {
	for _, tt := range []struct {
		zone string
		from time.Time
		days int
	}{
		{"Australia/Lord_Howe", time.Date(2026, 3, 28, 3, 4, 5, 6, time.UTC), 14},
		{"America/Sao_Paulo", time.Date(2018, 10, 28, 0, 0, 0, 0, time.UTC), 14}, // midnight is jumped over
		{"Africa/Cairo", time.Date(2026, 4, 18, 0, 0, 0, 0, time.UTC), 14},
		{"Pacific/Apia", time.Date(2011, 12, 25, 0, 0, 0, 0, time.UTC), 14}, // a day is jumped over
		{"Europe/Berlin", time.Date(2048, 12, 27, 0, 0, 0, 0, time.UTC), 14},
		{"America/New_York", time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC), 366},
	} {
		loc := zone(t, tt.zone)
		for i, w := range [][2]int{{23*60 + 30, 30}, {0, 120}, {90, 150}, {150, 15}} {
			if i > 0 && tt.days > 100 {
				break
			}
			show := func(m int) string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }
			open := func(at time.Time) bool {
				h, m, _ := at.In(loc).Clock()
				n := h*60 + m
				if w[0] < w[1] {
					return w[0] <= n && n < w[1]
				}
				return w[0] <= n || n < w[1]
			}
			end := tt.from.AddDate(0, 0, tt.days)
			want := []string{fmt.Sprint(open(tt.from))}
			last := open(tt.from)
			for at := tt.from.Truncate(time.Minute).Add(time.Minute); !at.After(end); at = at.Add(time.Minute) {
				if open(at) != last {
					last = !last
					want = append(want, fmt.Sprintf("%s %v", at.UTC().Format("Jan 2 15:04:05 MST"), last))
				}
			}
			s := look(t, tt.from, condition.TimeWindow(show(w[0]), show(w[1]), loc))
			s.until(end)
			s.saw(want...)
			if most := tt.days * 150; s.wakes > most {
				t.Errorf("%s: %d wake-ups in %d days", tt.zone, s.wakes, tt.days)
			}
		}
	}
}

// That the clock was set is noticed within ten minutes.
func TestTimeWindow_ClockSet(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	s := look(t, noon, condition.TimeWindow("09:00", "17:00", time.UTC))
	s.until(noon.Add(5 * time.Minute))
	s.clock.Jump(8 * time.Hour)
	s.until(noon.Add(8*time.Hour + 20*time.Minute))
	s.clock.Jump(-9 * time.Hour)
	s.until(noon.Add(-30 * time.Minute))
	s.saw("true", "Jun 1 20:10:00 UTC false", "Jun 1 11:30:00 UTC true")
}

// What runs when the window closes is canceled, and what is due waits for the
// next.
func TestTimeWindow_Task(t *testing.T) {
	play(t, func(s *stage) {
		s.tell(event.Completed)
		task := s.run(s.sleeps(time.Hour), condition.TimeWindow("01:00", "01:30", time.UTC))
		s.fire(task)
		time.Sleep(24 * time.Hour)
		s.heard("1h0m0s x runs", `1h30m0s x completed act=1 inst=1 reason=ConditionLoss n=1 err="tasks: canceled: ConditionLoss"`)
	})
}

// What runs when quiet hours begin is canceled with ConditionLoss.
func TestQuietHours_Task(t *testing.T) {
	play(t, func(s *stage) {
		s.tell(event.Completed)
		task := s.run(s.sleeps(time.Hour), condition.QuietHours("00:30", "06:00", time.UTC))
		s.fire(task)
		time.Sleep(time.Hour)
		s.heard("0s x runs", `30m0s x completed act=1 inst=1 reason=ConditionLoss n=1 err="tasks: canceled: ConditionLoss"`)
		s.fire(task)
		time.Sleep(5*time.Hour + 30*time.Minute)
		s.heard("6h0m0s x runs")
	})
}

// No timer is left behind when the registration ends.
func TestTimeWindow_Disarm(t *testing.T) {
	s := look(t, dawn, condition.TimeWindow("09:00", "17:00", time.UTC))
	s.until(dawn.Add(time.Hour))
	s.Unregister("x", true)
	s.idle()
	s.until(dawn.Add(2 * time.Hour))
	if at, ok := s.clock.Next(); ok {
		t.Errorf("a timer is armed for %v", at)
	}
	s.saw("false")
}

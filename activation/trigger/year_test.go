package trigger_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/tasks"
)

// The year of the tests: from a moment that is on no round second, in a leap
// year.
var (
	yearBegins = time.Date(2028, 1, 1, 3, 4, 5, 678901234, time.UTC)
	yearEnds   = yearBegins.AddDate(1, 0, 0)
)

// everyD is from and all that follows at a distance of d.
func everyD(from time.Time, d time.Duration) (list []time.Time) {
	for at := from; !at.After(yearEnds); at = at.Add(d) {
		list = append(list, at)
	}
	return list
}

// eachDay names an instant of each day of the year, or none for a zero time.
func eachDay(loc *time.Location, name func(y int, m time.Month, d int) time.Time) (list []time.Time) {
	y, m, d := yearBegins.In(loc).Date()
	for i := range 367 {
		day := time.Date(y, m, d+i, 12, 0, 0, 0, loc)
		at := name(day.Date())
		if !at.IsZero() && at.After(yearBegins) && !at.After(yearEnds) {
			list = append(list, at)
		}
	}
	return list
}

// A kindOfYear is a kind of trigger, and when it is due in the year, told in
// another way than the trigger's own.
type kindOfYear struct {
	name    string
	trigger func() activation.Trigger
	due     []time.Time
	// lag is the delay between due and start; nil is none.
	lag func(i int) time.Duration
}

func kindsOfYear(t testing.TB) []kindOfYear {
	berlin, ny := zone(t, "Europe/Berlin"), zone(t, "America/New_York")
	h := time.Hour
	days := eachDay(time.UTC, func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 18, 0, 0, 0, time.UTC) })
	only := func(list []time.Time, keep func(at time.Time) bool) (kept []time.Time) {
		for _, at := range list {
			if keep(at) {
				kept = append(kept, at)
			}
		}
		return kept
	}
	daily := func() trigger.Calendrical { return trigger.Daily("18:00").In(time.UTC) }
	last := func(at time.Time) bool { return at.AddDate(0, 0, 1).Day() == 1 }
	christmas := trigger.Dates(time.UTC, trigger.Date{Year: 2028, Month: 12, Day: 25}, trigger.Date{Year: 2028, Month: 2, Day: 29})
	return []kindOfYear{
		{name: "every", trigger: func() activation.Trigger { return trigger.Every(67 * minute) }, due: everyD(yearBegins.Add(67*minute), 67*minute)},
		{name: "every, immediately", trigger: func() activation.Trigger { return trigger.Every(7 * h).Immediately() }, due: everyD(yearBegins, 7*h)},
		{name: "after completion", trigger: func() activation.Trigger { return trigger.AfterCompletion(7 * h) }, due: everyD(yearBegins.Add(7*h), 7*h)},
		{name: "at", trigger: func() activation.Trigger { return trigger.At(yearBegins.AddDate(0, 7, 0)) }, due: []time.Time{yearBegins.AddDate(0, 7, 0)}},
		{name: "after", trigger: func() activation.Trigger { return trigger.After(5000 * h) }, due: []time.Time{yearBegins.Add(5000 * h)}},
		{name: "oneshot", trigger: func() activation.Trigger { return trigger.OneShot(trigger.Every(3000 * h)) }, due: []time.Time{yearBegins.Add(3000 * h)}},
		{name: "cron, hourly", trigger: func() activation.Trigger { return trigger.Cron("0 * * * *").In(ny) }, due: everyD(yearBegins.Truncate(h).Add(h), h)},
		{
			name: "cron, office hours", trigger: func() activation.Trigger { return trigger.Cron("30 9 * * MON-FRI").In(ny) },
			due: only(eachDay(ny, func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 9, 30, 0, 0, ny) }),
				func(at time.Time) bool { return at.Weekday()%6 != 0 }),
		},
		{
			name: "daily, over the edges", trigger: func() activation.Trigger { return trigger.Daily("02:30").In(berlin) },
			due: eachDay(berlin, func(y int, m time.Month, d int) time.Time {
				switch {
				case m == time.March && d == 26: // jumped over
					return time.Date(y, m, d, 1, 0, 0, 0, time.UTC)
				case m == time.October && d == 29: // twice
					return time.Date(y, m, d, 0, 30, 0, 0, time.UTC)
				}
				return time.Date(y, m, d, 2, 30, 0, 0, berlin)
			}),
		},
		{
			name: "weekly", trigger: func() activation.Trigger { return trigger.Weekly(time.Friday, "18:00").In(time.UTC) },
			due: only(days, func(at time.Time) bool { return at.Weekday() == time.Friday }),
		},
		{
			name: "last day", trigger: func() activation.Trigger { return trigger.Monthly(trigger.LastDay(), "18:00").In(time.UTC) },
			due: only(days, last),
		},
		{
			name: "31st", trigger: func() activation.Trigger { return trigger.Monthly(trigger.Day(31), "18:00").In(time.UTC) },
			due: only(days, func(at time.Time) bool { return at.Day() == 31 }),
		},
		{
			name: "last Friday", trigger: func() activation.Trigger { return trigger.Monthly(trigger.Last(time.Friday), "18:00").In(time.UTC) },
			due: only(days, func(at time.Time) bool {
				return at.Weekday() == time.Friday && at.AddDate(0, 0, 7).Month() != at.Month()
			}),
		},
		{
			name: "second Tuesday", trigger: func() activation.Trigger { return trigger.Monthly(trigger.Nth(2, time.Tuesday), "18:00").In(time.UTC) },
			due: only(days, func(at time.Time) bool { return at.Weekday() == time.Tuesday && (at.Day()-1)/7 == 1 }),
		},
		{name: "any", trigger: func() activation.Trigger {
			return trigger.Any(trigger.Monthly(trigger.LastDay(), "18:00").In(time.UTC), trigger.Monthly(trigger.Day(15), "18:00").In(time.UTC))
		}, due: only(days, func(at time.Time) bool { return last(at) || at.Day() == 15 })},
		{name: "limit", trigger: func() activation.Trigger { return trigger.Limit(daily(), 100) }, due: days[:100]},
		{name: "between", trigger: func() activation.Trigger { return trigger.Between(daily(), days[30], days[60]) }, due: days[30:60]},
		{
			name: "throttle", trigger: func() activation.Trigger { return trigger.Throttle(daily(), 60*h) },
			due: func() (list []time.Time) {
				for i := 0; i < len(days); i += 3 {
					list = append(list, days[i])
				}
				return list
			}(),
		},
		{name: "debounce", trigger: func() activation.Trigger { return trigger.Debounce(daily(), 5*h) }, due: days, lag: func(int) time.Duration { return 5 * h }},
		{name: "offset", trigger: func() activation.Trigger { return trigger.Offset(daily(), 5*h) }, due: days, lag: func(int) time.Duration { return 5 * h }},
		{name: "jitter", trigger: func() activation.Trigger { return trigger.Jitter(daily(), h) }, due: days},
		{
			name: "except", trigger: func() activation.Trigger { return trigger.Except(daily(), christmas) },
			due: only(days, func(at time.Time) bool { return !christmas.Excludes(at) }),
		},
		{name: "window", trigger: func() activation.Trigger { return trigger.Window(daily(), h) }, due: days},
	}
}

// wanted is when the kind's starts are due, and when they are.
func (k kindOfYear) wanted(t testing.TB) (dues, starts []time.Time) {
	if k.name == "jitter" {
		starts, err := trigger.NextOf("x", k.trigger(), yearBegins, len(k.due))
		if err != nil {
			t.Fatal(err)
		}
		return k.due, starts
	}
	for i, at := range k.due {
		if k.lag != nil {
			at = at.Add(k.lag(i))
		}
		starts = append(starts, at)
	}
	return k.due, starts
}

func before(list []time.Time, end time.Time) []time.Time {
	for i, at := range list {
		if at.After(end) {
			return list[:i]
		}
	}
	return list
}

// Each kind of trigger, over a year, is exact to the nanosecond.
func TestYear(t *testing.T) {
	for _, k := range kindsOfYear(t) {
		t.Run(k.name, func(t *testing.T) {
			l := live(t, yearBegins, k.trigger())
			l.until(yearEnds, 1<<30)
			starts, dues := l.stop()
			wantDues, wantStarts := k.wanted(t)
			compare(t, "due", dues, before(wantDues, yearEnds))
			compare(t, "starts", starts, before(wantStarts, yearEnds))
		})
	}
}

// Late wake-ups make starts late, one by one; the due times do not drift. What
// counts from a completion counts from the late one.
func TestYear_LateWakeUps(t *testing.T) {
	const late = 700 * time.Millisecond
	for _, k := range kindsOfYear(t) {
		t.Run(k.name, func(t *testing.T) {
			l := live(t, yearBegins, k.trigger(), func(v *clock.Virtual) clock.Clock { return lateVirtual{v, late} })
			l.until(yearEnds, 1<<30)
			starts, dues := l.stop()
			want, _ := k.wanted(t)
			if k.name == "after completion" {
				for i := range want {
					want[i] = want[i].Add(time.Duration(i) * late)
				}
			}
			compare(t, "due", dues, before(want, yearEnds.Add(-24*time.Hour))[:min(len(dues), len(want))])
			for i, at := range starts {
				if lag := at.Sub(dues[i]); k.lag == nil && k.name != "jitter" && lag > late {
					t.Errorf("number %d: due %v, started %v later", i, dues[i], lag)
				}
			}
			if len(dues) < len(before(want, yearEnds.Add(-24*time.Hour))) {
				t.Errorf("due: got %d, want %d", len(dues), len(want))
			}
		})
	}
}

// Apply with an equal trigger, week after week, changes nothing about when the
// task is due.
func TestYear_AcrossApply(t *testing.T) {
	for _, k := range kindsOfYear(t) {
		t.Run(k.name, func(t *testing.T) {
			l := live(t, yearBegins, k.trigger())
			for week := 1; week <= 53; week++ {
				l.until(yearBegins.AddDate(0, 0, 7*week), 1<<30)
				if _, there := l.Task("x"); !there {
					break // a one-shot that is over
				}
				l.clock.Advance(0)
				if _, err := l.Apply([]tasks.Registration{{Name: "x", Trigger: k.trigger(), TimeLimit: time.Duration(week) * time.Hour}}); err != nil {
					t.Fatal(err)
				}
				l.idle()
			}
			starts, dues := l.stop()
			wantDues, wantStarts := k.wanted(t)
			compare(t, "due", before(dues, yearEnds), before(wantDues, yearEnds))
			compare(t, "starts", before(starts, yearEnds), before(wantStarts, yearEnds))
		})
	}
}

// A schedule that is made anew and given the phase of the old one, as after a
// restart, goes on where that stood.
func TestYear_AcrossARestart(t *testing.T) {
	for _, k := range kindsOfYear(t) {
		t.Run(k.name, func(t *testing.T) {
			phase := activation.Phase{Name: "x", Registered: yearBegins, Started: yearBegins}
			walk := func(s activation.Schedule, n int) (list []time.Time) {
				for range n {
					at, ok := s.Next(phase)
					if !ok {
						break
					}
					list = append(list, at)
					phase.N, phase.Last, phase.Completed = phase.N+1, at, at
				}
				return list
			}
			whole := walk(schedules(t, k.trigger())[0], 300)
			phase = activation.Phase{Name: "x", Registered: yearBegins, Started: yearBegins}
			var pieces []time.Time
			for len(pieces) < 300 {
				list := walk(schedules(t, k.trigger())[0], 30)
				phase.Started = phase.Last.Add(minute)
				if pieces = append(pieces, list...); len(list) < 30 {
					break
				}
			}
			compare(t, "due", pieces, whole)
		})
	}
}

// schedules are those that a trigger records.
func schedules(t testing.TB, tr activation.Trigger) (list []activation.Schedule) {
	t.Helper()
	if err := tr.Arm(recorder{list: &list}); err != nil {
		t.Fatal(err)
	}
	return list
}

// A recorder is a port that keeps schedules, and panics if anything is asked of
// it that a trigger of time has no use for.
type recorder struct {
	activation.Port
	list *[]activation.Schedule
}

func (r recorder) Schedule(s activation.Schedule) { *r.list = append(*r.list, s) }
func (r recorder) Branch() activation.Port        { return r }
func (recorder) Filter(activation.Filter)         {}
func (recorder) Window(time.Duration, bool)       {}
func (recorder) OneShot()                         {}

// The triggers that do not go by time, over a year: each firing is one start, at
// its instant.
func TestYear_OfEvents(t *testing.T) {
	for name, of := range map[string]func() (activation.Trigger, func(l *life, now time.Time) error){
		"application": func() (activation.Trigger, func(l *life, now time.Time) error) {
			pulled := trigger.NewApplication[time.Time]()
			return pulled, func(l *life, now time.Time) error { _, err := pulled.Request(l.ctx, now); return err }
		},
		"custom": func() (activation.Trigger, func(l *life, now time.Time) error) {
			return trigger.Custom("tick", trigger.Always), func(l *life, now time.Time) error {
				_, err := l.Raise(l.ctx, "tick", now)
				return err
			}
		},
		"chan": func() (activation.Trigger, func(l *life, now time.Time) error) {
			values := make(chan time.Time)
			return trigger.Chan(values), func(_ *life, now time.Time) error { values <- now; return nil }
		},
		"completion": func() (activation.Trigger, func(l *life, now time.Time) error) {
			return trigger.Completion("first", trigger.OnSuccess), func(l *life, _ time.Time) error {
				task, _ := l.Task("first")
				_, err := task.Fire(l.ctx, nil)
				return err
			}
		},
	} {
		story := func(t *testing.T) {
			tr, fire := of()
			l := live(t, yearBegins, tr)
			l.HandleFunc("first", func(context.Context, *tasks.Instance) error { return nil })
			if _, err := l.Register(tasks.Registration{Name: "first", Trigger: trigger.Custom("first", trigger.Always)}); err != nil {
				t.Fatal(err)
			}
			var want []time.Time
			for at := yearBegins; !at.After(yearEnds); at = at.Add(23*time.Hour + 1) {
				l.clock.Advance(at.Sub(l.clock.Now()))
				if err := fire(l, at); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				want = append(want, at)
			}
			starts, dues := l.stop()
			compare(t, "starts", starts, want)
			compare(t, "due", dues, want)
		}
		t.Run(name, func(t *testing.T) { synctest.Test(t, story) })
	}
}

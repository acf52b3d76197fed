package trigger_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

const minute = time.Minute

// at is a trigger that is due at so many minutes after its registration.
type at []int

func (a at) String() string { return fmt.Sprintf("at%v", []int(a)) }

func (a at) Arm(p activation.Port) error { p.Schedule(a); return nil }

func (a at) Next(ph activation.Phase) (time.Time, bool) {
	if ph.N >= uint64(len(a)) {
		return time.Time{}, false
	}
	return ph.Registered.Add(time.Duration(a[ph.N]) * minute), true
}

// starts runs a trigger for a day and notes the minutes of its starts.
func starts(t *testing.T, tr activation.Trigger, want ...int) {
	t.Helper()
	l := live(t, dawn, tr)
	l.until(dawn.Add(24*time.Hour), 1000)
	times, _ := l.stop()
	var got []int
	for _, at := range times {
		got = append(got, int(at.Sub(dawn)/minute))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v: started at minutes %v, want %v", tr, got, want)
	}
}

// A combinator's text is made of its parts', nil ones included, and those are
// refused.
func TestCombinators_String(t *testing.T) {
	every := trigger.Every(time.Hour)
	day := trigger.Dates(time.UTC, trigger.Date{Year: 2026, Month: 12, Day: 25}, trigger.Date{Year: 2026, Month: 2, Day: 30})
	for _, tt := range []struct {
		trigger activation.Trigger
		want    string
	}{
		{trigger.Any(every, trigger.After(1)), "any(every(1h0m0s), after(1ns))"},
		{trigger.Limit(every, 3), "limit(every(1h0m0s), 3)"},
		{trigger.Between(every, dawn, time.Time{}), "between(every(1h0m0s), 2000-01-01T00:00:00Z, -)"},
		{trigger.Throttle(every, minute), "throttle(every(1h0m0s), 1m0s)"},
		{trigger.Debounce(every, minute), "debounce(every(1h0m0s), 1m0s)"},
		{trigger.Offset(every, minute), "offset(every(1h0m0s), 1m0s)"},
		{trigger.Jitter(every, minute), "jitter(every(1h0m0s), 1m0s)"},
		{trigger.Except(every, day), "except(every(1h0m0s), dates(UTC: 2026-03-02, 2026-12-25))"},
		{trigger.Window(every, minute), "window(every(1h0m0s), 1m0s)"},
		{trigger.Window(every, minute).CancelAtEnd(), "window(every(1h0m0s), 1m0s, cancel)"},
		{trigger.AfterCompletion(minute), "after-completion(1m0s)"},
		{every.Immediately(), "every(1h0m0s, immediately)"},
		{trigger.Completion("a", trigger.OnAny), "completion(a, any)"},
		{trigger.Completion("a", trigger.OnSuccess), "completion(a, ok)"},
		{trigger.Completion("a", trigger.OnFailure), "completion(a, failed)"},
		{trigger.Completion("a", 7), "completion(a, 7)"},
		{trigger.ClockJump(), "clock-jump"},
		{trigger.Any(nil), "any(<nil>)"},
		{trigger.OneShot(nil), "oneshot(<nil>)"},
		{trigger.Window(nil, minute), "window(<nil>, 1m0s)"},
	} {
		if got := tt.trigger.String(); got != tt.want {
			t.Errorf("String: got %q, want %q", got, tt.want)
		}
	}
}

// Without a trigger, and with a number that makes no sense, a combinator is
// refused.
func TestCombinators_Refused(t *testing.T) {
	every := trigger.Every(time.Hour)
	for _, tr := range []activation.Trigger{
		trigger.Any(), trigger.Any(every, nil), trigger.OneShot(nil), trigger.Limit(nil, 1), trigger.Between(nil, dawn, dawn),
		trigger.Throttle(nil, 1), trigger.Debounce(nil, 1), trigger.Offset(nil, 1), trigger.Jitter(nil, 1),
		trigger.Except(nil, trigger.Dates(nil)), trigger.Window(nil, 1), trigger.Any(every, trigger.Any(trigger.OneShot(nil))),
	} {
		refused(t, tr, trigger.ErrNoTrigger)
	}
	for _, n := range []time.Duration{0, -1} {
		for _, tr := range []activation.Trigger{
			trigger.Every(n), trigger.Every(n).Immediately(), trigger.AfterCompletion(n), trigger.Limit(every, int(n)),
			trigger.Throttle(every, n), trigger.Debounce(every, n), trigger.Jitter(every, n), trigger.Window(every, n),
			trigger.Any(every, trigger.Throttle(every, n)),
		} {
			refused(t, tr, trigger.ErrInterval)
		}
	}
	refused(t, trigger.Offset(every, -1), trigger.ErrDelay)
	refused(t, trigger.After(-1), trigger.ErrDelay)
	refused(t, trigger.At(time.Time{}), trigger.ErrNoTime)
	refused(t, trigger.Except(every, nil), trigger.ErrNoCalendar)
	refused(t, trigger.Completion("", trigger.OnAny), trigger.ErrNoTask)
	refused(t, trigger.Completion("a", 3), trigger.ErrOutcome)
	refused(t, trigger.Custom("", trigger.Once), trigger.ErrNoTopic)
	refused(t, trigger.Custom("a", 2), trigger.ErrRecurrence)
}

// Any is due when any of its triggers is, each with its own limits and delays.
func TestAny(t *testing.T) {
	starts(t, trigger.Any(trigger.Limit(at{1, 3, 20}, 2), trigger.Offset(at{4, 9}, 2*minute)), 1, 3, 6, 11)
}

// Two that are due at one instant are two firings.
func TestAny_AtOneInstant(t *testing.T) {
	starts(t, trigger.Any(at{1, 2}, at{2}), 1, 2, 2)
}

// A one-shot among the triggers of Any makes the whole one.
func TestAny_OneShotAmongThem(t *testing.T) {
	starts(t, trigger.Any(trigger.At(dawn.Add(5*minute)), trigger.Every(3*minute)), 3)
	starts(t, trigger.Any(trigger.At(dawn.Add(2*minute)), trigger.Every(3*minute)), 2)
}

// A window is that of its part.
func TestAny_WindowsAreTheirParts(t *testing.T) {
	play(t, func(s *stage) {
		s.tell(event.Started, event.Completed)
		s.run(trigger.Any(trigger.Window(at{10}, 5*minute), at{0, 20}), func(_ context.Context, in *tasks.Instance) error {
			return in.Sleep(19 * minute)
		})
		time.Sleep(2 * time.Hour)
		s.heard("0s x started act=1 inst=1",
			`15m0s x completed act=2 n=1 err="tasks: canceled: SystemPolicy"`,
			"19m0s x completed act=1 inst=1 n=1",
			"20m0s x started act=3 inst=2", "39m0s x completed act=3 inst=2 n=1")
	})
}

// Limit lets n firings through, those that become part of an activation
// included; the registration stays, and Task.Fire is not limited.
func TestLimit(t *testing.T) {
	starts(t, trigger.Limit(at{1, 2, 3, 4}, 3), 1, 2, 3)
	starts(t, trigger.Limit(trigger.Offset(at{1, 2, 3, 9}, 2*minute), 3), 3, 5)
	play(t, func(s *stage) {
		task := s.run(trigger.Limit(trigger.Every(minute), 2), s.noting(0))
		time.Sleep(time.Hour)
		if r, err := task.Fire(s.ctx, nil); err != nil || r.Result != activation.Allowed {
			t.Errorf("Fire: got %v, %v", r.Result, err)
		}
		s.heard("1m0s due 1m0s", "2m0s due 2m0s", "1h0m0s due 1h0m0s")
		if !s.IsRegistered("x") {
			t.Error("IsRegistered: got false")
		}
	})
}

// Between includes its first instant and not its second; a zero time is no
// bound.
func TestBetween(t *testing.T) {
	from, to := dawn.Add(3*minute), dawn.Add(6*minute)
	all := at{1, 2, 3, 4, 5, 6, 7}
	starts(t, trigger.Between(all, from, to), 3, 4, 5)
	starts(t, trigger.Between(all, from, time.Time{}), 3, 4, 5, 6, 7)
	starts(t, trigger.Between(all, time.Time{}, to), 1, 2, 3, 4, 5)
	starts(t, trigger.Between(all, time.Time{}, time.Time{}), 1, 2, 3, 4, 5, 6, 7)
	starts(t, trigger.Between(all, to, from))
}

// Throttle drops firings less than d after the last that came through, as they
// are due where it judges them.
func TestThrottle(t *testing.T) {
	starts(t, trigger.Throttle(at{1, 2, 5, 6, 11, 16}, 5*minute), 1, 6, 11, 16)
	starts(t, trigger.Throttle(trigger.Offset(at{1, 3, 5, 7, 9}, minute), 4*minute), 2, 6, 10)
	starts(t, trigger.Throttle(trigger.Every(minute), 24*time.Hour), 1)
}

// When the clock is set back, so is the last firing: Throttle does not hold
// everything back until the old time has come again.
func TestThrottle_ClockSetBack(t *testing.T) {
	l := live(t, dawn, trigger.Throttle(trigger.Every(minute), 3*minute))
	l.until(dawn.Add(4*minute), 10)
	l.clock.Jump(-time.Hour)
	l.until(dawn.Add(-50*minute), 10)
	got, _ := l.stop()
	compare(t, "starts", got, []time.Time{
		dawn.Add(minute), dawn.Add(4 * minute),
		dawn.Add(-53 * minute), dawn.Add(-50 * minute),
	})
}

// Debounce waits until d has passed without another firing, and makes those
// meanwhile one.
func TestDebounce(t *testing.T) {
	starts(t, trigger.Debounce(at{1, 2, 3, 10, 14, 30}, 5*minute), 8, 19, 35)
	starts(t, trigger.Debounce(trigger.Every(minute), 2*minute))
}

// With Oldest its start stays where it was; with Every each firing is put off by
// itself.
func TestDebounce_Keep(t *testing.T) {
	for keep, want := range map[tasks.Keep][]string{
		tasks.Newest:   {"8m0s due 3m0s"},
		tasks.Oldest:   {"6m0s due 1m0s"},
		tasks.Every(5): {"6m0s due 1m0s", "7m0s due 2m0s", "8m0s due 3m0s"},
	} {
		play(t, func(s *stage) {
			s.HandleFunc("x", s.noting(0))
			if _, err := s.Register(tasks.Registration{Name: "x", Trigger: trigger.Debounce(at{1, 2, 3}, 5*minute), Keep: keep}); err != nil {
				t.Fatal(err)
			}
			if err := s.Start(s.ctx); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			s.heard(want...)
		})
	}
}

// What is put off does not put off what may start now: Task.Fire makes them one,
// at once.
func TestDebounce_FireStartsAtOnce(t *testing.T) {
	play(t, func(s *stage) {
		task := s.run(trigger.Debounce(at{1}, time.Hour), func(_ context.Context, in *tasks.Instance) error {
			s.note("%d merged", in.Merged())
			return nil
		})
		time.Sleep(10 * minute)
		if _, err := task.Fire(s.ctx, nil); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Hour)
		s.heard("10m0s 2 merged")
	})
}

// Offset puts starts off by d, also by as much as the interval; the due times
// stay. A d above the interval makes some starts one, at the earlier instant.
func TestOffset(t *testing.T) {
	starts(t, trigger.Offset(at{1, 10}, 3*minute), 4, 13)
	starts(t, trigger.Offset(at{1, 10}, 0), 1, 10)
	starts(t, trigger.Offset(at{1, 2, 3, 4}, minute), 2, 3, 4, 5)
	starts(t, trigger.Offset(at{1, 2, 3, 4, 5, 6}, 90*time.Second), 2, 4, 6)
	play(t, func(s *stage) {
		s.run(trigger.Offset(at{1}, 3*minute), s.noting(0))
		time.Sleep(time.Hour)
		s.heard("4m0s due 1m0s")
	})
}

// A start that was put off and now waits for something else is not put off
// again by what becomes part of it.
func TestOffset_IsNotRenewed(t *testing.T) {
	play(t, func(s *stage) {
		s.run(trigger.Offset(at{0, 2, 11}, minute), s.noting(10*minute+30*time.Second))
		time.Sleep(time.Hour)
		s.heard("1m0s due 0s", "11m30s due 11m0s")
	})
}

// Jitter puts starts off by less than d, by the name and the number: the same
// in every run, and not the same for two tasks.
func TestJitter(t *testing.T) {
	jittered := trigger.Jitter(trigger.Every(time.Hour), 10*minute)
	lags := func(name string) (list []time.Duration) {
		times, err := trigger.NextOf(name, jittered, dawn, 500)
		if err != nil {
			t.Fatal(err)
		}
		for i, at := range times {
			list = append(list, at.Sub(dawn.Add(time.Duration(i+1)*time.Hour)))
		}
		return list
	}
	var sum time.Duration
	first, again, other := lags("x"), lags("x"), lags("y")
	same := 0
	for i, lag := range first {
		sum += lag
		if lag < 0 || lag >= 10*minute {
			t.Errorf("number %d: put off by %v", i, lag)
		}
		if lag != again[i] {
			t.Errorf("number %d: %v, then %v", i, lag, again[i])
		}
		if lag == other[i] {
			same++
		}
	}
	if mean := sum / time.Duration(len(first)); mean < 4*minute || mean > 6*minute {
		t.Errorf("mean: got %v, want about 5m", mean)
	}
	if same > 2 {
		t.Errorf("two tasks have %d of 500 in common", same)
	}
	l := live(t, dawn, jittered) // of the task x
	l.until(dawn.Add(30*time.Hour), 25)
	got, _ := l.stop()
	want, _ := trigger.NextOf("x", jittered, dawn, 25)
	compare(t, "starts", got, want)
}

// Filters judge the innermost first: what a delay makes of the due time is what
// the next sees.
func TestCombinators_TheInnermostJudgesFirst(t *testing.T) {
	starts(t, trigger.Limit(trigger.Throttle(trigger.Every(minute), 3*minute), 3), 1, 4, 7)
	starts(t, trigger.Throttle(trigger.Limit(trigger.Every(minute), 5), 3*minute), 1, 4, 7, 10, 13) // it counts what came through
	starts(t, trigger.Between(trigger.Offset(at{1, 2}, minute), dawn.Add(3*minute), time.Time{}), 3)
	starts(t, trigger.Offset(trigger.Between(at{1, 2}, dawn.Add(2*minute), time.Time{}), minute), 3)
}

// What a combinator wraps need not go by time.
func TestCombinators_OfCalls(t *testing.T) {
	play(t, func(s *stage) {
		pulled := trigger.NewApplication[int]()
		s.run(trigger.Throttle(trigger.Limit(pulled, 3), minute), s.noting(0))
		for i, want := range []activation.Result{
			activation.Allowed, activation.DisabledByPolicy, activation.DisabledByPolicy, activation.Allowed,
			activation.DisabledByPolicy, activation.DisabledByPolicy, activation.Allowed, activation.DisabledByPolicy,
			activation.DisabledByPolicy, activation.DisabledByPolicy,
		} {
			if r, err := pulled.Request(s.ctx, i); err != nil || r.Result != want {
				t.Errorf("Request %d: got %v, %v, want %v", i, r.Result, err, want)
			}
			time.Sleep(20 * time.Second)
		}
		s.heard("0s due 0s", "1m0s due 1m0s", "2m0s due 2m0s")
	})
	play(t, func(s *stage) {
		values := make(chan int)
		s.run(trigger.Limit(trigger.Chan(values), 2), func(_ context.Context, in *tasks.Instance) error {
			s.note("%v", in.Details())
			return nil
		})
		for i := range 4 {
			values <- i
			synctest.Wait()
		}
		s.heard("0s 0", "0s 1")
	})
}

// Except drops what is due on an excluded day, in the calendar's zone.
func TestExcept(t *testing.T) {
	kolkata := zone(t, "Asia/Kolkata")
	from := time.Date(2026, 12, 23, 12, 0, 0, 0, time.UTC)
	daily := trigger.Daily("09:00").In(time.UTC)
	christmas := []trigger.Date{{Year: 2026, Month: 12, Day: 26}, {Year: 2026, Month: 12, Day: 25}}
	previews(t, trigger.Except(daily, trigger.Dates(time.UTC, christmas...)), from, "2026-12-24 09:00 UTC", "2026-12-27 09:00 UTC")
	evening := trigger.Daily("20:00").In(time.UTC) // the next day in India
	previews(t, trigger.Except(evening, trigger.Dates(kolkata, christmas...)), from, "2026-12-23 20:00 UTC", "2026-12-26 20:00 UTC")
	previews(t, trigger.Except(evening, trigger.Dates(time.UTC)), from, "2026-12-23 20:00 UTC", "2026-12-24 20:00 UTC")
	previews(t, trigger.Except(trigger.Offset(evening, 12*time.Hour), trigger.Dates(time.UTC, christmas...)), from,
		"2026-12-24 08:00 UTC", "2026-12-27 08:00 UTC")
}

// A nil zone is time.Local; a date that does not exist is what it runs over into;
// the text is the same in whatever order they were given.
func TestDates(t *testing.T) {
	c := trigger.Dates(nil, trigger.Date{Year: 2026, Month: 2, Day: 30})
	if !c.Excludes(time.Date(2026, 3, 2, 23, 59, 59, 999, time.Local)) || c.Excludes(time.Date(2026, 3, 3, 0, 0, 0, 0, time.Local)) {
		t.Error("February 30 is not March 2")
	}
	if got, want := c.String(), "dates("+time.Local.String()+": 2026-03-02)"; got != want {
		t.Errorf("String: got %q, want %q", got, want)
	}
	a := trigger.Date{Year: 2026, Month: 1, Day: 1}
	b := trigger.Date{Year: 2025, Month: 12, Day: 31}
	if x, y := trigger.Dates(time.UTC, a, b), trigger.Dates(time.UTC, b, a); x.String() != y.String() {
		t.Errorf("String: %v and %v", x, y)
	}
}

// Many excluded days cost a look at each due time that passes, and no more.
func TestExcept_ManyDays(t *testing.T) {
	var days []trigger.Date
	for d := range 3000 {
		days = append(days, trigger.Date{Year: 2000, Month: 1, Day: 1 + d})
	}
	quarterly := trigger.Except(trigger.Cron("*/15 * * * *").In(time.UTC), trigger.Dates(time.UTC, days...))
	previews(t, quarterly, dawn, "2008-03-19 00:00 UTC", "2008-03-19 00:15 UTC")
	l := live(t, dawn, trigger.Except(trigger.Cron("0 0 * * *").In(time.UTC), trigger.Dates(time.UTC, days...)))
	l.until(dawn.AddDate(9, 0, 0), 2)
	got, _ := l.stop()
	compare(t, "starts", got, []time.Time{dawn.AddDate(0, 0, 3000), dawn.AddDate(0, 0, 3001)})
}

func ExampleAny() {
	v := trigger.Any(
		trigger.Limit(trigger.Every(time.Hour), 2),
		trigger.Except(trigger.Daily("18:00").In(time.UTC), trigger.Dates(time.UTC, trigger.Date{Year: 2026, Month: 12, Day: 25})),
	)
	list, err := trigger.Next(v, time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC), 4)
	for _, at := range list {
		fmt.Println(at.Format(time.DateTime))
	}
	fmt.Println(err)
	// Output:
	// 2026-12-24 01:00:00
	// 2026-12-24 02:00:00
	// 2026-12-24 18:00:00
	// 2026-12-26 18:00:00
	// <nil>
}

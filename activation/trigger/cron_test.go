package trigger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// zone loads a zone.
func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// previews checks what a trigger previews, in a zone, without seconds.
func previews(t *testing.T, tr activation.Trigger, from time.Time, want ...string) {
	t.Helper()
	list, err := trigger.Next(tr, from, len(want))
	if err != nil {
		t.Errorf("Next of %v: %v", tr, err)
	}
	var got []string
	for _, at := range list {
		got = append(got, at.In(from.Location()).Format("2006-01-02 15:04 MST"))
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("%v:\ngot\n\t%s\nwant\n\t%s", tr, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// refused checks that a trigger is refused by Register, with the error, and
// that nothing panics on the way.
func refused(t *testing.T, tr activation.Trigger, want error) {
	t.Helper()
	_, err := app.New().Register(tasks.Registration{Name: "x", Trigger: tr})
	if !errors.Is(err, want) {
		t.Errorf("Register %v: got %v, want %v", tr, err, want)
	}
	if list, again := trigger.Next(tr, dawn, 1); !errors.Is(again, want) || list != nil {
		t.Errorf("Next of %v: got %v, %v, want %v", tr, list, again, want)
	}
}

// A task is due when the expression says so, in its zone.
func TestCron(t *testing.T) {
	play(t, func(s *stage) {
		s.run(trigger.Cron("0,20 1-2 * * *").In(time.UTC), s.noting(0))
		time.Sleep(25*time.Hour + 30*time.Minute)
		s.heard("1h0m0s due 1h0m0s", "1h20m0s due 1h20m0s", "2h0m0s due 2h0m0s", "2h20m0s due 2h20m0s",
			"25h0m0s due 25h0m0s", "25h20m0s due 25h20m0s")
	})
}

// Fields, names, ranges, steps and lists; ? L W and #; 7 for Sunday; descriptors
// and prefixes.
func TestCron_Syntax(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for expr, want := range map[string]string{
		"30 2 * * *":                       "2026-01-01 02:30 UTC",
		"15 30 2 * * *":                    "2026-01-01 02:30 UTC",
		"0 9 * FEB MON-FRI":                "2026-02-02 09:00 UTC",
		"*/20 9-10,12 2 * ?":               "2026-01-02 09:00 UTC",
		"0 0 L * *":                        "2026-01-31 00:00 UTC",
		"0 0 15W 2 *":                      "2026-02-16 00:00 UTC",
		"0 0 * * 5#2":                      "2026-01-09 00:00 UTC",
		"0 0 * * FRIL":                     "2026-01-30 00:00 UTC",
		"0 0 * * 7":                        "2026-01-04 00:00 UTC",
		"@yearly":                          "2027-01-01 00:00 UTC",
		"@hourly":                          "2026-01-01 01:00 UTC",
		"@every 90m":                       "2026-01-01 01:30 UTC",
		"CRON_TZ=Asia/Kolkata 0 9 * * *":   "2026-01-01 03:30 UTC",
		"TZ=America/New_York 0 21 31 12 *": "2026-01-01 02:00 UTC",
	} {
		previews(t, trigger.Cron(expr).In(time.UTC), from, want)
	}
}

// Without a zone an expression is in time.Local; In sets another, which a prefix
// overrides.
func TestCron_Zone(t *testing.T) {
	local := time.Date(2026, 1, 1, 12, 0, 0, 0, time.Local)
	berlin := zone(t, "Europe/Berlin")
	want := time.Date(2026, 1, 2, 9, 0, 0, 0, time.Local)
	for _, c := range []trigger.Crontab{trigger.Cron("0 9 * * *"), trigger.Cron("0 9 * * *").In(nil), trigger.Cron("0 9 * * *").In(berlin).In(nil)} {
		if got, err := trigger.Next(c, local, 1); err != nil || !got[0].Equal(want) {
			t.Errorf("%v: got %v, %v, want %v", c, got, err, want)
		}
	}
	previews(t, trigger.Cron("0 9 * * *").In(berlin), dawn, "2000-01-01 08:00 UTC")
	previews(t, trigger.Cron("TZ=UTC 0 9 * * *").In(berlin), dawn, "2000-01-01 09:00 UTC")
	if a, b := trigger.Cron("0 9 * * *").In(berlin), trigger.Cron("CRON_TZ=Europe/Berlin 0 9 * * *"); a.String() != b.String() {
		t.Errorf("String: %v and %v are the same trigger", a, b)
	}
}

// Fixed hours are owed once a day: OnGap and OnFold say what that means on the
// days on which clocks are set.
func TestCron_OnGap_OnFold(t *testing.T) {
	ny := zone(t, "America/New_York")
	spring, fall := time.Date(2026, 3, 7, 12, 0, 0, 0, ny), time.Date(2026, 10, 31, 12, 0, 0, 0, ny)
	half2, half1 := trigger.Cron("30 2 * * *").In(ny), trigger.Cron("30 1 * * *").In(ny)
	previews(t, half2, spring, "2026-03-08 03:00 EDT", "2026-03-09 02:30 EDT")
	previews(t, half2.OnGap(trigger.GapRunAfter), spring, "2026-03-08 03:00 EDT", "2026-03-09 02:30 EDT")
	previews(t, half2.OnGap(trigger.GapSkip), spring, "2026-03-09 02:30 EDT")
	previews(t, half1, fall, "2026-11-01 01:30 EDT", "2026-11-02 01:30 EST")
	previews(t, half1.OnFold(trigger.FoldOnce), fall, "2026-11-01 01:30 EDT", "2026-11-02 01:30 EST")
	previews(t, half1.OnFold(trigger.FoldTwice), fall, "2026-11-01 01:30 EDT", "2026-11-01 01:30 EST", "2026-11-02 01:30 EST")
	refused(t, half1.OnGap(9), trigger.ErrCronRule)
	refused(t, half1.OnFold(9), trigger.ErrCronRule)
	refused(t, half1.OnDays(9), trigger.ErrCronRule)
}

// An hour of * goes by the time that passes.
func TestCron_EveryHourIsEveryHour(t *testing.T) {
	ny := zone(t, "America/New_York")
	hourly := trigger.Cron("0 * * * *").In(ny).OnGap(trigger.GapSkip).OnFold(trigger.FoldOnce)
	previews(t, hourly, time.Date(2026, 11, 1, 0, 30, 0, 0, ny), "2026-11-01 01:00 EDT", "2026-11-01 01:00 EST", "2026-11-01 02:00 EST")
	previews(t, hourly, time.Date(2026, 3, 8, 0, 30, 0, 0, ny), "2026-03-08 01:00 EST", "2026-03-08 03:00 EDT")
}

// OnDays says how the two day fields go together.
func TestCron_OnDays(t *testing.T) {
	from := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	c := trigger.Cron("0 0 13 * FRI").In(time.UTC)
	previews(t, c, from, "2026-02-06 00:00 UTC", "2026-02-13 00:00 UTC", "2026-02-20 00:00 UTC")
	previews(t, c.OnDays(trigger.DaysEither), from, "2026-02-06 00:00 UTC")
	previews(t, c.OnDays(trigger.DaysBoth), from, "2026-02-13 00:00 UTC", "2026-03-13 00:00 UTC", "2026-11-13 00:00 UTC")
}

// A wrong expression is refused with an error that points at the column.
func TestCron_WrongExpressionIsRefused(t *testing.T) {
	for _, expr := range []string{"", "* * *", "0 25 * * *", "0 9 * * MOO", "CRON_TZ=Nowhere 0 9 * * *", "TZ=UTC", "@every -1s", "0 9 30 2"} {
		c := trigger.Cron(expr)
		_, err := app.New().Register(tasks.Registration{Name: "x", Trigger: c})
		if err == nil || !strings.Contains(err.Error(), "cron") {
			t.Errorf("Register %q: got %v", expr, err)
		}
		if c.Describe() == "" || !strings.Contains(err.Error(), c.Describe()) {
			t.Errorf("Describe of %q: got %q, want what Register says: %v", expr, c.Describe(), err)
		}
		if c.String() != "cron("+expr+")" {
			t.Errorf("String of %q: got %q", expr, c.String())
		}
	}
	_, err := app.New().Register(tasks.Registration{Name: "x", Trigger: trigger.Cron("0 25 * * *")})
	if err == nil || !strings.Contains(err.Error(), "column 3") {
		t.Errorf("Register: got %v, which does not point at column 3", err)
	}
}

// An expression that never comes is accepted: its source is exhausted.
func TestCron_Never(t *testing.T) {
	c := trigger.Cron("0 0 30 2 *").In(time.UTC)
	previews(t, c, dawn)
	if list, err := trigger.Next(c, dawn, 3); len(list) != 0 || err != nil {
		t.Errorf("Next: got %v, %v", list, err)
	}
	if got := c.Describe(); !strings.Contains(got, "never") {
		t.Errorf("Describe: got %q", got)
	}
}

// String is the expression and the rules that are not the default.
func TestCron_String(t *testing.T) {
	c := trigger.Cron("0 9 * * MON-FRI").In(zone(t, "Europe/Berlin"))
	for _, tt := range []struct {
		c    activation.Trigger
		want string
	}{
		{c, "cron(CRON_TZ=Europe/Berlin 0 9 * * 1-5)"},
		{c.OnGap(trigger.GapRunAfter).OnFold(trigger.FoldOnce).OnDays(trigger.DaysEither), "cron(CRON_TZ=Europe/Berlin 0 9 * * 1-5)"},
		{c.OnGap(trigger.GapSkip), "cron(CRON_TZ=Europe/Berlin 0 9 * * 1-5, gap Skip)"},
		{c.OnFold(trigger.FoldTwice).OnDays(trigger.DaysBoth), "cron(CRON_TZ=Europe/Berlin 0 9 * * 1-5, fold Twice, days Both)"},
		{trigger.Daily("9:05").In(time.UTC), "cron(CRON_TZ=UTC 0 5 9 * * *)"},
		{trigger.Weekly(time.Friday, "18:00:30").In(time.UTC), "cron(CRON_TZ=UTC 30 0 18 * * 5)"},
		{trigger.Monthly(trigger.LastDay(), "18:00").In(time.UTC), "cron(CRON_TZ=UTC 0 0 18 L * *)"},
	} {
		if got := tt.c.String(); got != tt.want {
			t.Errorf("String: got %q, want %q", got, tt.want)
		}
	}
}

// Describe says it in words.
func TestCron_Describe(t *testing.T) {
	c := trigger.Cron("30 2 * * FRIL").In(zone(t, "Europe/Berlin"))
	if got, want := c.Describe(), "at 02:30 on the last Friday of the month, Europe/Berlin"; got != want {
		t.Errorf("Describe: got %q, want %q", got, want)
	}
	if got := trigger.Daily("25:00").Describe(); !strings.Contains(got, "25:00") {
		t.Errorf("Describe: got %q, which does not say what is wrong", got)
	}
	if got, want := trigger.Monthly(trigger.Last(time.Friday), "02:30").In(time.UTC).Describe(), "on the last Friday of the month, UTC"; !strings.Contains(got, want) {
		t.Errorf("Describe: got %q, want %q", got, want)
	}
}

// The words of the calendar.
func TestCalendar(t *testing.T) {
	from := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		c    trigger.Calendrical
		want []string
	}{
		{trigger.Daily("09:30"), []string{"2026-01-16 09:30 UTC", "2026-01-17 09:30 UTC"}},
		{trigger.Daily("12:00:01"), []string{"2026-01-15 12:00 UTC", "2026-01-16 12:00 UTC"}},
		{trigger.Weekly(time.Sunday, "0:00"), []string{"2026-01-18 00:00 UTC", "2026-01-25 00:00 UTC"}},
		{trigger.Weekly(time.Thursday, "12:00"), []string{"2026-01-22 12:00 UTC"}},
		{trigger.Monthly(trigger.Day(15), "12:00"), []string{"2026-02-15 12:00 UTC"}},
		{trigger.Monthly(trigger.Day(31), "12:00"), []string{"2026-01-31 12:00 UTC", "2026-03-31 12:00 UTC", "2026-05-31 12:00 UTC"}},
		{trigger.Monthly(trigger.LastDay(), "23:59"), []string{"2026-01-31 23:59 UTC", "2026-02-28 23:59 UTC", "2026-03-31 23:59 UTC"}},
		{trigger.Monthly(trigger.Last(time.Friday), "18:00"), []string{"2026-01-30 18:00 UTC", "2026-02-27 18:00 UTC"}},
		{trigger.Monthly(trigger.Nth(2, time.Tuesday), "18:00"), []string{"2026-02-10 18:00 UTC", "2026-03-10 18:00 UTC"}},
		{trigger.Monthly(trigger.Nth(5, time.Saturday), "18:00"), []string{"2026-01-31 18:00 UTC", "2026-05-30 18:00 UTC"}},
	} {
		previews(t, tt.c.In(time.UTC), from, tt.want...)
	}
}

// What is no time of day, and no day, is refused.
func TestCalendar_Refused(t *testing.T) {
	for _, at := range []string{"", "24:00", "9", "09:60", "09:00:60", "noon", "09:00:00.5", "-1:00"} {
		refused(t, trigger.Daily(at), trigger.ErrTimeOfDay)
		refused(t, trigger.Weekly(time.Monday, at), trigger.ErrTimeOfDay)
		refused(t, trigger.Monthly(trigger.LastDay(), at), trigger.ErrTimeOfDay)
	}
	refused(t, trigger.Weekly(7, "09:00"), trigger.ErrDay)
	refused(t, trigger.Weekly(-1, "09:00"), trigger.ErrDay)
	for _, d := range []trigger.DayOfMonth{
		{},
		trigger.Day(0), trigger.Day(32), trigger.Day(-1), trigger.Last(7), trigger.Last(-1),
		trigger.Nth(0, time.Monday), trigger.Nth(6, time.Monday), trigger.Nth(1, 7), trigger.Nth(1, -1),
	} {
		refused(t, trigger.Monthly(d, "09:00"), trigger.ErrDay)
	}
	refused(t, trigger.Daily("25:00").In(time.UTC).OnGap(trigger.GapSkip).OnFold(trigger.FoldTwice), trigger.ErrTimeOfDay)
}

// Zone and rules are set and default as those of a Crontab.
func TestCalendar_IsACrontab(t *testing.T) {
	ny := zone(t, "America/New_York")
	spring, fall := time.Date(2026, 3, 7, 12, 0, 0, 0, ny), time.Date(2026, 10, 31, 12, 0, 0, 0, ny)
	previews(t, trigger.Daily("02:30").In(ny), spring, "2026-03-08 03:00 EDT", "2026-03-09 02:30 EDT")
	previews(t, trigger.Daily("02:30").In(ny).OnGap(trigger.GapSkip), spring, "2026-03-09 02:30 EDT")
	previews(t, trigger.Daily("01:30").In(ny), fall, "2026-11-01 01:30 EDT", "2026-11-02 01:30 EST")
	previews(t, trigger.Daily("01:30").In(ny).OnFold(trigger.FoldTwice), fall, "2026-11-01 01:30 EDT", "2026-11-01 01:30 EST")
	local := time.Date(2026, 7, 1, 0, 0, 0, 0, time.Local)
	if got, err := trigger.Next(trigger.Daily("09:00").In(ny).In(nil), local, 1); err != nil || !got[0].Equal(local.Add(9*time.Hour)) {
		t.Errorf("In(nil): got %v, %v", got, err)
	}
}

func ExampleCron() {
	ny, err := time.LoadLocation("America/New_York")
	if err != nil {
		fmt.Println(err)
		return
	}
	c := trigger.Cron("30 2 * * *").In(ny)
	fmt.Println(c.Describe())
	list, err := trigger.Next(c, time.Date(2026, 3, 6, 12, 0, 0, 0, ny), 3)
	for _, at := range list {
		fmt.Println(at.Format("Jan 2 15:04 MST"))
	}
	fmt.Println(err)
	// Output:
	// at 02:30 every day, America/New_York
	// Mar 7 02:30 EST
	// Mar 8 03:00 EDT
	// Mar 9 02:30 EDT
	// <nil>
}

func ExampleMonthly() {
	a := app.New()
	a.HandleFunc("report", func(context.Context, *tasks.Instance) error { return nil })
	_, err := a.Register(tasks.Registration{
		Name:    "report",
		Trigger: trigger.Monthly(trigger.Last(time.Friday), "18:00").In(time.UTC),
	})
	fmt.Println(err)
	_, err = a.Register(tasks.Registration{Name: "no", Trigger: trigger.Monthly(trigger.Day(32), "18:00")})
	fmt.Println(errors.Is(err, trigger.ErrDay))
	// Output:
	// <nil>
	// true
}

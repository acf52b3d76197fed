package rrule_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	teambition "github.com/teambition/rrule-go"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/integrations/rrule"
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

// next checks what a text makes of an instant: its first times, as the zone of
// the instant shows them.
func next(t *testing.T, tr activation.Trigger, from time.Time, want ...string) {
	t.Helper()
	list, err := trigger.Next(tr, from, len(want)+1)
	if err != nil {
		t.Errorf("%v: %v", tr, err)
	}
	end := slices.Contains(want, "end")
	if !end && len(list) > len(want) {
		list = list[:len(want)]
	}
	var got []string
	for _, at := range list {
		got = append(got, at.In(from.Location()).Format("2006-01-02 15:04 MST"))
	}
	if end {
		got = append(got, "end")
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v from %v:\ngot\n\t%s\nwant\n\t%s", tr, from, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// A time that the clock jumps over is taken with the offset before the gap; one
// that comes twice is the first.
func TestNew_DaylightSaving(t *testing.T) {
	ny, berlin := zone(t, "America/New_York"), zone(t, "Europe/Berlin")
	howe, cairo := zone(t, "Australia/Lord_Howe"), zone(t, "Africa/Cairo")
	next(t, rrule.New("DTSTART;TZID=America/New_York:20260301T023000\nRRULE:FREQ=DAILY"), time.Date(2026, 3, 7, 0, 0, 0, 0, ny),
		"2026-03-07 02:30 EST", "2026-03-08 03:30 EDT", "2026-03-09 02:30 EDT")
	next(t, rrule.New("DTSTART;TZID=America/New_York:20260301T013000\nRRULE:FREQ=DAILY"), time.Date(2026, 10, 31, 12, 0, 0, 0, ny),
		"2026-11-01 01:30 EDT", "2026-11-02 01:30 EST")
	next(t, rrule.New("DTSTART;TZID=Europe/Berlin:20260101T020000\nRRULE:FREQ=MONTHLY;BYDAY=-1SU"), time.Date(2026, 3, 1, 0, 0, 0, 0, berlin),
		"2026-03-29 03:00 CEST", "2026-04-26 02:00 CEST")
	next(t, rrule.New("DTSTART;TZID=Australia/Lord_Howe:20260101T021500\nRRULE:FREQ=DAILY"), time.Date(2026, 10, 3, 12, 0, 0, 0, howe),
		"2026-10-04 02:45 +11", "2026-10-05 02:15 +11")
	next(t, rrule.New("DTSTART;TZID=Africa/Cairo;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;UNTIL=20260425"), time.Date(2026, 4, 23, 0, 0, 0, 0, cairo),
		"2026-04-24 01:00 EEST", "2026-04-25 00:00 EEST", "end")
	next(t, rrule.New("DTSTART;TZID=America/New_York:20260301T013000\nRRULE:FREQ=HOURLY"), time.Date(2026, 3, 8, 0, 0, 0, 0, ny),
		"2026-03-08 00:30 EST", "2026-03-08 01:30 EST", "2026-03-08 03:30 EDT", "2026-03-08 04:30 EDT") // two hours are one instant
	next(t, rrule.New("DTSTART;TZID=America/New_York:20260301T013000\nRRULE:FREQ=HOURLY"), time.Date(2026, 11, 1, 0, 0, 0, 0, ny),
		"2026-11-01 00:30 EDT", "2026-11-01 01:30 EDT", "2026-11-01 02:30 EST")
	next(t, rrule.New("DTSTART:20260301T013000Z\nRRULE:FREQ=HOURLY"), time.Date(2026, 11, 1, 0, 0, 0, 0, ny),
		"2026-11-01 00:30 EDT", "2026-11-01 01:30 EDT", "2026-11-01 01:30 EST", "2026-11-01 02:30 EST")
	next(t, rrule.New("DTSTART;TZID=America/New_York:20401231T120000\nRRULE:FREQ=DAILY"), time.Date(2040, 12, 31, 0, 0, 0, 0, ny),
		"2040-12-31 12:00 EST", "2041-01-01 12:00 EST") // a day on which zones are odd
}

// Examples of RFC 5545, section 3.8.5.3.
func TestNew_RFC(t *testing.T) {
	ny := zone(t, "America/New_York")
	from := time.Date(1997, 9, 2, 0, 0, 0, 0, ny)
	for rule, want := range map[string][]string{
		"FREQ=DAILY;UNTIL=19970905T000000Z":                                   {"0902", "0903", "0904", "end"},
		"FREQ=DAILY;INTERVAL=10;COUNT=5":                                      {"0902", "0912", "0922", "1002", "1012", "end"},
		"FREQ=WEEKLY;COUNT=3":                                                 {"0902", "0909", "0916", "end"},
		"FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH":              {"0902", "0904", "0909", "0911", "0916", "0918", "0923", "0925", "0930", "1002", "end"},
		"FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH":                  {"0902", "0904", "0916", "0918", "0930", "1002", "1014", "1016", "end"},
		"FREQ=MONTHLY;COUNT=4;BYDAY=1FR":                                      {"0905", "1003", "1107", "1205", "end"},
		"FREQ=MONTHLY;INTERVAL=2;COUNT=4;BYDAY=1SU,-1SU":                      {"0907", "0928", "1102", "1130", "end"},
		"FREQ=MONTHLY;BYMONTHDAY=-3":                                          {"0928", "1029", "1128", "1229"},
		"FREQ=MONTHLY;COUNT=4;BYMONTHDAY=1,-1":                                {"0930", "1001", "1031", "1101", "end"},
		"FREQ=MONTHLY;INTERVAL=18;COUNT=4;BYMONTHDAY=10,11,12,13":             {"0910", "0911", "0912", "0913", "end"},
		"FREQ=MONTHLY;INTERVAL=2;BYDAY=TU":                                    {"0902", "0909", "0916", "0923", "0930", "1104"},
		"FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3":                      {"0904", "1007", "1106", "end"},
		"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2":                       {"0929", "1030", "1127", "1230"},
		"FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13":                                 {"19980213", "19980313", "19981113", "19990813"},
		"FREQ=YEARLY;BYDAY=20MO":                                              {"19980518", "19990517", "20000515"},
		"FREQ=YEARLY;BYMONTH=3;BYDAY=TH":                                      {"19980305", "19980312", "19980319", "19980326", "19990304"},
		"FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8": {"1104", "20011106", "20051108"},
		"FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z":                       {"0902", "0902 12", "0902 15", "end"},
	} {
		for i, w := range want {
			at, err := time.Parse("20060102 15", "1997"+w+" 09")
			for _, layout := range []string{"20060102", "0102 15"} {
				if err == nil {
					break
				}
				if at, err = time.Parse(layout, w); err == nil && at.Year() == 0 {
					at = at.AddDate(1997, 0, 0)
				} else if err == nil {
					at = at.Add(9 * time.Hour)
				}
			}
			if w != "end" {
				want[i] = time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), 0, 0, 0, ny).Format("2006-01-02 15:04 MST")
			}
		}
		next(t, rrule.New("DTSTART;TZID=America/New_York:19970902T090000\nRRULE:"+rule), from, want...)
	}
}

// From wherever it is asked, the answer is the one that a walk from the start
// would give.
func TestNew_StartsNearby(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(n int, list ...string) string {
		var chosen []string
		for range n {
			chosen = append(chosen, list[r.IntN(len(list))])
		}
		slices.Sort(chosen)
		return strings.Join(slices.Compact(chosen), ",")
	}
	for i := range 600 {
		start := time.Date(2020-i%2*100, 1, 30, 22, 50, 40, 0, time.UTC) // every other before the times of Unix
		freq := r.IntN(7)
		rule := "FREQ=" + []string{"YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"}[freq]
		rule += fmt.Sprintf(";INTERVAL=%d", 1+r.IntN(5)*r.IntN(4))
		if r.IntN(4) == 0 {
			rule += ";WKST=SU"
		}
		if r.IntN(3) == 0 {
			rule += ";BYMONTH=" + pick(3, "1", "2", "5", "8", "12")
		}
		if r.IntN(4) == 0 && freq != 2 {
			rule += ";BYMONTHDAY=" + pick(3, "1", "15", "28", "-1", "-30", "7")
		}
		if r.IntN(3) == 0 {
			rule += ";BYDAY=" + pick(3, "MO", "TU", "FR", "SA", "SU")
		}
		if r.IntN(6) == 0 && freq == 0 {
			rule += ";BYWEEKNO=" + pick(2, "1", "20", "52", "53")
		}
		if freq < 4 && r.IntN(3) == 0 {
			rule += ";BYHOUR=" + pick(2, "0", "5", "23") + ";BYMINUTE=" + pick(2, "0", "30")
		}
		if freq < 3 && r.IntN(5) == 0 {
			rule += ";BYSETPOS=" + pick(2, "1", "2", "-1")
		}
		span := []time.Duration{20 * 365, 3 * 365, 800, 400, 60, 8, 1}[freq] * 24 * time.Hour
		from := start.Add(time.Duration(r.Int64N(int64(span))) - time.Hour)
		lib, err := teambition.StrToRRule("DTSTART:" + start.Format("20060102T150405Z") + "\nRRULE:" + rule)
		if err != nil {
			t.Fatal(err)
		}
		lib.Until(from.AddDate(30, 0, 0))
		want, at := []time.Time(nil), from
		for range 3 {
			if at = lib.After(at, false); at.IsZero() {
				break
			}
			want = append(want, at)
		}
		got, err := trigger.Next(rrule.New("DTSTART:"+start.Format("20060102T150405Z")+"\nRRULE:"+rule), from, len(want))
		if err != nil || !slices.EqualFunc(got, want, time.Time.Equal) {
			t.Fatalf("%d: %s from %v: got %v, %v, want %v", i, rule, from, got, err, want)
		}
	}
}

// DTSTART in its own zone, in UTC, in that of In, or in time.Local.
func TestNew_In(t *testing.T) {
	ny := zone(t, "America/New_York")
	from := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	daily := "DTSTART%s\nRRULE:FREQ=DAILY"
	next(t, rrule.New(fmt.Sprintf(daily, ":20260101T090000")).In(ny), from, "2026-06-01 13:00 UTC")
	next(t, rrule.New(fmt.Sprintf(daily, ":20260101T090000Z")).In(ny), from, "2026-06-01 09:00 UTC")
	next(t, rrule.New(fmt.Sprintf(daily, ";TZID=Asia/Kolkata:20260101T090000")).In(ny), from, "2026-06-01 03:30 UTC")
	local := time.Date(2026, 6, 1, 9, 0, 0, 0, time.Local)
	for _, tr := range []rrule.Trigger{rrule.New(fmt.Sprintf(daily, ":20260101T090000")), rrule.New(fmt.Sprintf(daily, ":20260101T090000")).In(ny).In(nil)} {
		next(t, tr, local.Add(-time.Hour), local.Format("2006-01-02 15:04 MST"))
	}
}

// RDATE adds, EXDATE takes away, also whole days; COUNT counts what is taken
// away; where there is no RRULE, DTSTART is a time itself.
func TestNew_Dates(t *testing.T) {
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	start := "DTSTART:20260302T090000Z\n"
	next(t, rrule.New(start+"RRULE:FREQ=DAILY;COUNT=4\nEXDATE:20260303T090000Z,20260304T100000Z\nRDATE:20260303T120000Z,20260302T090000Z,20260310T000000Z"), from,
		"2026-03-02 09:00 UTC", "2026-03-03 12:00 UTC", "2026-03-04 09:00 UTC", "2026-03-05 09:00 UTC", "2026-03-10 00:00 UTC", "end")
	next(t, rrule.New(start+"RRULE:FREQ=DAILY;COUNT=3\nEXDATE;VALUE=DATE:20260303"), from, "2026-03-02 09:00 UTC", "2026-03-04 09:00 UTC", "end")
	next(t, rrule.New(start+"RDATE:20260401T090000Z"), from, "2026-03-02 09:00 UTC", "2026-04-01 09:00 UTC", "end")
	next(t, rrule.New(start+"RDATE:20260401T090000Z"), time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), "2026-04-01 09:00 UTC", "end")
	next(t, rrule.New("DTSTART;TZID=America/New_York:20260307T023000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20260308T023000"), from,
		"2026-03-07 07:30 UTC", "2026-03-09 06:30 UTC", "end") // in the zone of DTSTART, in the gap
}

// UNTIL is the last instant; a date is the whole day.
func TestNew_Until(t *testing.T) {
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for until, last := range map[string]int{"20260304T090000Z": 4, "20260304T085959Z": 3, "20260304": 4, "20260302T090000": 2} {
		want := []string{}
		for d := 2; d <= last; d++ {
			want = append(want, fmt.Sprintf("2026-03-%02d 09:00 UTC", d))
		}
		next(t, rrule.New("DTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;UNTIL="+until), from, append(want, "end")...)
	}
	ny := zone(t, "America/New_York") // an end in the hour that comes twice
	next(t, rrule.New("DTSTART;TZID=America/New_York:20261030T014500\nRRULE:FREQ=DAILY;UNTIL=20261101T061000Z"), time.Date(2026, 10, 31, 0, 0, 0, 0, ny),
		"2026-10-31 01:45 EDT", "2026-11-01 01:45 EDT", "end")
}

// Lines may be folded, and of either case; the order does not matter.
func TestNew_Text(t *testing.T) {
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	next(t, rrule.New("\r\nrrule:freq=daily;\r\n byhour=9,1\r\n\t0\r\ndtstart;tzid=UTC:20260302T090000\r\n\r\n"), from, "2026-03-02 09:00 UTC", "2026-03-02 10:00 UTC")
	for _, tt := range []struct {
		tr   rrule.Trigger
		want string
	}{
		{rrule.New("DTSTART;TZID=\"UTC\";VALUE=DATE-TIME:20260302T090000\n\nRRULE:FREQ=DAILY"), "rrule(DTSTART;TZID=UTC;VALUE=DATE-TIME:20260302T090000 RRULE:FREQ=DAILY)"},
		{rrule.New("DTSTART:20260302T090000Z\nRRULE:FREQ=DAILY").In(zone(t, "Europe/Berlin")), "rrule(DTSTART:20260302T090000Z RRULE:FREQ=DAILY)"},
		{rrule.New("DTSTART:20260302T090000\nRRULE:FREQ=DAILY").In(zone(t, "Europe/Berlin")), "rrule(DTSTART:20260302T090000 RRULE:FREQ=DAILY in Europe/Berlin)"},
		{rrule.New(" nonsense "), "rrule(nonsense)"},
		{rrule.New(""), "rrule(in " + time.Local.String() + ")"},
	} {
		if got := tt.tr.String(); got != tt.want {
			t.Errorf("String: got %q, want %q", got, tt.want)
		}
	}
}

// What is wrong is said by Register.
func TestNew_Refused(t *testing.T) {
	start := "DTSTART:20260302T090000Z\n"
	for text, want := range map[string]error{
		"":                                   rrule.ErrStart,
		"nonsense":                           rrule.ErrText,
		"DTSTART;TZID:20260302T090000":       rrule.ErrText,
		"RRULE:FREQ=DAILY":                   rrule.ErrStart,
		start + start + "RRULE:FREQ=DAILY":   rrule.ErrStart,
		start:                                rrule.ErrText,
		"DTSTART:tomorrow\nRRULE:FREQ=DAILY": rrule.ErrText,
		"DTSTART:20260302T090000Z,20260303T090000Z\nRRULE:FREQ=DAILY": rrule.ErrText,
		"DTSTART:20260230T090000Z\nRRULE:FREQ=DAILY":                  rrule.ErrText,
		"DTSTART;TZID=Mars/Base:20260302T090000\nRRULE:FREQ=DAILY":    rrule.ErrZone,
		start + "RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY":                 rrule.ErrUnsupported,
		start + "RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY":                rrule.ErrUnsupported,
		start + "RRULE:FREQ=DAILY\nSUMMARY:Lunch":                     rrule.ErrUnsupported,
		start + "RDATE;VALUE=PERIOD:20260302T090000Z/PT1H":            rrule.ErrUnsupported,
		start + "RRULE:FREQ=DAILY\nEXDATE:never":                      rrule.ErrText,
		start + "RRULE:BYHOUR=9":                                      rrule.ErrRule,
		start + "RRULE:FREQ=FORTNIGHTLY":                              rrule.ErrRule,
		start + "RRULE:FREQ=DAILY;BYHOUR=25":                          rrule.ErrRule,
		start + "RRULE:FREQ=DAILY;INTERVAL=0":                         rrule.ErrRule,
		start + "RRULE:FREQ=DAILY;INTERVAL=-1":                        rrule.ErrRule,
		start + "RRULE:FREQ=DAILY;COUNT=0":                            rrule.ErrRule,
		start + "RRULE:FREQ=DAILY;COUNT=100001":                       rrule.ErrRule,
		start + "RRULE:FREQ=DAILY;COUNT=3;UNTIL=20270101T000000Z":     rrule.ErrRule,
		start + "RRULE:FREQ=DAILY;DTSTART=20260302T090000Z":           rrule.ErrRule,
		start + "RRULE:FREQ=DAILY;UNTIL=later":                        rrule.ErrRule,
		start + "RRULE:FREQ=HOURLY;INTERVAL=2;BYHOUR=10":              rrule.ErrRule,
		start + "RRULE:FREQ=MINUTELY;INTERVAL=60;BYMINUTE=30":         rrule.ErrRule,
		start + "RRULE:FREQ=SECONDLY;INTERVAL=86400;BYHOUR=10":        rrule.ErrRule,
	} {
		_, err := app.New().Register(tasks.Registration{Name: "x", Trigger: rrule.New(text)})
		if !errors.Is(err, want) {
			t.Errorf("Register %q: got %v, want %v", text, err, want)
		}
	}
}

// A rule that never comes is exhausted, and costs no long search.
func TestNew_Never(t *testing.T) {
	for _, rule := range []string{
		"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=3",
		"FREQ=DAILY;UNTIL=20200101T000000Z",
	} {
		next(t, rrule.New("DTSTART:20260302T090000Z\nRRULE:"+rule), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), "end")
	}
	next(t, rrule.New("DTSTART:20960302T090000Z\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), "2104-02-29 09:00 UTC")
}

// Over a year in an App, each time is one start, at its instant; what is missed
// is counted as Next would.
func TestNew_AYearInAnApp(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	from := time.Date(2026, 1, 1, 0, 0, 0, 5, berlin)
	tr := rrule.New("DTSTART;TZID=Europe/Berlin:20250101T023000\nRRULE:FREQ=DAILY\nEXDATE;VALUE=DATE:20260501")
	var want []time.Time
	for d := range 365 {
		day := time.Date(2026, 1, 1+d, 0, 0, 0, 0, time.UTC)
		at := time.Date(2026, 1, 1+d, 2, 30, 0, 0, berlin)
		switch {
		case day.Month() == 3 && day.Day() == 29:
			at = time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC)
		case day.Month() == 10 && day.Day() == 25:
			at = time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
		case day.Month() == 5 && day.Day() == 1:
			continue
		}
		want = append(want, at)
	}
	v := clock.NewVirtual(from)
	a := app.New(app.WithClock(v))
	var got []time.Time
	a.HandleFunc("x", func(context.Context, *tasks.Instance) error { got = append(got, v.Now()); return nil })
	if _, err := a.Register(tasks.Registration{Name: "x", Trigger: tr}); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for {
		at, ok := v.Next()
		if !ok || at.After(from.AddDate(1, 0, 0)) {
			break
		}
		v.Advance(at.Sub(v.Now()))
		if err := a.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	v.Jump(100 * 24 * time.Hour)
	v.Advance(24 * time.Hour)
	if err := a.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	x := a.Explain("x")
	if _, err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if missed := x.Counts.Missed; missed != 100 {
		t.Errorf("missed: got %d, want 100", missed)
	}
	if n := len(want); len(got) < n || !slices.EqualFunc(got[:n], want, time.Time.Equal) {
		t.Errorf("got %d starts, want %d", len(got), n)
		for i := range min(len(got), n) {
			if !got[i].Equal(want[i]) {
				t.Fatalf("number %d: got %v, want %v", i, got[i], want[i])
			}
		}
	}
}

func ExampleNew() {
	ny, err := time.LoadLocation("America/New_York")
	if err != nil {
		fmt.Println(err)
		return
	}
	standUp := rrule.New("DTSTART;TZID=America/New_York:20260302T023000\nRRULE:FREQ=DAILY;COUNT=30")
	list, err := trigger.Next(standUp, time.Date(2026, 3, 7, 0, 0, 0, 0, ny), 3)
	for _, at := range list {
		fmt.Println(at.In(ny).Format("Jan 2 15:04 MST"))
	}
	fmt.Println(err)
	// Output:
	// Mar 7 02:30 EST
	// Mar 8 03:30 EDT
	// Mar 9 02:30 EDT
	// <nil>
}

// BenchmarkNext asks a rule that began 29 years ago.
func BenchmarkNext(b *testing.B) {
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, rule := range []string{"FREQ=YEARLY", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=WEEKLY;BYDAY=MO,FR", "FREQ=DAILY", "FREQ=MINUTELY;INTERVAL=5", "FREQ=DAILY;COUNT=20000"} {
		b.Run(rule, func(b *testing.B) {
			var s activation.Schedule
			if err := rrule.New("DTSTART;TZID=Europe/Berlin:19970101T090000\nRRULE:" + rule).Arm(port{schedule: &s}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := s.Next(activation.Phase{Registered: from}); !ok {
					b.Fatal("none")
				}
			}
		})
	}
}

// A port takes a schedule.
type port struct {
	activation.Port
	schedule *activation.Schedule
}

func (p port) Schedule(s activation.Schedule) { *p.schedule = s }

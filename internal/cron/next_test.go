package cron_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/bgloop/bgloop/internal/cron"
	"github.com/bgloop/bgloop/internal/cron/crontest"
)

func Example() {
	s, err := cron.Parse("CRON_TZ=Europe/Berlin 30 2 * * FRIL", cron.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Describe())
	t := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	for range 3 {
		t, _ = s.Next(t)
		fmt.Println(t)
	}
	// Output:
	// at 02:30 on the last Friday of the month, Europe/Berlin
	// 2026-02-27 02:30:00 +0100 CET
	// 2026-03-27 02:30:00 +0100 CET
	// 2026-04-24 02:30:00 +0200 CEST
}

// parse parses an expression that must be valid.
func parse(t testing.TB, expr string, opts cron.Options) *cron.Schedule {
	t.Helper()
	s, err := cron.Parse(expr, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// zone loads a zone that must exist.
func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// rounds is how often to repeat something that should be repeated n times.
func rounds(n int) int {
	if testing.Short() {
		n /= 4
	}
	return max(1, n/slow)
}

const layout = "2006-01-02 15:04:05"

func TestNextInUTC(t *testing.T) {
	tests := []struct {
		expr, after string
		want        []string
	}{
		{"0 0 29 2 *", "2096-02-29 00:00:00", []string{"2104-02-29 00:00:00"}},
		{"0 0 31 * *", "2026-01-31 00:00:00", []string{"2026-03-31 00:00:00", "2026-05-31 00:00:00"}},
		{"0 12 L * *", "2028-01-31 12:00:00", []string{"2028-02-29 12:00:00", "2028-03-31 12:00:00"}},
		{"0 12 L-3 * *", "2026-01-31 12:00:00", []string{"2026-02-25 12:00:00", "2026-03-28 12:00:00"}},
		{"0 0 L-30 * *", "2026-01-01 00:00:00", []string{"2026-03-01 00:00:00", "2026-05-01 00:00:00"}},
		{"0 0 LW * *", "2026-01-01 00:00:00", []string{"2026-01-30 00:00:00", "2026-02-27 00:00:00"}},
		{"0 0 1W * *", "2026-07-02 00:00:00", []string{"2026-08-03 00:00:00", "2026-09-01 00:00:00"}},
		{"0 0 15W * *", "2026-08-01 00:00:00", []string{"2026-08-14 00:00:00", "2026-09-15 00:00:00"}},
		{"0 0 31W * *", "2026-05-02 00:00:00", []string{"2026-05-29 00:00:00", "2026-07-31 00:00:00"}},
		{"0 0 * * 5L", "2026-01-01 00:00:00", []string{"2026-01-30 00:00:00", "2026-02-27 00:00:00"}},
		{"0 0 * * TUE#2", "2026-01-01 00:00:00", []string{"2026-01-13 00:00:00", "2026-02-10 00:00:00"}},
		{"0 0 * * 1#5", "2026-01-01 00:00:00", []string{"2026-03-30 00:00:00", "2026-06-29 00:00:00"}},
		{"0 0 * * 7", "2026-01-01 00:00:00", []string{"2026-01-04 00:00:00", "2026-01-11 00:00:00"}},
		{"0 0 * * 5-7", "2026-01-01 00:00:00", []string{"2026-01-02 00:00:00", "2026-01-03 00:00:00", "2026-01-04 00:00:00", "2026-01-09 00:00:00"}},
		{"59 23 31 12 *", "2026-12-31 23:58:59", []string{"2026-12-31 23:59:00", "2027-12-31 23:59:00"}},
		{"*/20 * * * * *", "2026-12-31 23:59:25", []string{"2026-12-31 23:59:40", "2027-01-01 00:00:00"}},
		{"5/20 10 * * *", "2026-01-01 10:05:00", []string{"2026-01-01 10:25:00", "2026-01-01 10:45:00", "2026-01-02 10:05:00"}},
		{"0 0 1 1 *", "0000-06-01 00:00:00", []string{"0001-01-01 00:00:00"}},
	}
	for _, tt := range tests {
		t.Run(tt.expr, func(t *testing.T) {
			s := parse(t, tt.expr, cron.Options{Location: time.UTC})
			at, err := time.Parse(layout, tt.after)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				next, ok := s.Next(at)
				if got := next.Format(layout); !ok || got != want {
					t.Fatalf("Next(%v): got %v, %v, want %v", at, got, ok, want)
				}
				at = next
			}
		})
	}
}

func TestNextIsNoneForADayThatNeverComes(t *testing.T) {
	for _, expr := range []string{"0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 31W 4 *", "0 0 30 2 ?"} {
		s := parse(t, expr, cron.Options{Location: zone(t, "Europe/Berlin")})
		if at, ok := s.Next(time.Unix(0, 0)); ok {
			t.Errorf("%s: got %v, want none", expr, at)
		}
	}
	both := parse(t, "0 0 8 * FRI#1", cron.Options{Days: cron.Both})
	if at, ok := both.Next(time.Unix(0, 0)); ok {
		t.Errorf("the 8th and the first Friday: got %v, want none", at)
	}
}

func TestNextIsNoneOutsideTheYears0To9999(t *testing.T) {
	for _, expr := range []string{"* * * * * *", "0 0 29 2 *", "@every 1h"} {
		s := parse(t, expr, cron.Options{Location: zone(t, "Pacific/Kiritimati")})
		for _, after := range []time.Time{
			time.Unix(1<<62, 0), time.Unix(-1<<62, 0),
			time.Date(9999, 12, 31, 9, 59, 59, 0, time.UTC), // the last second there
			time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
			time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC),
		} {
			if at, ok := s.Next(after); ok {
				t.Errorf("%s: Next(%v): got %v, want none", expr, after, at)
			}
		}
		if at, ok := s.Next(time.Time{}); !ok || at.Year() > 4 {
			t.Errorf("%s: Next of the zero time: got %v, %v", expr, at, ok)
		}
	}
}

func TestNextFindsTheRarestDay(t *testing.T) {
	// February 29 on a Monday, across the year 2100, which has none.
	s := parse(t, "0 0 29 2 MON", cron.Options{Location: time.UTC, Days: cron.Both})
	at, ok := s.Next(time.Date(2072, 3, 1, 0, 0, 0, 0, time.UTC))
	if got := at.Format(layout); !ok || got != "2112-02-29 00:00:00" {
		t.Errorf("got %v, %v, want 2112-02-29", got, ok)
	}
}

func TestNextIsStrictlyAfter(t *testing.T) {
	s := parse(t, "* * * * * *", cron.Options{Location: time.UTC})
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, d := range []time.Duration{0, 1, time.Second - 1} {
		if got, _ := s.Next(at.Add(d)); !got.Equal(at.Add(time.Second)) {
			t.Errorf("after %v: got %v, want one second later", d, got)
		}
	}
	if got, _ := s.Next(at.Add(-1)); !got.Equal(at) {
		t.Errorf("a nanosecond before: got %v, want %v", got, at)
	}
}

func TestNextIsInTheLocationOfTheSchedule(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	for _, expr := range []string{"0 12 * * *", "@every 1h"} {
		at, _ := parse(t, expr, cron.Options{Location: berlin}).Next(time.Unix(0, 0))
		if at.Location() != berlin {
			t.Errorf("%s: got %v, want %v", expr, at.Location(), berlin)
		}
		at, _ = parse(t, expr, cron.Options{}).Next(time.Unix(0, 0).UTC())
		if at.Location() != time.Local {
			t.Errorf("%s: got %v, want time.Local", expr, at.Location())
		}
	}
}

func TestScheduleMayBeUsedFromAnyGoroutine(t *testing.T) {
	s := parse(t, "30 2 * * *", cron.Options{Location: zone(t, "Europe/Berlin")})
	var wg sync.WaitGroup
	var last [4]time.Time
	for i := range last {
		wg.Go(func() {
			for range 1000 {
				last[i], _ = s.Next(last[i])
			}
			_, _ = s.String(), s.Describe()
		})
	}
	wg.Wait()
	for _, at := range last {
		if !at.Equal(last[0]) || at.IsZero() {
			t.Errorf("got %v and %v", at, last[0])
		}
	}
}

func TestEveryCountsFromTheInstantGiven(t *testing.T) {
	s := parse(t, "@every 1h0m0.5s", cron.Options{Location: time.UTC})
	if d, ok := s.Every(); !ok || d != time.Hour+time.Second/2 {
		t.Errorf("Every: got %v, %v", d, ok)
	}
	after := time.Date(2026, 1, 1, 0, 0, 0, 7, time.UTC)
	if at, ok := s.Next(after); !ok || at.Sub(after) != time.Hour+time.Second/2 {
		t.Errorf("Next: got %v, %v", at, ok)
	}
	if d, ok := parse(t, "@hourly", cron.Options{}).Every(); ok || d != 0 {
		t.Errorf("Every of @hourly: got %v, %v", d, ok)
	}
}

func TestBothTakesADayThatBothFieldsName(t *testing.T) {
	after := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		rule cron.DayRule
		expr string
		want string
	}{
		{cron.Either, "0 0 13 * FRI", "2026-01-02"},
		{cron.Both, "0 0 13 * FRI", "2026-02-13"},
		{cron.Either, "0 0 */2 * FRI", "2026-01-02"},
		{cron.Both, "0 0 */2 * FRI", "2026-01-09"},
		{cron.Either, "0 0 * * FRI", "2026-01-02"},
		{cron.Both, "0 0 ? * FRI", "2026-01-02"},
		{cron.Either, "0 0 */1 * FRI", "2026-01-02"},
		{cron.Either, "0 0 1-31 * FRI", "2026-01-03"}, // a restriction, by its form
	} {
		s := parse(t, tt.expr, cron.Options{Location: time.UTC, Days: tt.rule})
		from := after
		if tt.want == "2026-01-03" {
			from = from.AddDate(0, 0, 1)
		}
		if at, _ := s.Next(from); at.Format(time.DateOnly) != tt.want {
			t.Errorf("%s, %v: got %v, want %s", tt.expr, tt.rule, at, tt.want)
		}
	}
}

// TestNextEqualsAWalk compares Next with a walk along the clock, minute by
// minute or second by second, for expressions made up at random; half of the
// walks are across an edge.
func TestNextEqualsAWalk(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewPCG(seed, 0))
	zones := append(crontest.Odd(), "UTC", "America/New_York", "Europe/Berlin", "Asia/Tehran", "America/Havana")
	for i := range rounds(400) {
		name := zones[r.IntN(len(zones))]
		opts := cron.Options{
			Location: zone(t, name), Gap: cron.Gap(r.IntN(2)), Fold: cron.Fold(r.IntN(2)), Days: cron.DayRule(r.IntN(2)),
		}
		from := time.Date(2000+r.IntN(41), 1, 1+r.IntN(365), r.IntN(24), r.IntN(60), r.IntN(60), 0, opts.Location)
		seconds := i%4 == 0
		span, step := 15*24*time.Hour, int64(60)
		if seconds {
			span, step = 3*time.Hour, 1
		}
		if _, edge := from.ZoneBounds(); i%2 == 0 && !edge.IsZero() {
			from = edge.Add(-time.Duration(r.Int64N(int64(span))))
		}
		expr := crontest.Random(r, seconds)
		want := crontest.Walk(crontest.Read(expr, opts.Days == cron.Both), opts.Location, from, from.Add(span),
			step, opts.Gap == cron.Skip, opts.Fold == cron.Twice)
		s := parse(t, expr, opts)
		at := from
		for _, w := range want {
			next, ok := s.Next(at)
			if !ok || next.Unix() != w {
				t.Fatalf("%q in %s, %v, %v, %v: after %v: got %v, want %v", expr, name, opts.Gap, opts.Fold, opts.Days,
					at, next, time.Unix(w, 0).In(opts.Location))
			}
			at = next
		}
		if next, ok := s.Next(at); ok && !next.After(from.Add(span)) {
			t.Fatalf("%q in %s, %v, %v, %v: after %v: got %v, which the walk does not know", expr, name,
				opts.Gap, opts.Fold, opts.Days, at, next)
		}
	}
}

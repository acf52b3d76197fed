package cron_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bgloop/bgloop/internal/cron"
	"github.com/bgloop/bgloop/internal/cron/crontest"
)

// from lists the first n runs after an instant given in UTC.
func from(t *testing.T, s *cron.Schedule, after string, n int) (runs []string) {
	t.Helper()
	at, err := time.Parse(layout, after)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		next, ok := s.Next(at)
		if !ok || !next.After(at) {
			t.Fatalf("%v: Next(%v): got %v, %v", s, at, next, ok)
		}
		runs = append(runs, next.Format("01-02 15:04 -0700"))
		at = next
	}
	return runs
}

func TestGap(t *testing.T) {
	tests := []struct {
		name, zone, expr, after string
		runAfter, skip          []string
	}{
		{
			"an hour", "Europe/Berlin", "30 2 * * *", "2026-03-28 12:00:00",
			[]string{"03-29 03:00 +0200", "03-30 02:30 +0200"},
			[]string{"03-30 02:30 +0200", "03-31 02:30 +0200"},
		},
		{
			"its first second is in it", "Europe/Berlin", "0 2 * * *", "2026-03-28 12:00:00",
			[]string{"03-29 03:00 +0200", "03-30 02:00 +0200"},
			[]string{"03-30 02:00 +0200", "03-31 02:00 +0200"},
		},
		{
			"its end is not", "Europe/Berlin", "0 3 * * *", "2026-03-28 12:00:00",
			[]string{"03-29 03:00 +0200", "03-30 03:00 +0200"},
			[]string{"03-29 03:00 +0200", "03-30 03:00 +0200"},
		},
		{
			"once for several times and one due anyway", "Europe/Berlin", "*/20 2,3 * * *", "2026-03-29 00:30:00",
			[]string{"03-29 03:00 +0200", "03-29 03:20 +0200"},
			[]string{"03-29 03:00 +0200", "03-29 03:20 +0200"},
		},
		{
			"every minute of an hour", "Europe/Berlin", "* 2 * * *", "2026-03-29 00:30:00",
			[]string{"03-29 03:00 +0200", "03-30 02:00 +0200"},
			[]string{"03-30 02:00 +0200", "03-30 02:01 +0200"},
		},
		{
			"*/2 is fixed hours", "Europe/Berlin", "30 */2 * * *", "2026-03-28 23:31:00",
			[]string{"03-29 03:00 +0200", "03-29 04:30 +0200"},
			[]string{"03-29 04:30 +0200", "03-29 06:30 +0200"},
		},
		{
			"half an hour", "Australia/Lord_Howe", "15 2 * * *", "2026-10-03 12:00:00",
			[]string{"10-04 02:30 +1100", "10-05 02:15 +1100"},
			[]string{"10-05 02:15 +1100", "10-06 02:15 +1100"},
		},
		{
			"at midnight, Cairo", "Africa/Cairo", "0 0 * * *", "2026-04-23 12:00:00",
			[]string{"04-24 01:00 +0300", "04-25 00:00 +0300"},
			[]string{"04-25 00:00 +0300", "04-26 00:00 +0300"},
		},
		{
			"at midnight, Sao Paulo", "America/Sao_Paulo", "30 0 * * SUN", "2018-11-03 12:00:00",
			[]string{"11-04 01:00 -0200", "11-11 00:30 -0200"},
			[]string{"11-11 00:30 -0200", "11-18 00:30 -0200"},
		},
		{
			"at a minute past midnight", "America/St_Johns", "30 0 * * *", "2006-04-01 12:00:00",
			[]string{"04-02 01:01 -0230", "04-03 00:30 -0230"},
			[]string{"04-03 00:30 -0230", "04-04 00:30 -0230"},
		},
		{
			"a whole day", "Pacific/Apia", "0 12 * * *", "2011-12-29 12:00:00",
			[]string{"12-29 12:00 -1000", "12-31 00:00 +1400", "12-31 12:00 +1400"},
			[]string{"12-29 12:00 -1000", "12-31 12:00 +1400", "01-01 12:00 +1400"},
		},
		{
			"a yearly run on a day that was left out", "Pacific/Apia", "0 12 30 12 *", "2011-01-01 00:00:00",
			[]string{"12-31 00:00 +1400", "12-30 12:00 +1400"},
			[]string{"12-30 12:00 +1400", "12-30 12:00 +1400"},
		},
		{
			"for Ramadan, in winter", "Africa/Casablanca", "30 2 * * *", "2026-03-21 12:00:00",
			[]string{"03-22 03:00 +0100", "03-23 02:30 +0100"},
			[]string{"03-23 02:30 +0100", "03-24 02:30 +0100"},
		},
		{
			"two hours", "Antarctica/Troll", "30 1 * * *", "2026-03-28 12:00:00",
			[]string{"03-29 03:00 +0200", "03-30 01:30 +0200"},
			[]string{"03-30 01:30 +0200", "03-31 01:30 +0200"},
		},
		{
			"where the zone goes on by rule", "America/New_York", "30 2 * * *", "2061-03-12 12:00:00",
			[]string{"03-13 03:00 -0400", "03-14 02:30 -0400"},
			[]string{"03-14 02:30 -0400", "03-15 02:30 -0400"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			loc := zone(t, tt.zone)
			s := parse(t, tt.expr, cron.Options{Location: loc})
			if got := from(t, s, tt.after, len(tt.runAfter)); !slices.Equal(got, tt.runAfter) {
				t.Errorf("RunAfter: got %q, want %q", got, tt.runAfter)
			}
			s = parse(t, tt.expr, cron.Options{Location: loc, Gap: cron.Skip})
			if got := from(t, s, tt.after, len(tt.skip)); !slices.Equal(got, tt.skip) {
				t.Errorf("Skip: got %q, want %q", got, tt.skip)
			}
		})
	}
}

func TestFold(t *testing.T) {
	tests := []struct {
		name, zone, expr, after string
		once, twice             []string
	}{
		{
			"an hour", "Europe/Berlin", "30 2 * * *", "2026-10-24 12:00:00",
			[]string{"10-25 02:30 +0200", "10-26 02:30 +0100"},
			[]string{"10-25 02:30 +0200", "10-25 02:30 +0100"},
		},
		{
			"its first second comes twice", "Europe/Berlin", "0 2 * * *", "2026-10-24 12:00:00",
			[]string{"10-25 02:00 +0200", "10-26 02:00 +0100"},
			[]string{"10-25 02:00 +0200", "10-25 02:00 +0100"},
		},
		{
			"its end comes once", "Europe/Berlin", "0 3 * * *", "2026-10-24 12:00:00",
			[]string{"10-25 03:00 +0100", "10-26 03:00 +0100"},
			[]string{"10-25 03:00 +0100", "10-26 03:00 +0100"},
		},
		{
			"several times in it", "Europe/Berlin", "*/30 2 * * *", "2026-10-24 12:00:00",
			[]string{"10-25 02:00 +0200", "10-25 02:30 +0200", "10-26 02:00 +0100"},
			[]string{"10-25 02:00 +0200", "10-25 02:30 +0200", "10-25 02:00 +0100"},
		},
		{
			"asked in its second half", "Europe/Berlin", "30 2 * * *", "2026-10-25 01:10:00",
			[]string{"10-26 02:30 +0100"},
			[]string{"10-25 02:30 +0100"},
		},
		{
			"a year before the next", "Europe/Berlin", "30 2 25 10 *", "2026-10-24 12:00:00",
			[]string{"10-25 02:30 +0200", "10-25 02:30 +0200", "10-25 02:30 +0200"},
			[]string{"10-25 02:30 +0200", "10-25 02:30 +0100", "10-25 02:30 +0200"},
		},
		{
			"half an hour", "Australia/Lord_Howe", "45 1 * * *", "2026-04-04 12:00:00",
			[]string{"04-05 01:45 +1100", "04-06 01:45 +1030"},
			[]string{"04-05 01:45 +1100", "04-05 01:45 +1030"},
		},
		{
			"back over midnight", "America/St_Johns", "30 23 * * *", "2006-10-28 12:00:00",
			[]string{"10-28 23:30 -0230", "10-29 23:30 -0330"},
			[]string{"10-28 23:30 -0230", "10-28 23:30 -0330"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			loc := zone(t, tt.zone)
			s := parse(t, tt.expr, cron.Options{Location: loc})
			if got := from(t, s, tt.after, len(tt.once)); !slices.Equal(got, tt.once) {
				t.Errorf("Once: got %q, want %q", got, tt.once)
			}
			s = parse(t, tt.expr, cron.Options{Location: loc, Fold: cron.Twice})
			if got := from(t, s, tt.after, len(tt.twice)); !slices.Equal(got, tt.twice) {
				t.Errorf("Twice: got %q, want %q", got, tt.twice)
			}
		})
	}
}

func TestEveryHourGoesByElapsedTime(t *testing.T) {
	tests := []struct {
		name, zone, expr, after string
		want                    []string
	}{
		{
			"gap", "Europe/Berlin", "0 * * * *", "2026-03-29 00:00:00",
			[]string{"03-29 03:00 +0200", "03-29 04:00 +0200"},
		},
		{
			"fold", "Europe/Berlin", "0 */1 * * *", "2026-10-24 23:30:00",
			[]string{"10-25 02:00 +0200", "10-25 02:00 +0100", "10-25 03:00 +0100"},
		},
		{
			"fold, by a full list", "Europe/Berlin", "*/30 0-23 * * *", "2026-10-25 00:00:00",
			[]string{"10-25 02:30 +0200", "10-25 02:00 +0100", "10-25 02:30 +0100", "10-25 03:00 +0100"},
		},
		{
			"half an hour", "Australia/Lord_Howe", "45 * * * *", "2026-04-04 14:30:00",
			[]string{"04-05 01:45 +1100", "04-05 01:45 +1030", "04-05 02:45 +1030"},
		},
		{
			"a day left out", "Pacific/Apia", "0 * * * *", "2011-12-30 08:30:00",
			[]string{"12-29 23:00 -1000", "12-31 00:00 +1400", "12-31 01:00 +1400"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, opts := range []cron.Options{{}, {Gap: cron.Skip, Fold: cron.Twice}} {
				opts.Location = zone(t, tt.zone)
				if got := from(t, parse(t, tt.expr, opts), tt.after, len(tt.want)); !slices.Equal(got, tt.want) {
					t.Errorf("%v, %v: got %q, want %q", opts.Gap, opts.Fold, got, tt.want)
				}
			}
		})
	}
}

// On December 31 of a leap year, time.Time.ZoneBounds of a zone that goes on by
// rule names an end that is not after the instant asked for.
func TestNextPassesTheLastDayOfALeapYear(t *testing.T) {
	for _, expr := range []string{"30 12 * * *", "30 * * * *"} {
		s := parse(t, expr, cron.Options{Location: zone(t, "America/New_York")})
		at := time.Date(2040, 12, 29, 0, 0, 0, 0, time.UTC)
		for at.Year() < 2041 {
			next, ok := s.Next(at)
			if !ok || next.Sub(at) > 30*time.Hour {
				t.Fatalf("%s: Next(%v): got %v, %v", expr, at, next, ok)
			}
			at = next
		}
	}
}

// TestNextInAZoneOfManyEdges makes up zones that no country has: edges minutes
// after one another, gaps that are shown after all, folds within folds.
func TestNextInAZoneOfManyEdges(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 0))
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for range rounds(150) {
		opts := cron.Options{
			Location: madeUp(t, r, start), Gap: cron.Gap(r.IntN(2)), Fold: cron.Fold(r.IntN(2)),
		}
		for range 4 {
			expr := crontest.Random(r, false)
			at := start.Add(time.Duration(r.IntN(72*60)) * time.Minute)
			want := crontest.Walk(crontest.Read(expr, false), opts.Location, at, at.AddDate(0, 0, 10), 60,
				opts.Gap == cron.Skip, opts.Fold == cron.Twice)
			s := parse(t, expr, opts)
			for _, w := range want {
				next, ok := s.Next(at)
				if !ok || next.Unix() != w {
					t.Fatalf("%q, %v, %v: Next(%v): got %v, want %v", expr, opts.Gap, opts.Fold, at, next,
						time.Unix(w, 0).In(opts.Location))
				}
				at = next
			}
		}
	}
}

// madeUp is a zone with 20 edges in the days after start.
func madeUp(t *testing.T, r *rand.Rand, start time.Time) *time.Location {
	const edges, types = 20, 8
	data := append([]byte("TZif"), make([]byte, 16+3*4)...)
	for _, n := range []uint32{edges, types, 4} {
		data = binary.BigEndian.AppendUint32(data, n)
	}
	at := start
	for range edges {
		at = at.Add(time.Duration(10+r.IntN(400)) * time.Minute)
		data = binary.BigEndian.AppendUint32(data, uint32(at.Unix()))
	}
	for range edges {
		data = append(data, byte(r.IntN(types)))
	}
	for i := range types {
		offset := int32(i-types/2) * int32(30+r.IntN(150)) * 60
		data = binary.BigEndian.AppendUint32(data, uint32(offset))
		data = append(data, 0, 0)
	}
	loc, err := time.LoadLocationFromTZData("Made/Up", append(data, "XYZ\x00"...))
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// TestEveryRunThatIsOwedIsMade takes every 20th zone of the tz database and the
// odd ones, ten times of day and the years 2000 to 2040. The command dstsweep
// does the same for every zone and policy.
func TestEveryRunThatIsOwedIsMade(t *testing.T) {
	names := crontest.Odd()
	for i, name := range crontest.Zones() {
		if i%(20*slow) == 7 {
			names = append(names, name)
		}
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sweep := crontest.NewSweep(zone(t, name), parseSweep)
			sweep.OnlyEdges = testing.Short() || slow > 1
			sweep.Run()
			for _, v := range sweep.Violations {
				t.Error(v)
			}
			if sweep.Fires == 0 && (sweep.Edges() > 0 || !sweep.OnlyEdges) {
				t.Error("the sweep found no run at all")
			}
		})
	}
}

func parseSweep(expr string, loc *time.Location, skip, twice bool) (crontest.Next, error) {
	opts := cron.Options{Location: loc}
	if skip {
		opts.Gap = cron.Skip
	}
	if twice {
		opts.Fold = cron.Twice
	}
	s, err := cron.Parse(expr, opts)
	if err != nil {
		return nil, err
	}
	return s.Next, nil
}

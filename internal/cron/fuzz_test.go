package cron_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/internal/cron"
	"github.com/bgloop/bgloop/internal/cron/crontest"
)

// FuzzParse: what is read is printed and read again to the same schedule; Next
// is strictly later, and matches the fields or stands at the end of a gap. What
// is not read is told by a column within the expression.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"* * * * *", "*/15 9-17 * * MON-FRI", "0 0 30 2 *", "CRON_TZ=Europe/Berlin 30 2 * * FRIL", "TZ=UTC @every 1h",
		"0 0 L,LW,L-3,15W * 5#2,7", "@daily", "50-10 * * * *", "30 0 0 29 2 ?", "TZ=UTC", "1,,2 * * * *",
		"TZ=Australia/Lord_Howe 15 2 * 10 *", "TZ=Pacific/Apia 0 12 30 12 *",
	} {
		f.Add(seed, int64(1774746000), uint8(0))
	}
	f.Fuzz(func(t *testing.T, expr string, unix int64, bits uint8) {
		opts := cron.Options{
			Location: time.UTC,
			Gap:      cron.Gap(bits & 1), Fold: cron.Fold(bits >> 1 & 1), Days: cron.DayRule(bits >> 2 & 1),
		}
		s, err := cron.Parse(expr, opts)
		if err != nil {
			var pe *cron.ParseError
			if !errors.As(err, &pe) || pe.Column < 1 || pe.Column > len([]rune(expr))+1 {
				t.Fatalf("%q: %v", expr, err)
			}
			return
		}
		if s.Describe() == "" {
			t.Errorf("%q has no description", expr)
		}
		again, err := cron.Parse(s.String(), opts)
		if err != nil {
			t.Fatalf("%q prints %q: %v", expr, s, err)
		}
		sameRuns(t, s, again)

		after := time.Unix(unix, 0)
		at, ok := s.Next(after)
		if !ok {
			return
		}
		if !at.After(after) {
			t.Fatalf("%q: Next(%v): got %v", expr, after, at)
		}
		if _, every := s.Every(); every {
			return
		}
		_, offset := at.Zone()
		_, before := at.Add(-time.Second).Zone()
		fields := crontest.Read(s.String(), opts.Days == cron.Both)
		edge := offset > before && opts.Gap == cron.RunAfter && !fields.Elapsed()
		if !edge && !fields.Match(at.Unix()+int64(offset)) {
			t.Fatalf("%q: Next(%v): got %v, which does not match %s", expr, after, at, strings.TrimSpace(s.String()))
		}
	})
}

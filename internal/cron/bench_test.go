package cron_test

import (
	"testing"
	"time"

	"github.com/bgloop/bgloop/internal/cron"
)

var expressions = []struct{ name, expr string }{
	{"minutely", "* * * * *"},
	{"quarterly in the day", "*/15 9-17 * * MON-FRI"},
	{"hourly", "@hourly"},
	{"daily", "30 2 * * *"},
	{"last Friday", "30 2 * * FRIL"},
	{"nearest weekday", "0 12 15W * *"},
	{"yearly", "@yearly"},
	{"leap day", "0 0 29 2 *"},
	{"never", "0 0 30 2 *"},
}

func BenchmarkNext(b *testing.B) {
	loc := zone(b, "Europe/Berlin")
	start := time.Date(2026, 3, 28, 0, 0, 0, 0, loc)
	for _, e := range expressions {
		b.Run(e.name, func(b *testing.B) {
			s := parse(b, e.expr, cron.Options{Location: loc})
			at := start
			b.ReportAllocs()
			for b.Loop() {
				next, ok := s.Next(at)
				if at = next; !ok || at.Year() > 2035 {
					at = start
				}
			}
		})
	}
}

// BenchmarkNextRarest searches the 40 years across 2100 for a February 29 that is
// a Monday.
func BenchmarkNextRarest(b *testing.B) {
	s := parse(b, "0 0 29 2 MON", cron.Options{Location: zone(b, "Europe/Berlin"), Days: cron.Both})
	at := time.Date(2072, 3, 1, 0, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		s.Next(at)
	}
}

func BenchmarkParse(b *testing.B) {
	for _, e := range expressions {
		b.Run(e.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := cron.Parse(e.expr, cron.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	loc := zone(t, "Europe/Berlin")
	for _, e := range expressions {
		s := parse(t, e.expr, cron.Options{Location: loc})
		at := time.Date(2026, 3, 28, 0, 0, 0, 0, loc)
		if n := testing.AllocsPerRun(100, func() { at, _ = s.Next(at) }); n != 0 {
			t.Errorf("%s: %v allocations", e.name, n)
		}
	}
}

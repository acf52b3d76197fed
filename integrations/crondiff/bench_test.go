package crondiff_test

import (
	"testing"
	"time"

	"github.com/adhocore/gronx"
	"github.com/hashicorp/cronexpr"
	netresearch "github.com/netresearch/go-cron"
	robfig "github.com/robfig/cron/v3"
)

// BenchmarkNext measures one Next of a parsed expression, in Europe/Berlin from
// the day before a gap on. gronx has no parsed form: it reads the expression
// each time.
func BenchmarkNext(b *testing.B) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	start := time.Date(2026, 3, 28, 0, 0, 0, 0, berlin)
	for _, e := range []struct{ name, expr string }{
		{"minutely", "* * * * *"},
		{"office hours", "*/15 9-17 * * MON-FRI"},
		{"hourly", "0 * * * *"},
		{"daily", "30 2 * * *"},
		{"yearly", "0 0 1 1 *"},
	} {
		for _, c := range compilers {
			b.Run(e.name+"/"+c.name, func(b *testing.B) {
				next, err := c.compile(e.expr, berlin)
				if err != nil {
					b.Fatal(err)
				}
				at := start
				b.ReportAllocs()
				for b.Loop() {
					t, ok := next(at)
					if !ok || !t.After(at) || t.Year() > 2035 {
						t = start
					}
					at = t
				}
			})
		}
	}
}

var compilers = []struct {
	name    string
	compile func(expr string, loc *time.Location) (func(from time.Time) (time.Time, bool), error)
}{
	{"ours", compile},
	{"robfig", func(expr string, _ *time.Location) (func(time.Time) (time.Time, bool), error) {
		s, err := robfig.ParseStandard(expr)
		return func(t time.Time) (time.Time, bool) { return s.Next(t), true }, err
	}},
	{"netresearch", func(expr string, _ *time.Location) (func(time.Time) (time.Time, bool), error) {
		s, err := netresearch.ParseStandard(expr)
		return func(t time.Time) (time.Time, bool) { return s.Next(t), true }, err
	}},
	{"cronexpr", func(expr string, _ *time.Location) (func(time.Time) (time.Time, bool), error) {
		s, err := cronexpr.Parse(expr)
		return func(t time.Time) (time.Time, bool) { return s.Next(t), true }, err
	}},
	{"gronx", func(expr string, _ *time.Location) (func(time.Time) (time.Time, bool), error) {
		return func(t time.Time) (time.Time, bool) {
			t, err := gronx.NextTickAfter(expr, t, false)
			return t, err == nil
		}, nil
	}},
}

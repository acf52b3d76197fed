package crondiff

import (
	"strings"
	"time"

	"github.com/hashicorp/cronexpr"
)

// Cronexpr is github.com/hashicorp/cronexpr. It looks ahead to the year 2099.
func Cronexpr() Peer {
	return Peer{
		Name: "cronexpr",
		Next: func(expr string, _ *time.Location, from time.Time) (time.Time, bool) {
			s, err := cronexpr.Parse(withYear(expr))
			if err != nil {
				panic(err)
			}
			t := s.Next(from)
			return t, !t.IsZero()
		},
		Extended: true,
		Horizon: func(from time.Time) time.Time {
			return time.Date(2099, 12, 31, 23, 59, 59, 0, from.Location())
		},
	}
}

// withYear adds a year to six fields, which cronexpr would take for one.
func withYear(expr string) string {
	if strings.Count(expr, " ") == 5 {
		expr += " *"
	}
	return expr
}

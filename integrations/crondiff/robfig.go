package crondiff

import (
	"time"

	"github.com/robfig/cron/v3"
)

// Robfig is github.com/robfig/cron. It knows no L, W and #, and looks five years
// ahead.
func Robfig() Peer {
	parser := cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	return Peer{
		Name: "robfig",
		Next: func(expr string, _ *time.Location, from time.Time) (time.Time, bool) {
			s, err := parser.Parse(expr)
			if err != nil {
				panic(err)
			}
			t := s.Next(from)
			return t, !t.IsZero()
		},
		Horizon: func(from time.Time) time.Time {
			return time.Date(from.Year()+5, 12, 31, 23, 59, 59, 0, from.Location())
		},
	}
}

package cron

import (
	"math"
	"time"

	"github.com/bgloop/bgloop/internal/mutant"
)

// near is how far from an instant a change of the clock can matter to it. No
// zone has offsets that differ by more than 26 hours.
const near = 48 * 60 * 60

// A period is a stretch of time during which a zone has one offset. Between two
// periods is an edge: a gap if the offset grows there, a fold if it shrinks.
type period struct {
	end    int64 // the first second behind it
	offset int64
}

// period returns the period of a zone at an instant. Its end may also be an
// instant at which nothing changes.
func (s *Schedule) period(u int64) period {
	t := time.Unix(u, 0).In(s.loc)
	_, offset := t.Zone()
	p := period{end: math.MaxInt64, offset: int64(offset)}
	_, end := t.ZoneBounds()
	if end.IsZero() {
		return p
	}
	p.end = end.Unix()
	if p.end <= u {
		// Where a zone goes on by rule, a year is taken to end after 365 days,
		// so that on the last day of a leap year the end is not after t.
		p.end = u - u%secondsPerDay + secondsPerDay
	}
	return p
}

// elapsed reports whether the schedule goes by elapsed time.
func (s *Schedule) elapsed() bool { return s.hour == 1<<24-1 }

// next walks the periods of the zone from u on.
//
// What the wall has shown or jumped over up to the present period is below
// seen. A time below seen is a second showing; a time from seen up to what the
// wall shows right after an edge is in a gap.
func (s *Schedule) next(u int64) (int64, bool) {
	elapsed := s.elapsed()
	again := elapsed || s.fold == Twice || mutant.On(mutant.DSTDouble)
	fill := !elapsed && s.gap == RunAfter

	p, seen := s.period(u-near), int64(math.MinInt64)
	for p.end <= u {
		seen = max(seen, p.end+p.offset)
		p = s.period(p.end)
	}
	from := u + p.offset
	for {
		w, ok := s.nextWall(from)
		if !ok {
			return 0, false
		}
		if at := w - p.offset; at < p.end {
			if again || w >= seen {
				return at, true
			}
			from = seen - 1
			continue
		}
		edge := p.end
		if edge < w-near && (!again || edge > u+near) {
			// No edge from here to shortly before w can matter: it shows nothing
			// that is due, except near u for a second time.
			p, seen, from = s.period(w-near), math.MinInt64, w-1
			continue
		}
		seen = max(seen, edge+p.offset)
		p = s.period(edge)
		if fill {
			if w < seen {
				w, ok = s.nextWall(seen - 1)
			}
			if ok && w < edge+p.offset {
				return edge, true
			}
		}
		from = edge + p.offset - 1
	}
}

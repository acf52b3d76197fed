package rrule

import (
	"math"
	"time"
)

// A wall is what a clock on the wall shows: seconds since 1970, as if the wall
// were in UTC.
type wall int64

const (
	day  wall = 24 * 60 * 60
	near wall = 2 * day // no two offsets of a zone differ by as much
)

// shown is what the clock in a zone shows at t.
func shown(t time.Time, loc *time.Location) wall {
	_, offset := t.In(loc).Zone()
	return wall(t.Unix() + int64(offset))
}

// midnight is the begin of the day.
func (w wall) midnight() wall { return w - (w%day+day)%day }

func (w wall) utc() time.Time { return time.Unix(int64(w), 0).UTC() }

// in is the instant at which the clock in a zone shows w, the first if there are
// two. If it never does, since it jumps over w, it is the one that would have
// shown w had the clock not been set.
func (w wall) in(loc *time.Location) time.Time {
	u := int64(w - near)
	for {
		offset, end := period(u, loc)
		at := int64(w) - offset
		if at < end {
			return time.Unix(at, 0).In(loc)
		}
		after, _ := period(end, loc)
		if int64(w) < end+after {
			return time.Unix(at, 0).In(loc) // in the gap
		}
		u = end
	}
}

// period is the offset of a zone at an instant, and when that ends.
func period(u int64, loc *time.Location) (offset, end int64) {
	t := time.Unix(u, 0).In(loc)
	_, seconds := t.Zone()
	_, bound := t.ZoneBounds()
	switch {
	case bound.IsZero():
		return int64(seconds), math.MaxInt64
	case bound.Unix() <= u: // on the last day of a leap year it can be the day before
		return int64(seconds), u + int64(day)
	}
	return int64(seconds), bound.Unix()
}

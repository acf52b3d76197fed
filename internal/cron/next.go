package cron

import (
	"math/bits"
	"time"
)

// The years that a schedule knows, 0 to 9999, as seconds from 1970 in UTC.
const (
	minUnix  = -62167219200
	maxUnix  = 253402300799
	lastYear = 9999
)

const secondsPerDay = 24 * 60 * 60

// Next returns the first run after the given instant, in the schedule's
// location, and whether there is one. It is always later than after. There is
// none if no such day exists, as February 30, nor outside the years 0 to 9999.
//
// Of an @every schedule it is the duration later, fractions of a second kept;
// any other run is at a whole second.
//
// Next allocates nothing, and searches no more than the 40 years for which a
// rare day can stay away.
func (s *Schedule) Next(after time.Time) (time.Time, bool) {
	u := after.Unix()
	if s.never || u < minUnix || u > maxUnix {
		return time.Time{}, false
	}
	if s.every > 0 {
		t := after.Round(0).Add(s.every).In(s.loc)
		return t, t.After(after) && t.Year() <= lastYear
	}
	at, ok := s.next(u)
	if !ok || at <= u { // the second would be our bug: better no run than a busy loop
		return time.Time{}, false
	}
	return time.Unix(at, 0).In(s.loc), true
}

// nextWall returns the first time after from that the fields match. Both are
// times on the wall: seconds from 1970 as if the wall were in UTC.
func (s *Schedule) nextWall(from int64) (int64, bool) {
	from++
	day := from / secondsPerDay
	if from%secondsPerDay < 0 {
		day--
	}
	y, m, d := time.Unix(day*secondsPerDay, 0).UTC().Date()
	year, month := y, int(m)
	if year > lastYear {
		return 0, false
	}
	first := day - int64(d-1) // the day that the month begins on
	n := monthDays(year, month)
	if s.month>>month&1 != 0 {
		left := s.days.in(weekdayOf(first), n) >> d
		if left&1 != 0 {
			if sec, ok := s.clock(int(from - day*secondsPerDay)); ok {
				return day*secondsPerDay + sec, true
			}
			left--
		}
		if left != 0 {
			return s.opening(day + int64(bits.TrailingZeros64(left))), true
		}
	}
	for {
		first += int64(n)
		if month++; month > 12 {
			year, month = year+1, 1
			if year > lastYear {
				return 0, false
			}
		}
		n = monthDays(year, month)
		if s.month>>month&1 == 0 {
			continue
		}
		if set := s.days.in(weekdayOf(first), n); set != 0 {
			return s.opening(first + int64(bits.TrailingZeros64(set)) - 1), true
		}
	}
}

// opening is the first run of a day.
func (s *Schedule) opening(day int64) int64 {
	sec, _ := s.clock(0)
	return day*secondsPerDay + sec
}

// clock returns the first time of day, in seconds, that is not before from.
func (s *Schedule) clock(from int) (int64, bool) {
	h, m, sec := from/3600, from/60%60, from%60
	if s.hour>>h&1 != 0 {
		if s.minute>>m&1 != 0 {
			if next := s.second >> sec; next != 0 {
				return int64(from + bits.TrailingZeros64(next)), true
			}
		}
		if next := s.minute >> (m + 1); next != 0 {
			m += 1 + bits.TrailingZeros64(next)
			return int64(h*3600 + m*60 + bits.TrailingZeros64(s.second)), true
		}
	}
	next := s.hour >> (h + 1)
	if next == 0 {
		return 0, false
	}
	h += 1 + bits.TrailingZeros64(next)
	return int64(h*3600 + bits.TrailingZeros64(s.minute)*60 + bits.TrailingZeros64(s.second)), true
}

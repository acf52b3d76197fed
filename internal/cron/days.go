package cron

import "math/bits"

// days says which days of a month are meant.
type days struct {
	dom  uint64 // bit n is the day n
	tail uint64 // bit n is the day n days before the last
	near uint64 // bit n is the weekday nearest the day n; bit 0 nearest the last
	week uint64 // bit 7*i+k is the weekday k of days 7*i+1 to 7*i+7
	last uint64 // bit k is the last weekday k

	anyDom, anyDow bool // *, */1 or ?
	rule           DayRule
}

// everyWeek times a set of weekdays is that set in each of a month's weeks.
const everyWeek = 1 | 1<<7 | 1<<14 | 1<<21 | 1<<28

// in returns the set of days meant in a month of n days that begins on the
// given weekday.
func (d *days) in(first, n int) uint64 {
	month := uint64(1)<<(n+1) - 2
	dom := d.dom | bits.Reverse64(d.tail)>>(63-n)
	for near := d.near & (month | 1); near != 0; near &= near - 1 {
		dom |= 1 << workday(bits.TrailingZeros64(near), first, n)
	}
	dow := weeks(d.week, first) << 1
	if d.last != 0 {
		dow |= weeks(d.last, (first+n)%7) << (n - 6)
	}
	if d.rule == Either && !d.anyDom && !d.anyDow {
		return (dom | dow) & month
	}
	return dom & dow & month
}

// weeks turns weeks that begin on a Sunday into weeks that begin on the given
// weekday: a rotation of each seven bits.
func weeks(set uint64, first int) uint64 {
	low := uint64(1)<<(7-first) - 1
	high := 0x7f &^ low
	return set>>first&(everyWeek*low) | set<<(7-first)&(everyWeek*high)
}

// workday is the day from Monday to Friday nearest to day in the same month;
// day 0 is the last.
func workday(day, first, n int) int {
	if day == 0 {
		day = n
	}
	switch (first + day - 1) % 7 {
	case 6: // Saturday
		if day > 1 {
			return day - 1
		}
		return day + 2
	case 0: // Sunday
		if day < n {
			return day + 1
		}
		return day - 2
	}
	return day
}

// monthDays is how many days a month has.
func monthDays(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// weekdayOf is the weekday of a day counted from 1970-01-01, a Thursday.
func weekdayOf(day int64) int {
	wd := int((day + 4) % 7)
	if wd < 0 {
		wd += 7
	}
	return wd
}

// ever reports whether there is a day for the schedule. The calendar repeats
// after 400 years, weekdays included.
func (s *Schedule) ever() bool {
	const day2000 = 10957
	first := int64(day2000)
	for year := 2000; year < 2400; year++ {
		for month := 1; month <= 12; month++ {
			n := monthDays(year, month)
			if s.month>>month&1 != 0 && s.days.in(weekdayOf(first), n) != 0 {
				return true
			}
			first += int64(n)
		}
	}
	return false
}

package rrule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	teambition "github.com/teambition/rrule-go"
)

// Errors of a text, returned by Register, and by Read.
var (
	// ErrText is a text that cannot be understood.
	ErrText = errors.New("rrule: not iCalendar")

	// ErrStart is a rule without a DTSTART, or with more than one.
	ErrStart = errors.New("rrule: there must be one DTSTART")

	// ErrRule is a rule that RFC 5545 does not allow, or that never comes.
	ErrRule = errors.New("rrule: wrong rule")

	// ErrZone is a TZID that the system's time zone database does not have.
	ErrZone = errors.New("rrule: unknown time zone")

	// ErrUnsupported is what is right and not supported here.
	ErrUnsupported = errors.New("rrule: not supported")
)

const (
	// horizon is how far a rule is searched for its next time: for so long a
	// rare day can stay away.
	horizon = 41 * 366 * day

	// mostCounted is the largest COUNT.
	mostCounted = 100_000
)

// A rule is an RRULE from a start on.
type rule struct {
	opts  teambition.ROption // Dtstart in UTC, for the wall
	start wall
	until time.Time // zero: none
	loc   *time.Location
	all   []wall // of a rule with a COUNT
}

func readRule(text string, start stamp) (*rule, error) {
	text = strings.ToUpper(strings.TrimSpace(text))
	o, err := teambition.StrToROptionInLocation(text, start.loc)
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrRule, text, err)
	}
	r := &rule{opts: *o, start: start.wall, loc: start.loc, until: until(text, start)}
	r.opts.Dtstart, r.opts.Until = start.wall.utc(), time.Time{}
	r.opts.Interval = max(r.opts.Interval, 1)
	switch {
	case o.Interval < 0 || strings.Contains(text, "INTERVAL=0"):
		err = errors.New("INTERVAL is not positive")
	case o.Count < 0 || strings.Contains(text, "COUNT=0"):
		err = errors.New("COUNT is not positive")
	case o.Count > mostCounted:
		err = fmt.Errorf("COUNT is above %d", mostCounted)
	case o.Count > 0 && !o.Until.IsZero():
		err = errors.New("both COUNT and UNTIL")
	case !o.Dtstart.IsZero():
		err = errors.New("DTSTART in the rule")
	case !r.meets():
		err = errors.New("its INTERVAL never meets its BYHOUR, BYMINUTE or BYSECOND")
	}
	if err == nil {
		r.fix()
		_, err = teambition.NewRRule(r.opts)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrRule, text, err)
	}
	if o.Count > 0 {
		r.opts.Until = (r.start + 10*horizon).utc()
		r.walk(r.opts, func(w wall) bool { r.all = append(r.all, w); return true })
	}
	return r, nil
}

// until is the last instant of a rule, zero if it names none. A date is its
// midnight if the start is a date, else the whole day.
func until(text string, start stamp) time.Time {
	for part := range strings.SplitSeq(text, ";") {
		if v, ok := strings.CutPrefix(strings.TrimPrefix(part, "RRULE:"), "UNTIL="); ok {
			s, err := readStamp(v, start.loc, false)
			if err != nil {
				return time.Time{} // the library has accepted it
			}
			if s.date && !start.date {
				s.wall += day - 1
			}
			return s.instant()
		}
	}
	return time.Time{}
}

// meets reports whether a rule that steps by the hour or less ever comes to a
// time that it allows. The library looks for it for ever.
func (r *rule) meets() bool {
	unit, ok := map[teambition.Frequency]int{teambition.HOURLY: 3600, teambition.MINUTELY: 60, teambition.SECONDLY: 1}[r.opts.Freq]
	if !ok {
		return true
	}
	allowed := func(list []int, n int) bool { return len(list) == 0 || slices.Contains(list, n) }
	at := int(r.start - r.start.midnight())
	step := r.opts.Interval % (int(day) / unit) * unit
	for range int(day) / unit {
		if allowed(r.opts.Byhour, at/3600) && (unit > 60 || allowed(r.opts.Byminute, at/60%60)) && (unit > 1 || allowed(r.opts.Bysecond, at%60)) {
			return true
		}
		at = (at + step) % int(day)
	}
	return false
}

// fix writes down what the rule takes from its start, so that the start can be
// moved.
func (r *rule) fix() {
	o, s := &r.opts, r.start.utc()
	if o.Freq < teambition.HOURLY {
		o.Byhour = orElse(o.Byhour, s.Hour())
		o.Byminute = orElse(o.Byminute, s.Minute())
		o.Bysecond = orElse(o.Bysecond, s.Second())
	}
	if len(o.Byweekno)+len(o.Byyearday)+len(o.Bymonthday)+len(o.Byweekday)+len(o.Byeaster) > 0 {
		return
	}
	switch o.Freq {
	case teambition.YEARLY:
		if len(o.Bymonth) == 0 {
			o.Bymonth = []int{int(s.Month())}
		}
		o.Bymonthday = []int{s.Day()}
	case teambition.MONTHLY:
		o.Bymonthday = []int{s.Day()}
	case teambition.WEEKLY:
		days := []teambition.Weekday{teambition.SU, teambition.MO, teambition.TU, teambition.WE, teambition.TH, teambition.FR, teambition.SA}
		o.Byweekday = []teambition.Weekday{days[s.Weekday()]}
	case teambition.DAILY, teambition.HOURLY, teambition.MINUTELY, teambition.SECONDLY:
	}
}

func orElse(list []int, n int) []int {
	if len(list) == 0 {
		return []int{n}
	}
	return list
}

// near is the rule with a start that is shortly before from, by a whole number
// of its intervals.
func (r *rule) near(from wall) teambition.ROption {
	o := r.opts
	from = max(from, r.start)
	step := func(unit wall) {
		unit *= wall(o.Interval)
		o.Dtstart = (r.start + (from-r.start)/unit*unit).utc()
	}
	s, f := r.start.utc(), from.utc()
	switch o.Freq {
	case teambition.YEARLY:
		years := (f.Year() - s.Year()) / o.Interval * o.Interval
		o.Dtstart = first(s, years*12-int(s.Month())+1)
	case teambition.MONTHLY:
		months := (f.Year()-s.Year())*12 + int(f.Month()) - int(s.Month())
		o.Dtstart = first(s, months/o.Interval*o.Interval)
	case teambition.WEEKLY:
		sinceWeekBegan := (int(s.Weekday()) + 6 - o.Wkst.Day() + 7) % 7 // both from Monday
		week := r.start.midnight() - wall(sinceWeekBegan)*day
		if n := (from - week) / (7 * day * wall(o.Interval)); n > 0 { // the first week may be a part of one
			o.Dtstart = (week + n*7*day*wall(o.Interval)).utc()
		}
	case teambition.DAILY:
		step(day)
	case teambition.HOURLY:
		step(3600)
	case teambition.MINUTELY:
		step(60)
	case teambition.SECONDLY:
		step(1)
	}
	o.Until = (from + horizon).utc()
	return o
}

// first is the first of the month that is so many after that of t.
func first(t time.Time, months int) time.Time {
	return time.Date(t.Year(), t.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
}

// walk visits the times of a rule in order.
func (r *rule) walk(o teambition.ROption, visit func(wall) bool) {
	lib, err := teambition.NewRRule(o)
	if err != nil {
		return // it was tried before
	}
	next := lib.Iterator()
	for t, ok := next(); ok; t, ok = next() {
		if w := wall(t.Unix()); w >= r.start && !visit(w) {
			return
		}
	}
}

// after visits the instants of the rule that are later than t, in order.
func (r *rule) after(t time.Time, visit func(time.Time) bool) {
	last := t
	see := func(w wall) bool {
		at := w.in(r.loc)
		switch {
		case !r.until.IsZero() && at.After(r.until) && w > shown(r.until, r.loc)+near:
			return false
		case !at.After(last), !r.until.IsZero() && at.After(r.until):
			return true // passed; or, where clocks are set, two at one instant
		}
		last = at
		return visit(at)
	}
	w := shown(t, r.loc)
	if _, end := period(t.Unix()-int64(near), r.loc); end < t.Unix()+int64(near) {
		w -= near // a clock is set: what it shows later may be due before
	}
	if r.opts.Count == 0 {
		r.walk(r.near(w), see)
		return
	}
	i, _ := slices.BinarySearch(r.all, w)
	for _, w := range r.all[i:] {
		if !see(w) {
			return
		}
	}
}

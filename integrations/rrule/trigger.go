package rrule

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// A Trigger makes a task due by the recurrence rule of an iCalendar text.
type Trigger struct {
	text string
	loc  *time.Location
}

// New makes a task due at the times of a text as in iCalendar, one property on
// each line: DTSTART, which is required and says from when on, RRULE, RDATE and
// EXDATE. At least an RRULE or an RDATE is needed; there can be one RRULE.
// DTSTART is a time of its own only where there is none.
//
//	DTSTART;TZID=America/New_York:20260302T023000
//	RRULE:FREQ=DAILY;COUNT=30
//	EXDATE;TZID=America/New_York:20260304T023000
//
// A time that names no zone, by TZID or a Z at its end, is in that of DTSTART,
// and a DTSTART that names none in time.Local, or that of In. A date means its
// midnight; as an EXDATE or UNTIL, the whole day. Times come in order, and once if
// several fall on one instant. As the RFC has it, a rule comes once at a time
// that the clock shows twice, also one that goes by the hour: let DTSTART be in
// UTC if elapsed time is meant.
//
// What is wrong with the text is said by Register: ErrText, ErrStart, ErrRule,
// ErrZone or ErrUnsupported. A rule that does not come for 41 years, or after
// its UNTIL, is exhausted. A COUNT is at most 100,000.
func New(text string) Trigger { return Trigger{text: text} }

// In sets the zone of a DTSTART that names none. Nil is time.Local.
func (t Trigger) In(loc *time.Location) Trigger { t.loc = loc; return t }

// zone is In's, or time.Local.
func (t Trigger) zone() *time.Location {
	if t.loc == nil {
		return time.Local
	}
	return t.loc
}

// String is the text, and the zone if the text depends on it.
func (t Trigger) String() string {
	list, err := lines(t.text)
	if err != nil {
		return "rrule(" + strings.TrimSpace(t.text) + ")"
	}
	words := make([]string, len(list))
	named := false
	for i, p := range list {
		words[i] = p.String()
		if p.name == "DTSTART" {
			s, err := p.stamp(time.UTC)
			named = err != nil || s.own
		}
	}
	if !named {
		words = append(words, "in "+t.zone().String())
	}
	return "rrule(" + strings.Join(words, " ") + ")"
}

// Arm is for Register.
func (t Trigger) Arm(p activation.Port) error {
	s, err := t.schedule()
	if err != nil {
		return err
	}
	p.Schedule(s)
	return nil
}

func (t Trigger) schedule() (schedule, error) {
	list, err := lines(t.text)
	if err != nil {
		return schedule{}, err
	}
	return recurrence(list, t.zone())
}

// A schedule is a recurrence set. It never changes.
type schedule struct {
	rule   *rule       // nil: none
	dates  []time.Time // RDATE, in order
	except []time.Time // EXDATE, in order
	days   []stamp     // EXDATE of whole days
}

// recurrence reads the properties of a set.
func recurrence(list []property, loc *time.Location) (s schedule, err error) {
	var start []stamp
	for _, p := range list {
		if p.name == "DTSTART" {
			at, err := p.stamp(loc)
			if err != nil {
				return s, err
			}
			start = append(start, at)
		}
	}
	if len(start) != 1 {
		return s, fmt.Errorf("%w: there are %d", ErrStart, len(start))
	}
	for _, p := range list {
		if err := s.add(p, start[0]); err != nil {
			return s, err
		}
	}
	switch {
	case s.rule == nil && s.dates == nil:
		return s, fmt.Errorf("%w: neither RRULE nor RDATE", ErrText)
	case s.rule == nil:
		s.dates = append(s.dates, start[0].instant())
	}
	slices.SortFunc(s.dates, time.Time.Compare)
	slices.SortFunc(s.except, time.Time.Compare)
	return s, nil
}

func (s *schedule) add(p property, start stamp) (err error) {
	switch p.name {
	case "DTSTART":
		return nil
	case "RRULE":
		if s.rule != nil {
			return fmt.Errorf("%w: more than one RRULE", ErrUnsupported)
		}
		s.rule, err = readRule(p.value, start)
		return err
	case "RDATE", "EXDATE":
	default:
		return fmt.Errorf("%w: %s", ErrUnsupported, p.name)
	}
	list, err := p.stamps(start.loc)
	for _, at := range list {
		switch {
		case p.name == "RDATE":
			s.dates = append(s.dates, at.instant())
		case at.date:
			s.days = append(s.days, at)
		default:
			s.except = append(s.except, at.instant())
		}
	}
	return err
}

// after visits the instants of the set that are later than t, in order.
func (s schedule) after(t time.Time, visit func(time.Time) bool) {
	dates, goOn := s.dates, true
	see := func(at time.Time) {
		if !s.excludes(at) {
			goOn = visit(at)
		}
	}
	last := t
	catchUp := func(before time.Time, all bool) { // the RDATEs up to that
		for ; goOn && len(dates) > 0 && (all || !dates[0].After(before)); dates = dates[1:] {
			if dates[0].After(last) {
				last = dates[0]
				see(last)
			}
		}
	}
	if s.rule != nil {
		s.rule.after(t, func(at time.Time) bool {
			catchUp(at, false)
			if goOn && at.After(last) {
				last = at
				see(at)
			}
			return goOn
		})
	}
	catchUp(time.Time{}, true)
}

func (s schedule) excludes(at time.Time) bool {
	if _, found := slices.BinarySearchFunc(s.except, at, time.Time.Compare); found {
		return true
	}
	return slices.ContainsFunc(s.days, func(d stamp) bool { return shown(at, d.loc).midnight() == d.wall.midnight() })
}

// Next is the first time after the last one, or after the registration.
func (s schedule) Next(ph activation.Phase) (next time.Time, ok bool) {
	s.after(from(ph), func(at time.Time) bool { next, ok = at, true; return false })
	return next, ok
}

// Missed counts without beginning anew each time.
func (s schedule) Missed(ph activation.Phase, now time.Time) (n uint64, last time.Time) {
	last = ph.Last
	s.after(from(ph), func(at time.Time) bool {
		if at.After(now) {
			return false
		}
		n, last = n+1, at
		return true
	})
	return n, last
}

func from(ph activation.Phase) time.Time {
	if ph.Last.After(ph.Registered) {
		return ph.Last
	}
	return ph.Registered
}

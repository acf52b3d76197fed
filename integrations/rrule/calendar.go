package rrule

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	ical "github.com/arran4/golang-ical"

	"github.com/bgloop/bgloop/activation/trigger"
)

// A Calendar is the events of an iCalendar file: what trigger.Except excludes.
// It never changes, and may be used from any goroutine.
type Calendar struct {
	name   string
	loc    *time.Location
	events []occasion
	sum    uint64

	mu    sync.Mutex // guards the following: a page that was looked up
	page  int64
	spans []span // of it, in order and apart
}

var _ trigger.Calendar = (*Calendar)(nil)

// An occasion is an event, or all that recur of it.
type occasion struct {
	start    stamp
	set      schedule // nothing in it: it does not recur
	moved    []time.Time
	canceled bool
	lasts    length
}

// A length is how long an event lasts: days of the calendar, and then time.
type length struct {
	days int
	time time.Duration
}

func (l length) from(start time.Time, loc *time.Location) time.Time {
	if l.days != 0 {
		start = (shown(start, loc) + wall(l.days)*day).in(loc)
	}
	return start.Add(l.time)
}

// longest is at least as long as l is anywhere.
func (l length) longest() time.Duration {
	return time.Duration(l.days)*24*time.Hour + l.time + time.Duration(near)*time.Second
}

// Read makes a calendar of the events (VEVENT) of an iCalendar file; name is
// what people see. An instant is excluded if any event takes place then: from
// its start to before its end, by DTEND or DURATION. An event of whole days
// (VALUE=DATE) is in the zone loc, as is every time that names no zone; a nil
// loc is time.Local. One that has no end is one day, or one instant.
//
// RRULE, RDATE and EXDATE are heeded as by New, and an event with a
// RECURRENCE-ID takes the place of that occurrence of the event with the same
// UID. What is canceled (STATUS) does not take place; whether an event is shown
// as free or busy (TRANSP) does not matter. Of zones only the TZID counts, not
// the VTIMEZONE.
//
// The errors are those of New, ErrText if the file is no calendar, and those of
// r.
func Read(r io.Reader, name string, loc *time.Location) (*Calendar, error) {
	if loc == nil {
		loc = time.Local
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("rrule: %s: %w", name, err)
	}
	if !bytes.HasSuffix(bytes.ToUpper(bytes.TrimSpace(text)), []byte("END:VCALENDAR")) { // the library does not mind
		return nil, fmt.Errorf("%w: %s: it does not end with END:VCALENDAR", ErrText, name)
	}
	file, err := ical.ParseCalendar(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrText, name, err)
	}
	sum := fnv.New64a()
	_, _ = sum.Write(text)
	c := &Calendar{name: name, loc: loc, sum: sum.Sum64()}
	events := map[string]int{} // by UID
	var replacing []*ical.VEvent
	for _, e := range file.Events() {
		if e.HasProperty(ical.ComponentPropertyRecurrenceId) {
			replacing = append(replacing, e)
		}
		o, err := c.read(e)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: event %q", err, name, e.Id())
		}
		if !e.HasProperty(ical.ComponentPropertyRecurrenceId) {
			events[e.Id()] = len(c.events)
		}
		c.events = append(c.events, o)
	}
	for _, e := range replacing {
		if i, ok := events[e.Id()]; ok {
			if err := c.replace(&c.events[i], e); err != nil {
				return nil, fmt.Errorf("%w: %s: event %q", err, name, e.Id())
			}
		}
	}
	return c, nil
}

// properties are those of an event that say when it is.
func properties(e *ical.VEvent) (list []property) {
	for _, p := range e.Properties {
		q := property{name: strings.ToUpper(p.IANAToken), value: p.Value, params: map[string]string{}}
		for k, v := range p.ICalParameters {
			q.params[strings.ToUpper(k)] = strings.Join(v, ",")
		}
		list = append(list, q)
	}
	return list
}

func (c *Calendar) read(e *ical.VEvent) (o occasion, err error) {
	var set []property
	recurs, ends := false, property{}
	for _, p := range properties(e) {
		switch p.name {
		case "DTSTART":
			if o.start, err = p.stamp(c.loc); err != nil {
				return o, err
			}
			set = append(set, p)
		case "RRULE", "RDATE":
			recurs = true
			set = append(set, p)
		case "EXDATE":
			set = append(set, p)
		case "DTEND", "DURATION":
			ends = p
		case "STATUS":
			o.canceled = strings.HasPrefix(strings.ToUpper(p.value), "CANCEL")
		case "EXRULE":
			return o, fmt.Errorf("%w: %s", ErrUnsupported, p.name)
		}
	}
	if o.start.loc == nil {
		return o, ErrStart
	}
	if recurs {
		if o.set, err = recurrence(set, c.loc); err != nil {
			return o, err
		}
	}
	o.lasts, err = o.start.until(ends, c.loc)
	return o, err
}

// until reads how long an event lasts.
func (s stamp) until(end property, loc *time.Location) (length, error) {
	switch end.name {
	case "DURATION":
		return readLength(end.value)
	case "DTEND":
		e, err := end.stamp(loc)
		switch {
		case err != nil:
			return length{}, err
		case e.date != s.date:
			return length{}, fmt.Errorf("%w: one of DTSTART and DTEND is a date", ErrText)
		case e.date && e.wall > s.wall:
			return length{days: int((e.wall - s.wall) / day)}, nil
		case !e.date && !e.instant().Before(s.instant()):
			return length{time: e.instant().Sub(s.instant())}, nil
		case e.wall == s.wall:
			return length{days: 1}, nil // some write a day so
		}
		return length{}, fmt.Errorf("%w: DTEND is before DTSTART", ErrText)
	}
	if s.date {
		return length{days: 1}, nil
	}
	return length{}, nil
}

// replace takes one occurrence out of an event: another stands for it.
func (c *Calendar) replace(o *occasion, by *ical.VEvent) error {
	for _, p := range properties(by) {
		if p.name != "RECURRENCE-ID" {
			continue
		}
		if p.params["RANGE"] != "" {
			return fmt.Errorf("%w: RANGE of a RECURRENCE-ID", ErrUnsupported)
		}
		at, err := p.stamp(c.loc)
		if err != nil {
			return err
		}
		o.moved = append(o.moved, at.instant())
	}
	return nil
}

// pageLength is for how long a calendar is worked out at a time: an App asks
// about one instant after another.
const pageLength = 32 * 24 * time.Hour

// A span is a stretch of time, up to before its end; one instant if that is its
// start.
type span struct{ start, end time.Time }

func (s span) holds(t time.Time) bool {
	return s.start.Equal(t) || s.start.Before(t) && t.Before(s.end)
}

// Excludes reports whether an event takes place at t.
func (c *Calendar) Excludes(t time.Time) bool {
	page := t.Unix() / int64(pageLength/time.Second)
	if t.Unix() < 0 {
		page--
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spans == nil || c.page != page {
		c.page, c.spans = page, c.look(time.Unix(page*int64(pageLength/time.Second), 0))
	}
	after, _ := slices.BinarySearchFunc(c.spans, t, func(s span, t time.Time) int {
		if s.start.After(t) {
			return 1
		}
		return -1
	})
	return after > 0 && c.spans[after-1].holds(t)
}

// look works out a page: what begins or ends on it, or around it.
func (c *Calendar) look(from time.Time) []span {
	to := from.Add(pageLength)
	list := []span{}
	for i := range c.events {
		c.events[i].during(from.Add(-pageLength), to.Add(pageLength), func(s span) { list = append(list, s) })
	}
	slices.SortFunc(list, func(a, b span) int { return cmp.Or(a.start.Compare(b.start), a.end.Compare(b.end)) })
	merged := list[:0]
	for _, s := range list {
		if n := len(merged); n > 0 && (s.start.Equal(merged[n-1].start) || s.start.Before(merged[n-1].end)) {
			if s.end.After(merged[n-1].end) {
				merged[n-1].end = s.end
			}
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// during visits when the event takes place in a time.
func (o *occasion) during(from, to time.Time, visit func(span)) {
	if o.canceled {
		return
	}
	at := func(start time.Time) bool {
		if !start.Before(to) {
			return false
		}
		s := span{start, o.lasts.from(start, o.start.loc)}
		if !s.end.Before(from) && !slices.ContainsFunc(o.moved, start.Equal) {
			visit(s)
		}
		return true
	}
	if o.set.rule == nil && o.set.dates == nil {
		at(o.start.instant())
		return
	}
	o.set.after(from.Add(-o.lasts.longest()), at)
}

// String is the calendar's name, zone and contents, the last as a number.
func (c *Calendar) String() string {
	return fmt.Sprintf("calendar(%s %s: %d events, %016x)", c.name, c.loc, len(c.events), c.sum)
}

// readLength reads a DURATION: P1D, PT1H30M, P2W.
func readLength(text string) (l length, err error) {
	wrong := fmt.Errorf("%w: DURATION %q", ErrText, text)
	rest, ok := strings.CutPrefix(strings.TrimPrefix(strings.ToUpper(text), "+"), "P")
	if !ok || rest == "" {
		return l, wrong
	}
	dates, clock, timed := strings.Cut(rest, "T")
	if timed {
		if l.time, err = time.ParseDuration(strings.ToLower(clock)); err != nil || strings.ContainsAny(clock, ".-+") || l.time < 0 {
			return l, wrong
		}
	}
	if dates == "" {
		return l, nil
	}
	var n int
	var unit string
	if k, err := fmt.Sscanf(dates, "%d%s", &n, &unit); k != 2 || err != nil || n < 0 || n > 36600 {
		return l, wrong
	}
	switch unit {
	case "D":
		l.days = n
	case "W":
		l.days = 7 * n
	default:
		return l, wrong
	}
	return l, nil
}

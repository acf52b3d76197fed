// Package rrule is for tasks that go by the recurrence rules of RFC 5545, and
// for calendars that come as iCalendar files: a [Trigger] reads DTSTART, RRULE,
// RDATE and EXDATE, and [Read] makes of the events of a file a calendar that
// trigger.Except takes.
//
// It never reads a clock, starts no goroutine and fetches nothing. Rules are
// expanded by github.com/teambition/rrule-go, which is given times of the wall
// clock; what instants those are is decided here, as the RFC has it (3.3.5): a
// time that the clock jumps over is taken with the offset before the gap, so
// 02:30 is 03:30 daylight time, and a time that comes twice is the first of the
// two. Files are read by github.com/arran4/golang-ical.
//
// It is a module of its own: go get github.com/bgloop/bgloop/integrations/rrule;
// rrule.New("DTSTART;TZID=Europe/Berlin:20260105T090000\nRRULE:FREQ=WEEKLY;BYDAY=MO")
// is a trigger like any other.
package rrule

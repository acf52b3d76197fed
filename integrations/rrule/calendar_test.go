package rrule_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/integrations/rrule"
)

// file is an iCalendar file of events; a line that is empty begins the next.
func file(events ...string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n")
	for i, e := range events {
		fmt.Fprintf(&b, "BEGIN:VEVENT\n%s\nDTSTAMP:20260101T000000Z\n", e)
		if !strings.Contains(e, "UID:") {
			fmt.Fprintf(&b, "UID:%d@test\n", i)
		}
		b.WriteString("END:VEVENT\n")
	}
	b.WriteString("END:VCALENDAR\n")
	return strings.ReplaceAll(b.String(), "\n", "\r\n")
}

func read(t *testing.T, loc *time.Location, events ...string) *rrule.Calendar {
	t.Helper()
	c, err := rrule.Read(strings.NewReader(file(events...)), "test", loc)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// excludes checks instants: those with a ! are not excluded.
func excludes(t *testing.T, c *rrule.Calendar, loc *time.Location, instants ...string) {
	t.Helper()
	for _, text := range instants {
		text, not := strings.CutPrefix(text, "!")
		at, err := time.ParseInLocation("2006-01-02 15:04:05", text, loc)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Excludes(at); got == not {
			t.Errorf("Excludes %v: got %v", at, got)
		}
	}
}

// From its start to before its end, by DTEND or DURATION; whole days in the
// calendar's zone; without an end one day, or one instant.
func TestRead(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	c := read(t, berlin,
		"DTSTART;VALUE=DATE:20260501\nDTEND;VALUE=DATE:20260503",
		"DTSTART;VALUE=DATE:20260601",
		"DTSTART;VALUE=DATE:20260701\nDURATION:P1W",
		"DTSTART;VALUE=DATE:20260801\nDTEND;VALUE=DATE:20260801",
		"DTSTART:20260901T090000\nDTEND:20260901T170000",
		"DTSTART;TZID=America/New_York:20261001T090000\nDURATION:PT1H30M",
		"DTSTART:20261101T090000Z",
	)
	excludes(t, c, berlin,
		"!2026-04-30 23:59:59", "2026-05-01 00:00:00", "2026-05-02 23:59:59", "!2026-05-03 00:00:00",
		"!2026-05-31 23:59:59", "2026-06-01 00:00:00", "2026-06-01 23:59:59", "!2026-06-02 00:00:00",
		"2026-07-01 00:00:00", "2026-07-07 23:59:59", "!2026-07-08 00:00:00",
		"2026-08-01 12:00:00", "!2026-08-02 12:00:00",
		"!2026-09-01 08:59:59", "2026-09-01 09:00:00", "2026-09-01 16:59:59", "!2026-09-01 17:00:00",
		"!2026-10-01 14:59:59", "2026-10-01 15:00:00", "2026-10-01 16:29:59", "!2026-10-01 16:30:00",
		"!2026-11-01 09:59:59", "2026-11-01 10:00:00", "!2026-11-01 10:00:01",
	)
	local := read(t, nil, "DTSTART;VALUE=DATE:20260501")
	excludes(t, local, time.Local, "!2026-04-30 23:59:59", "2026-05-01 00:00:00", "2026-05-01 23:59:59", "!2026-05-02 00:00:00")
}

// Events recur, with what is added and taken away, over the edges.
func TestRead_Recurring(t *testing.T) {
	ny := zone(t, "America/New_York")
	c := read(t, ny,
		"DTSTART;VALUE=DATE:19001225\nRRULE:FREQ=YEARLY",
		"DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
		"DTSTART;TZID=America/New_York:20260301T013000\nDURATION:PT2H\nRRULE:FREQ=DAILY\nEXDATE;TZID=America/New_York:20260310T013000\nRDATE;TZID=America/New_York:20260310T200000",
	)
	excludes(t, c, ny,
		"2026-12-25 12:00:00", "2099-12-25 00:00:00", "1950-12-25 12:00:00", "!1950-12-24 23:59:59", "!1950-12-26 00:00:00", "!1899-12-25 12:00:00", "!2026-12-26 00:00:00",
		"2026-11-26 12:00:00", "!2026-11-19 12:00:00", "2027-11-25 23:59:59",
		"2026-03-07 03:29:59", "!2026-03-07 03:30:00", "2026-03-08 04:29:59", "!2026-03-08 04:30:00", // two hours, a gap between
		"!2026-03-10 02:00:00", "2026-03-10 21:59:59", "!2026-03-10 22:00:00",
		"2026-11-01 01:59:00", "!2026-11-01 02:30:00", // an hour earlier by the wall
	)
}

// A day is a day, however long.
func TestRead_NominalDays(t *testing.T) {
	ny := zone(t, "America/New_York")
	c := read(t, ny, "DTSTART;TZID=America/New_York:20260307T120000\nDURATION:P1D", "DTSTART;VALUE=DATE:20261101\nDTEND;VALUE=DATE:20261102")
	excludes(t, c, ny, "2026-03-08 11:59:59", "!2026-03-08 12:00:00", "2026-11-01 23:59:59", "!2026-11-02 00:00:00")
	apia := zone(t, "Pacific/Apia") // December 30 was left out
	c = read(t, apia, "DTSTART;VALUE=DATE:20111229\nDURATION:P2D")
	excludes(t, c, apia, "2011-12-29 23:59:59", "!2011-12-31 00:00:00")
}

const canceled = "CANCEL" + "LED" // the RFC's spelling

// What takes the place of an occurrence, and what is canceled.
func TestRead_Replaced(t *testing.T) {
	c := read(t, time.UTC,
		"UID:a\nDTSTART:20260303T100000Z\nDURATION:PT1H\nRECURRENCE-ID:20260303T090000Z",
		"UID:a\nDTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY",
		"UID:a\nDTSTART:20260304T090000Z\nDURATION:PT1H\nRECURRENCE-ID:20260304T090000Z\nSTATUS:"+canceled,
		"UID:b\nDTSTART:20260402T120000Z\nDURATION:PT1H\nSTATUS:"+canceled,
		"UID:c\nDTSTART:20260403T120000Z\nDURATION:PT1H\nTRANSP:TRANSPARENT",
		"UID:d\nDTSTART:20260404T120000Z\nDURATION:PT1H\nRECURRENCE-ID:20260404T090000Z",
	)
	excludes(t, c, time.UTC,
		"2026-03-02 09:30:00", "!2026-03-03 09:30:00", "2026-03-03 10:30:00", "!2026-03-04 09:30:00", "2026-03-05 09:30:00",
		"!2026-04-02 12:30:00", "2026-04-03 12:30:00", "2026-04-04 12:30:00")
}

// What is wrong is said, and where.
func TestRead_Refused(t *testing.T) {
	for event, want := range map[string]error{
		"SUMMARY:When":                      rrule.ErrStart,
		"DTSTART:someday":                   rrule.ErrText,
		"DTSTART;TZID=Mars:20260101T000000": rrule.ErrZone,
		"DTSTART:20260101T000000Z\nDTEND;VALUE=DATE:20260102":                                      rrule.ErrText,
		"DTSTART:20260101T000000Z\nDTEND:20251231T000000Z":                                         rrule.ErrText,
		"DTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20251231":                                   rrule.ErrText,
		"DTSTART:20260101T000000Z\nDTEND:x":                                                        rrule.ErrText,
		"DTSTART:20260101T000000Z\nDURATION:1H":                                                    rrule.ErrText,
		"DTSTART:20260101T000000Z\nDURATION:P":                                                     rrule.ErrText,
		"DTSTART:20260101T000000Z\nDURATION:PT":                                                    rrule.ErrText,
		"DTSTART:20260101T000000Z\nDURATION:P1M":                                                   rrule.ErrText,
		"DTSTART:20260101T000000Z\nDURATION:-PT1H":                                                 rrule.ErrText,
		"DTSTART:20260101T000000Z\nRRULE:FREQ=OFTEN":                                               rrule.ErrRule,
		"DTSTART:20260101T000000Z\nEXRULE:FREQ=DAILY":                                              rrule.ErrUnsupported,
		"UID:0@test\nDTSTART:20260101T000000Z\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260101T000000Z": rrule.ErrUnsupported,
	} {
		events := []string{"UID:0@test\nDTSTART:20260101T000000Z\nRRULE:FREQ=DAILY", event}
		c, err := rrule.Read(strings.NewReader(file(events...)), "holidays", time.UTC)
		if !errors.Is(err, want) || !strings.Contains(err.Error(), "holidays") || !strings.Contains(err.Error(), "@test") || c != nil {
			t.Errorf("Read of %q: got %v, %v, want %v", event, c, err, want)
		}
	}
	whole := file("DTSTART:20260101T000000Z")
	for _, text := range []string{"", "hello", "BEGIN:VCARD\r\nEND:VCARD\r\n", whole[:len(whole)/2], whole[:len(whole)-20], strings.TrimSuffix(whole, "END:VCALENDAR\r\n")} {
		if c, err := rrule.Read(strings.NewReader(text), "holidays", time.UTC); !errors.Is(err, rrule.ErrText) || c != nil {
			t.Errorf("Read of %q: got %v, %v, want ErrText", text, c, err)
		}
	}
	mine := errors.New("mine")
	if _, err := rrule.Read(broken{mine}, "holidays", time.UTC); !errors.Is(err, mine) {
		t.Errorf("Read of a broken file: got %v", err)
	}
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// String is the name, the zone and the contents.
func TestCalendar_String(t *testing.T) {
	a, b := read(t, time.UTC, "DTSTART:20260101T000000Z"), read(t, time.UTC, "DTSTART:20260101T000000Z")
	if a.String() != b.String() || !strings.HasPrefix(a.String(), "calendar(test UTC: 1 events, ") {
		t.Errorf("String: got %v and %v", a, b)
	}
	for _, c := range []*rrule.Calendar{read(t, time.UTC, "DTSTART:20260101T000001Z"), read(t, zone(t, "Europe/Berlin"), "DTSTART:20260101T000000Z")} {
		if a.String() == c.String() {
			t.Errorf("String: %v is another", c)
		}
	}
}

// With trigger.Except.
func TestCalendar_Except(t *testing.T) {
	c := read(t, time.UTC, "DTSTART;VALUE=DATE:20001225\nRRULE:FREQ=YEARLY", "DTSTART;VALUE=DATE:20261231")
	next(t, trigger.Except(trigger.Daily("09:00").In(time.UTC), c), time.Date(2026, 12, 24, 12, 0, 0, 0, time.UTC),
		"2026-12-26 09:00 UTC", "2026-12-27 09:00 UTC", "2026-12-28 09:00 UTC", "2026-12-29 09:00 UTC", "2026-12-30 09:00 UTC", "2027-01-01 09:00 UTC")
}

// BenchmarkExcludes asks a calendar of 300 events, half of which recur.
func BenchmarkExcludes(b *testing.B) {
	var events []string
	for i := range 150 {
		events = append(events, fmt.Sprintf("DTSTART;VALUE=DATE:2026%02d%02d", 1+i%12, 1+i%28),
			fmt.Sprintf("DTSTART;VALUE=DATE:2000%02d%02d\nRRULE:FREQ=YEARLY", 1+i%12, 1+(i*7)%28))
	}
	c, err := rrule.Read(strings.NewReader(file(events...)), "bench", time.UTC)
	if err != nil {
		b.Fatal(err)
	}
	at := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		c.Excludes(at)
	}
}

func ExampleRead() {
	holidays := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//EN\r\n" +
		"BEGIN:VEVENT\r\nUID:1@example\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20261225\r\nRRULE:FREQ=YEARLY\r\nEND:VEVENT\r\n" +
		"END:VCALENDAR\r\n"
	c, err := rrule.Read(strings.NewReader(holidays), "holidays", time.UTC)
	if err != nil {
		fmt.Println(err)
		return
	}
	list, err := trigger.Next(trigger.Except(trigger.Daily("09:00").In(time.UTC), c), time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC), 3)
	for _, at := range list {
		fmt.Println(at.Format("Jan 2 15:04"))
	}
	fmt.Println(err)
	// Output:
	// Dec 24 09:00
	// Dec 26 09:00
	// Dec 27 09:00
	// <nil>
}

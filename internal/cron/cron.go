// Package cron reads cron expressions and says when they run: an expression,
// an instant, and out comes the next instant.
//
// It never reads a clock, starts no goroutine and keeps no state; what it knows
// of a zone it asks of time.Time.ZoneBounds.
//
// # Expressions
//
// Five fields: minute (0-59), hour (0-23), day of month (1-31), month (1-12 or
// JAN-DEC) and day of week (0-7 or SUN-SAT; 0 and 7 are Sunday). A sixth field
// in front is the second (0-59); without it runs are at second 0.
//
//	a  a-b   the value a, those from a to b, which is not before a
//	a,b      both
//	*        every value
//	*/n      every nth value, from the first; also a-b/n, and a/n up to the end
//	?        the same as *, alone in one of the day fields
//	L  L-3   the last day of the month, three days before it
//	15W  LW  the weekday (Monday to Friday) nearest the 15th, the last weekday;
//	         it stays in its month, and a month without a 31st has no 31W
//	5L FRIL  the last Friday of the month
//	5#2      the second Friday of the month
//
// L, W and # are as in the Quartz scheduler, the rest is as in crontab(5).
//
// Letters may be of either case. As the end of a range SUN is 7, so SAT-SUN is
// a weekend. In place of the fields may stand @yearly (@annually), @monthly,
// @weekly, @daily (@midnight), @hourly, or @every and a duration. In front of
// everything CRON_TZ=Zone or TZ=Zone sets the zone.
//
// # Two clocks
//
// A field of hours that names some of the 24 (2, 9-17, also */2) is meant by
// the clock on the wall. Each of its times is owed once a day, whatever the
// zone does to that day: [Gap] says what becomes of a time that the clock jumps
// over, [Fold] of a time that it shows twice.
//
// A field of hours that holds all 24 (*, */1, 0-23) is meant by elapsed time:
// a run is wherever the clock shows a minute that is asked for. Both passes of
// a fold run, nothing is made up for a gap, and "0 * * * *" is every hour that
// passes, wherever clocks change by whole hours.
package cron

import (
	"errors"
	"fmt"
	"time"
)

// A Gap says what becomes of a time of day that a clock, when it is set
// forward, jumps over. It concerns fixed hours only.
type Gap uint8

// The rules for a gap.
const (
	// RunAfter runs at the first instant after the gap; once, even if several
	// times fall in the gap or another is due at that instant. It is the default.
	RunAfter Gap = iota
	// Skip leaves the run out.
	Skip
)

// String is the rule's name.
func (g Gap) String() string { return name("Gap", int(g), "RunAfter", "Skip") }

// A Fold says what becomes of a time of day that a clock, when it is set back,
// shows a second time. It concerns fixed hours only.
type Fold uint8

// The rules for a fold.
const (
	// Once runs at the first of the two. It is the default.
	Once Fold = iota
	// Twice runs at both.
	Twice
)

// String is the rule's name.
func (f Fold) String() string { return name("Fold", int(f), "Once", "Twice") }

// A DayRule says which days are meant when the day of month and the day of week
// are both restricted, that is, neither is *, */1 or ?. If one of them is, the
// other alone decides.
type DayRule uint8

// The rules for two restricted day fields.
const (
	// Either takes a day that one of the fields names: "0 0 13 * FRI" is every
	// 13th and every Friday. It is the default, and the rule of crontab(5).
	// Unlike Vixie's cron it takes */2 for a restriction, as it leaves out days.
	Either DayRule = iota
	// Both takes a day that both fields name: Friday the 13th.
	Both
)

// String is the rule's name.
func (r DayRule) String() string { return name("DayRule", int(r), "Either", "Both") }

func name(kind string, n int, names ...string) string {
	if n < len(names) {
		return names[n]
	}
	return fmt.Sprintf("%s(%d)", kind, n)
}

// Options say what an expression leaves open. The zero Options are the defaults.
type Options struct {
	// Location is the zone of an expression that names none. Nil means
	// time.Local. It also stands for its own name in a CRON_TZ= prefix.
	Location *time.Location

	// Gap is what becomes of a time that is jumped over. Zero is RunAfter.
	Gap Gap

	// Fold is what becomes of a time that comes twice. Zero is Once.
	Fold Fold

	// Days is how the day of month and the day of week go together. Zero is
	// Either.
	Days DayRule
}

// ErrOptions is returned by Parse for a Gap, Fold or DayRule that is none of
// the named ones.
var ErrOptions = errors.New("cron: no such option")

func (o *Options) check() error {
	switch {
	case o.Gap > Skip:
		return fmt.Errorf("%w: %v", ErrOptions, o.Gap)
	case o.Fold > Twice:
		return fmt.Errorf("%w: %v", ErrOptions, o.Fold)
	case o.Days > Both:
		return fmt.Errorf("%w: %v", ErrOptions, o.Days)
	}
	return nil
}

// A Schedule is an expression that has been parsed. It never changes and may be
// used from any goroutine. The zero Schedule is not usable; see [Parse].
type Schedule struct {
	second, minute, hour uint64 // bit n is the value n
	month                uint64
	days                 days
	never                bool // no day is ever right, as February 30

	every time.Duration // of @every; then the fields above are zero

	seconds bool           // six fields were given
	zone    string         // the name to print in front, or ""
	loc     *time.Location // never nil
	gap     Gap
	fold    Fold
}

// Location is the zone whose wall clock it goes by.
func (s *Schedule) Location() *time.Location { return s.loc }

// Every is the duration of an @every expression, and whether it is one. Such a
// schedule has no calendar: it counts from an instant that only its user knows.
func (s *Schedule) Every() (time.Duration, bool) { return s.every, s.every > 0 }

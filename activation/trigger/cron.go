package trigger

import (
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/cron"
)

// A Gap says what becomes of a time of day that the clock, set forward, jumps
// over. It concerns fixed hours only.
type Gap = cron.Gap

// A Fold says what becomes of a time of day that the clock, set back, shows a
// second time. It concerns fixed hours only.
type Fold = cron.Fold

// Days says which days are meant when both the day of the month and the day of
// the week are restricted.
type Days = cron.DayRule

// ErrCronRule is returned by Register for a Gap, Fold or Days that is none of
// the named ones.
var ErrCronRule = cron.ErrOptions

// The rules; the first of each is the default.
const (
	GapRunAfter = cron.RunAfter // at the first instant after the gap
	GapSkip     = cron.Skip     // not at all

	FoldOnce  = cron.Once  // at the first of the two
	FoldTwice = cron.Twice // at both

	DaysEither = cron.Either // as crontab(5) has it
	DaysBoth   = cron.Both   // Friday the 13th
)

// A Crontab is a trigger that goes by a cron expression.
type Crontab struct {
	expr string
	opts cron.Options
}

// Cron makes a task due when a cron expression says so: five fields (minute,
// hour, day of month, month, day of week) or six, with the second in front;
// names, ranges, steps and lists; ? L W and #; 7 for Sunday; @yearly to @hourly
// and @every with a duration; CRON_TZ=Zone or TZ=Zone in front. Without a zone
// it is time.Local, or that of In.
//
// Fixed hours go by the clock on the wall: each of their times is owed once a
// day, and OnGap and OnFold say what that means on the two days of the year on
// which clocks are set. An hour of * goes by the time that passes. See
// docs/daylight-saving.md.
//
// A wrong expression is refused by Register with an error that points at the
// column; a Gap, Fold or Days that is none of the named ones, with ErrCronRule.
// An expression of which no day ever comes, as February 30, makes nothing due.
func Cron(expr string) Crontab { return Crontab{expr: expr} }

// In sets the zone of an expression that names none. Nil is time.Local.
func (c Crontab) In(loc *time.Location) Crontab { c.opts.Location = loc; return c }

// OnGap sets the rule for times that are jumped over. The default is
// GapRunAfter.
func (c Crontab) OnGap(g Gap) Crontab { c.opts.Gap = g; return c }

// OnFold sets the rule for times that come twice. The default is FoldOnce.
func (c Crontab) OnFold(f Fold) Crontab { c.opts.Fold = f; return c }

// OnDays sets how the two day fields go together. The default is DaysEither.
func (c Crontab) OnDays(d Days) Crontab { c.opts.Days = d; return c }

// String is the expression and the rules that are not the default.
func (c Crontab) String() string {
	text := c.expr
	if s, err := c.parse(); err == nil {
		text = s.String()
	}
	parts := []string{text}
	if c.opts.Gap != GapRunAfter {
		parts = append(parts, "gap "+c.opts.Gap.String())
	}
	if c.opts.Fold != FoldOnce {
		parts = append(parts, "fold "+c.opts.Fold.String())
	}
	if c.opts.Days != DaysEither {
		parts = append(parts, "days "+c.opts.Days.String())
	}
	return "cron(" + strings.Join(parts, ", ") + ")"
}

// Describe says in words when it is due, or what is wrong with the expression.
func (c Crontab) Describe() string {
	s, err := c.parse()
	if err != nil {
		return err.Error()
	}
	return s.Describe()
}

func (c Crontab) parse() (*cron.Schedule, error) { return cron.Parse(c.expr, c.opts) }

// Arm is for Register.
func (c Crontab) Arm(p activation.Port) error {
	s, err := c.parse()
	if err != nil {
		return err
	}
	if d, ok := s.Every(); ok {
		return Every(d).Arm(p)
	}
	p.Schedule(crontab{s})
	return nil
}

// A crontab is a schedule of the wall clock.
type crontab struct{ *cron.Schedule }

// Next is the first run after the last one, or after the registration.
func (c crontab) Next(ph activation.Phase) (time.Time, bool) {
	from := ph.Registered
	if ph.Last.After(from) {
		from = ph.Last
	}
	return c.Schedule.Next(from)
}

package trigger

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// ErrNoCalendar is returned by Register for an exclusion without a calendar.
var ErrNoCalendar = errors.New("trigger: calendar is nil")

// A Calendar says which instants are excluded: holidays, freezes. It is pure:
// the same instant, the same answer. String is its identity.
type Calendar interface {
	Excludes(t time.Time) bool
	String() string
}

// Except drops firings of t that are due at instants which the calendar
// excludes. A nil calendar is refused with ErrNoCalendar.
func Except(t activation.Trigger, c Calendar) activation.Trigger {
	if c == nil {
		return filter(t, "except", nil, false, ErrNoCalendar)
	}
	return filter(t, "except", pass(func(_ activation.Phase, due time.Time) (time.Time, bool) {
		return due, !c.Excludes(due)
	}), true, nil, c)
}

// A Date is a day, wherever it is.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// String is the date as in RFC 3339.
func (d Date) String() string {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

func (d Date) compare(o Date) int {
	return cmp.Or(cmp.Compare(d.Year, o.Year), cmp.Compare(d.Month, o.Month), cmp.Compare(d.Day, o.Day))
}

type dates struct {
	loc  *time.Location
	list []Date
}

// Dates excludes whole days in a zone; a nil zone is time.Local. A date that
// does not exist, such as February 30, is the day that it runs over into.
func Dates(loc *time.Location, list ...Date) Calendar {
	if loc == nil {
		loc = time.Local
	}
	c := dates{loc: loc}
	for _, d := range list {
		t := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
		c.list = append(c.list, Date{t.Year(), t.Month(), t.Day()})
	}
	slices.SortFunc(c.list, Date.compare)
	return c
}

func (c dates) Excludes(t time.Time) bool {
	y, m, d := t.In(c.loc).Date()
	_, found := slices.BinarySearchFunc(c.list, Date{y, m, d}, Date.compare)
	return found
}

func (c dates) String() string {
	texts := make([]string, len(c.list))
	for i, d := range c.list {
		texts[i] = d.String()
	}
	return "dates(" + c.loc.String() + ": " + strings.Join(texts, ", ") + ")"
}

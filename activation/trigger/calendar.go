package trigger

import (
	"errors"
	"fmt"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// Errors of calendar triggers, returned by Register.
var (
	ErrTimeOfDay = errors.New("trigger: not a time of day")
	ErrDay       = errors.New("trigger: no such day")
)

// Daily makes a task due every day at a time of day, written as 15:04 or
// 15:04:05. A wrong one is refused with ErrTimeOfDay.
func Daily(at string) Calendrical { return calendrical(at, "* * *", nil) }

// Weekly makes a task due every week on a day, at a time of day as for Daily. A
// day that is none is refused with ErrDay.
func Weekly(day time.Weekday, at string) Calendrical {
	var err error
	if day < time.Sunday || day > time.Saturday {
		err = fmt.Errorf("%w: weekday %d", ErrDay, day)
	}
	return calendrical(at, fmt.Sprintf("* * %d", day), err)
}

// Monthly makes a task due every month on a day, at a time of day as for Daily.
// A month that has no such day is left out. A day that no month has is refused
// with ErrDay.
func Monthly(day DayOfMonth, at string) Calendrical {
	if day == (DayOfMonth{}) {
		day.wrong = fmt.Errorf("%w: none is named", ErrDay)
	}
	return calendrical(at, day.fields, day.wrong)
}

// A DayOfMonth names a day of the month in the calendar's words; see LastDay,
// Day, Last and Nth. The zero DayOfMonth names none.
type DayOfMonth struct {
	fields string // day of month, month, day of week
	wrong  error
}

// LastDay is the last day of the month.
func LastDay() DayOfMonth { return DayOfMonth{fields: "L * *"} }

// Day is the n-th day of the month, from 1 to 31.
func Day(n int) DayOfMonth {
	return DayOfMonth{fmt.Sprintf("%d * *", n), within(n, 31)}
}

// Last is the last such weekday of the month.
func Last(d time.Weekday) DayOfMonth {
	return DayOfMonth{fmt.Sprintf("* * %dL", d), within(int(d)+1, 7)}
}

// Nth is the n-th such weekday of the month, from 1 to 5.
func Nth(n int, d time.Weekday) DayOfMonth {
	return DayOfMonth{fmt.Sprintf("* * %d#%d", d, n), errors.Join(within(n, 5), within(int(d)+1, 7))}
}

func within(n, most int) error {
	if n < 1 || n > most {
		return fmt.Errorf("%w: %d of %d", ErrDay, n, most)
	}
	return nil
}

// A Calendrical is a Crontab in the calendar's words: its zone, and what becomes
// of a time that is jumped over or comes twice, are set and default as there.
type Calendrical struct {
	Crontab
	wrong error
}

func calendrical(at, days string, wrong error) Calendrical {
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, at); err == nil && t.Nanosecond() == 0 {
			return Calendrical{Cron(fmt.Sprintf("%d %d %d %s", t.Second(), t.Minute(), t.Hour(), days)), wrong}
		}
	}
	return Calendrical{Cron(at + " " + days), errors.Join(wrong, fmt.Errorf("%w: %q", ErrTimeOfDay, at))}
}

// Describe says in words when it is due, or what is wrong with it.
func (c Calendrical) Describe() string {
	if c.wrong != nil {
		return c.wrong.Error()
	}
	return c.Crontab.Describe()
}

// Arm is for Register.
func (c Calendrical) Arm(p activation.Port) error {
	if c.wrong != nil {
		return c.wrong
	}
	return c.Crontab.Arm(p)
}

// In sets the zone. Nil is time.Local.
func (c Calendrical) In(loc *time.Location) Calendrical { c.Crontab = c.Crontab.In(loc); return c }

// OnGap sets the rule for a time that is jumped over; see Crontab.OnGap.
func (c Calendrical) OnGap(g Gap) Calendrical { c.Crontab = c.Crontab.OnGap(g); return c }

// OnFold sets the rule for a time that comes twice; see Crontab.OnFold.
func (c Calendrical) OnFold(f Fold) Calendrical { c.Crontab = c.Crontab.OnFold(f); return c }

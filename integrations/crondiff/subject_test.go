package crondiff_test

import (
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
)

// compile is our cron: it arms a trigger.Cron and returns the Next of the
// schedule that this records, which is what an App asks.
func compile(expr string, loc *time.Location) (func(from time.Time) (time.Time, bool), error) {
	var s activation.Schedule
	if err := trigger.Cron(expr).In(loc).Arm(port{schedule: &s}); err != nil {
		return nil, err
	}
	return func(from time.Time) (time.Time, bool) { return s.Next(activation.Phase{Registered: from}) }, nil
}

// A port takes a schedule.
type port struct {
	activation.Port
	schedule *activation.Schedule
}

func (p port) Schedule(s activation.Schedule) { *p.schedule = s }

// ours is compile as a function to compare.
func ours(expr string, loc *time.Location, from time.Time) (time.Time, bool) {
	next, err := compile(expr, loc)
	if err != nil {
		panic(err)
	}
	return next(from)
}

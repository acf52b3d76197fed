package crondiff_test

import "time"

// compile is our cron, to be pointed at trigger.Cron: it parses an expression
// and returns its Next. While it is nil the comparison is skipped.
var compile func(expr string, loc *time.Location) (func(from time.Time) (time.Time, bool), error)

// ours is compile as a function to compare.
func ours(expr string, loc *time.Location, from time.Time) (time.Time, bool) {
	next, err := compile(expr, loc)
	if err != nil {
		panic(err)
	}
	return next(from)
}

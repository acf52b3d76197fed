package engine_test

import (
	"fmt"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
)

// epoch is when every test begins.
var epoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// A cond is a condition that is only a name: the tests report for it.
type cond string

func (c cond) Arm(func(bool), activation.Port) error { return nil }
func (c cond) String() string                        { return string(c) }

// every is due each multiple of an interval after the registration.
type every time.Duration

func (d every) Next(ph activation.Phase) (time.Time, bool) {
	if ph.Last.IsZero() {
		return ph.Registered.Add(time.Duration(d)), true
	}
	return ph.Last.Add(time.Duration(d)), true
}

// everyLeaping is every with a way to skip the past quickly.
type everyLeaping struct{ every }

func (l everyLeaping) Missed(ph activation.Phase, now time.Time) (n uint64, last time.Time) {
	last = ph.Last
	if ph.Last.IsZero() {
		last = ph.Registered
	}
	if d := time.Duration(l.every); now.Sub(last) >= d {
		n = uint64(now.Sub(last) / d)
		last = last.Add(time.Duration(n) * d)
	}
	return n, last
}

// counting is every by elapsed time: a clock that is set back takes it along.
type counting struct{ every }

func (counting) CountsElapsed() bool { return true }

// following is due an interval after each completion, and after the
// registration.
type following time.Duration

func (d following) FollowsCompletion() bool { return true }
func (d following) CountsElapsed() bool     { return true }

func (d following) Next(ph activation.Phase) (time.Time, bool) {
	from := ph.Registered
	if ph.Completed.After(from) {
		from = ph.Completed
	}
	return from.Add(time.Duration(d)), true
}

// instants are due times counted from the registration, and then no more.
type instants []time.Duration

func (l instants) Next(ph activation.Phase) (time.Time, bool) {
	if ph.N >= uint64(len(l)) {
		return time.Time{}, false
	}
	return ph.Registered.Add(l[ph.N]), true
}

// broken schedules are every, but break the contract after some due times.
type broken struct {
	every
	after uint64
	how   string
}

func (b broken) Next(ph activation.Phase) (time.Time, bool) {
	if ph.N < b.after {
		return b.every.Next(ph)
	}
	switch b.how {
	case "panics":
		panic("the schedule has a bug")
	case "repeats":
		return ph.Last, true
	case "backward":
		return ph.Last.Add(-time.Second), true
	case "crowds":
		return ph.Last.Add(1), true
	}
	panic("no such way to break: " + b.how)
}

// A lyingLeaper answers Missed as it likes.
type lyingLeaper struct {
	every
	n    uint64
	last func(ph activation.Phase, now time.Time) time.Time
}

func (l lyingLeaper) Missed(ph activation.Phase, now time.Time) (uint64, time.Time) {
	return l.n, l.last(ph, now)
}

// A filter is a function asked about a firing.
type filter func(ph activation.Phase, due time.Time) (time.Time, bool)

func (f filter) Pass(ph activation.Phase, due time.Time) (time.Time, bool) { return f(ph, due) }

// delay puts every start off.
func delay(d time.Duration) activation.Filter {
	return filter(func(_ activation.Phase, due time.Time) (time.Time, bool) { return due.Add(d), true })
}

// A debounce is a delay that begins anew with each firing.
type debounce struct{ activation.Filter }

func (debounce) Postpones() bool { return true }

// atMost lets n firings through.
func atMost(n uint64) activation.Filter {
	return filter(func(ph activation.Phase, due time.Time) (time.Time, bool) { return due, ph.N < n })
}

// apart lets no firing through that is due sooner than that after another.
func apart(d time.Duration) activation.Filter {
	return filter(func(ph activation.Phase, due time.Time) (time.Time, bool) {
		return due, ph.Last.IsZero() || due.Sub(ph.Last) >= d
	})
}

// panicking breaks the contract.
func panicking() activation.Filter {
	return filter(func(activation.Phase, time.Time) (time.Time, bool) { panic("the filter has a bug") })
}

// owned are details that own something.
type owned string

func (o owned) Drop() { panic(fmt.Sprintf("the engine ran user code: Drop of %s", string(o))) }

// conditions makes a Spec's part of conditions: names, and which are polled.
func conditions(s *engine.Spec, names []string, polled bool) {
	for _, name := range names {
		s.Reg.Conditions = append(s.Reg.Conditions, cond(name))
		s.Conditions = append(s.Conditions, name)
		s.Holds = append(s.Holds, false)
		s.Polled = append(s.Polled, polled)
	}
}

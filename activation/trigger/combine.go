package trigger

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
)

type anyOf []activation.Trigger

// Any makes a task due when any of several triggers does. Each keeps its own
// limits, delays and windows. Two that are due at one instant are two firings.
// A one-shot among them, such as At, makes the whole one: the first firing that
// is accepted, of whichever, is the last. None at all is refused with
// ErrNoTrigger, as is a nil one.
func Any(triggers ...activation.Trigger) activation.Trigger { return anyOf(triggers) }

func (a anyOf) String() string {
	texts := make([]string, len(a))
	for i, t := range a {
		texts[i] = fmt.Sprint(t)
	}
	return "any(" + strings.Join(texts, ", ") + ")"
}

func (a anyOf) Arm(p activation.Port) error {
	if len(a) == 0 {
		return ErrNoTrigger
	}
	for _, t := range a {
		if t == nil {
			return ErrNoTrigger
		}
		if err := t.Arm(p.Branch()); err != nil {
			return err
		}
	}
	return nil
}

// filtered is a trigger whose firings are judged.
type filtered struct {
	activation.Trigger
	text   string
	filter activation.Filter
	wrong  error
}

func (f filtered) String() string { return f.text }

func (f filtered) Arm(p activation.Port) error {
	switch {
	case f.Trigger == nil:
		return ErrNoTrigger
	case f.wrong != nil:
		return f.wrong
	}
	b := p.Branch()
	b.Filter(f.filter)
	return f.Trigger.Arm(b)
}

// filter makes the trigger; what is wrong with it is said by Arm.
func filter(t activation.Trigger, name string, f activation.Filter, ok bool, wrong error, args ...any) activation.Trigger {
	text := fmt.Sprintf("%s(%v", name, t)
	for _, a := range args {
		text += fmt.Sprintf(", %v", a)
	}
	r := filtered{Trigger: t, text: text + ")", filter: f}
	if !ok {
		r.wrong = fmt.Errorf("%w: %s", wrong, r.text)
	}
	return r
}

// A pass is a Filter as a function.
type pass func(ph activation.Phase, due time.Time) (time.Time, bool)

// Pass calls f.
func (f pass) Pass(ph activation.Phase, due time.Time) (time.Time, bool) { return f(ph, due) }

// Limit lets n firings of t through, those that become part of an activation
// included. The registration stays; see OneShot. An n
// that is not positive is refused with ErrInterval.
func Limit(t activation.Trigger, n int) activation.Trigger {
	return filter(t, "limit", atMost(n), n > 0, ErrInterval, n)
}

type atMost int

// Pass lets the first n through.
func (n atMost) Pass(ph activation.Phase, due time.Time) (time.Time, bool) {
	return due, !n.ended(ph, due)
}

func (n atMost) ended(ph activation.Phase, _ time.Time) bool { return ph.N >= uint64(n) }

// An ender is a Filter that can come to an end: it lets nothing through anymore
// that is due at that instant or later.
type ender interface {
	ended(ph activation.Phase, due time.Time) bool
}

// Between lets firings of t through that are due from one instant on and before
// another. A zero time is no bound.
func Between(t activation.Trigger, from, to time.Time) activation.Trigger {
	return filter(t, "between", between{from, to}, true, nil, edge(from), edge(to))
}

type between struct{ from, to time.Time }

// Pass lets through what lies between.
func (b between) Pass(ph activation.Phase, due time.Time) (time.Time, bool) {
	return due, (b.from.IsZero() || !due.Before(b.from)) && !b.ended(ph, due)
}

func (b between) ended(_ activation.Phase, due time.Time) bool {
	return !b.to.IsZero() && !due.Before(b.to)
}

func edge(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339Nano)
}

// Throttle drops firings of t that are due less than d after the last that was
// let through. When the clock is set back, so is that one. A d that is not
// positive is refused with ErrInterval.
func Throttle(t activation.Trigger, d time.Duration) activation.Trigger {
	return filter(t, "throttle", pass(func(ph activation.Phase, due time.Time) (time.Time, bool) {
		return due, ph.Last.IsZero() || due.Sub(ph.Last) >= d
	}), d > 0, ErrInterval, d)
}

// Debounce puts the start off until d has passed without another firing of t.
// That is for a task whose Keep is Newest, as it is by default: those that come
// meanwhile become part of the activation that waits. With Oldest they do so
// too, but its start stays where it was; with Every each is an activation that
// is put off by itself. A d that is not positive is refused with ErrInterval.
func Debounce(t activation.Trigger, d time.Duration) activation.Trigger {
	return filter(t, "debounce", debounce{putOff(d)}, d > 0, ErrInterval, d)
}

type debounce struct{ activation.Filter }

// Postpones says that each further firing starts the delay anew.
func (debounce) Postpones() bool { return true }

// Offset puts the start off by d. A further firing that comes before that start
// meets what the task's Keep says: by default it becomes part of the activation
// that waits, and the earlier start stands. So with a d above the interval of t
// some starts are one. A negative d is refused with ErrDelay.
func Offset(t activation.Trigger, d time.Duration) activation.Trigger {
	return filter(t, "offset", putOff(d), d >= 0, ErrDelay, d)
}

func putOff(d time.Duration) activation.Filter {
	return pass(func(_ activation.Phase, due time.Time) (time.Time, bool) { return due.Add(d), true })
}

// Jitter puts the start off by up to d, so that tasks that are due together do
// not start together. By how much is a hash of the task's name and of the
// number of the firing: the same in every run. As for Offset, a d above the
// interval of t makes some starts one. A d that is not positive is refused with
// ErrInterval.
func Jitter(t activation.Trigger, d time.Duration) activation.Trigger {
	return filter(t, "jitter", pass(func(ph activation.Phase, due time.Time) (time.Time, bool) {
		return due.Add(time.Duration(spread(ph.Name, ph.N) % uint64(d))), true
	}), d > 0, ErrInterval, d)
}

// spread is a number that looks random.
func spread(name string, n uint64) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s/%d", name, n)
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}

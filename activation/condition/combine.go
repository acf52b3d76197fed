package condition

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// ErrNoCondition is returned by Register for a combinator without a condition.
var ErrNoCondition = errors.New("condition: condition is nil")

// A combined condition is judged from what its parts have reported.
type combined struct {
	name  string
	parts []activation.Condition
	// judge gets what each part reported: holds, and whether it has at all. It
	// says whether the whole holds, and whether that is known.
	judge func([]news) (holds, known bool)
}

// news is what a part has reported.
type news struct{ holds, known bool }

// Not holds when c has reported that it does not. Without a condition it is
// refused with ErrNoCondition, as are the other combinators with a nil one.
func Not(c activation.Condition) activation.Condition {
	return &combined{"not", []activation.Condition{c}, func(n []news) (bool, bool) { return !n[0].holds, n[0].known }}
}

// All holds when every one of the conditions does. No conditions hold.
func All(conditions ...activation.Condition) activation.Condition {
	return &combined{"all", conditions, func(list []news) (bool, bool) {
		for _, n := range list {
			if !n.known || !n.holds {
				return false, true
			}
		}
		return true, true
	}}
}

// Any holds when one of the conditions does. No conditions do not hold.
func Any(conditions ...activation.Condition) activation.Condition {
	return &combined{"any", conditions, func(list []news) (bool, bool) {
		for _, n := range list {
			if n.known && n.holds {
				return true, true
			}
		}
		return false, true
	}}
}

func (c *combined) String() string {
	texts := make([]string, len(c.parts))
	for i, p := range c.parts {
		texts[i] = fmt.Sprint(p)
	}
	return c.name + "(" + strings.Join(texts, ", ") + ")"
}

func (c *combined) Arm(tell func(bool), p activation.Port) error {
	j := &jury{combined: c, tell: tell, list: make([]news, len(c.parts))}
	for i, part := range c.parts {
		if part == nil {
			return fmt.Errorf("%w: %v", ErrNoCondition, c)
		}
		if err := part.Arm(func(holds bool) { j.hear(i, news{holds, true}) }, &partPort{p, j, i}); err != nil {
			return err
		}
	}
	j.hear(-1, news{})
	return nil
}

// A jury combines the reports for one registration.
type jury struct {
	*combined
	tell func(bool)

	mu   sync.Mutex // guards the following, and keeps reports in order
	list []news
}

// hear takes the news of one part, or of none, and reports on the whole.
func (j *jury) hear(part int, n news) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if part >= 0 {
		j.list[part] = n
	}
	if holds, known := j.judge(j.list); known {
		j.tell(holds)
	}
}

// A partPort is the port for one part: what that has reported is forgotten when
// it comes to matter anew.
type partPort struct {
	activation.Port
	jury *jury
	part int
}

// Wanted implements activation.Port.
func (p *partPort) Wanted(f func(bool)) {
	p.Port.Wanted(func(on bool) {
		if on {
			p.jury.hear(p.part, news{})
		}
		f(on)
	})
}

type heldFor struct {
	activation.Condition
	d time.Duration
}

// HeldFor holds when c has held for d without a break. Of a condition that is
// asked only while it matters, such as Func, nothing is known before: its d
// begins when it says yes for the first time since an activation waits. A d that
// is not positive is refused with ErrInterval.
func HeldFor(c activation.Condition, d time.Duration) activation.Condition { return &heldFor{c, d} }

func (c *heldFor) String() string { return fmt.Sprintf("held-for(%v, %v)", c.Condition, c.d) }

func (c *heldFor) Arm(tell func(bool), p activation.Port) error {
	switch {
	case c.Condition == nil:
		return fmt.Errorf("%w: %v", ErrNoCondition, c)
	case c.d <= 0:
		return fmt.Errorf("%w: %v", ErrInterval, c.d)
	}
	w := &wait{heldFor: c, tell: tell, port: p}
	p.OnArm(w.bind)
	p.OnDisarm(w.close)
	return c.Condition.Arm(w.hear, &heldPort{p, w})
}

// A wait waits for a condition to have held for long enough.
type wait struct {
	*heldFor
	tell func(bool)
	port activation.Port

	mu    sync.Mutex // guards the following, and keeps reports in order
	bound bool       // there are timers to be had
	known bool       // it has reported since it matters
	holds bool       // what it reported
	round int        // of its holding
	stop  func() bool
}

// bind starts the time of a condition that held from the start.
func (w *wait) bind() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bound = true
	if w.holds {
		w.start()
	}
}

// close ends the waiting.
func (w *wait) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bound = false
	w.forget()
}

// forget takes back what was reported.
func (w *wait) forget() {
	w.known, w.holds = false, false
	w.round++
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
}

// hear takes a report, and reports in turn: that it holds by itself is no news
// before d has passed.
func (w *wait) hear(holds bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known && holds == w.holds {
		return
	}
	w.forget()
	w.known, w.holds = true, holds
	w.tell(false)
	if holds && w.bound {
		w.start()
	}
}

func (w *wait) start() {
	round := w.round
	w.stop = w.port.After(w.d, func() { w.ripe(round) })
}

func (w *wait) ripe(round int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.round == round {
		w.tell(true)
	}
}

// A heldPort is the port of the condition: when that comes to matter anew, what
// it has reported is forgotten.
type heldPort struct {
	activation.Port
	wait *wait
}

// Wanted implements activation.Port.
func (p *heldPort) Wanted(f func(bool)) {
	p.Port.Wanted(func(on bool) {
		p.wait.mu.Lock()
		p.wait.forget()
		p.wait.mu.Unlock()
		f(on)
	})
}

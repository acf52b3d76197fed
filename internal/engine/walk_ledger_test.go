package engine_test

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// A ledger counts what is accepted and what becomes of it, by the effects
// alone.
type ledger struct {
	owned   map[owned]int  // how often each was dropped, or handed to a handler
	had     map[uint64]any // by activation: what a handler had of it
	started map[uint64]int // by instance: 1, then 0 when it has ended
	settled map[uint64]int // by activation
	fired   map[uint64]bool
	sums    map[*engine.Task]*tally
	live    map[*engine.Instance][]string // that hold a slot: the caps they are under
	caps    map[string]int
	drained int
	wrong   error
}

// A tally is what was told of a task.
type tally struct{ fired, merged, started, ended, snoozed uint64 }

func newLedger(caps map[string]int) ledger {
	return ledger{
		owned: map[owned]int{}, had: map[uint64]any{}, started: map[uint64]int{}, settled: map[uint64]int{},
		fired: map[uint64]bool{}, sums: map[*engine.Task]*tally{}, live: map[*engine.Instance][]string{}, caps: caps,
	}
}

func (l *ledger) of(t *engine.Task) *tally {
	if l.sums[t] == nil {
		l.sums[t] = new(tally)
	}
	return l.sums[t]
}

func (l *ledger) fail(format string, args ...any) {
	if l.wrong == nil {
		l.wrong = fmt.Errorf(format, args...)
	}
}

func (l *ledger) enter(e *engine.Engine, f engine.Effect) {
	late := f.Do == engine.Want && f.Task.Gone() // which nobody hears
	if l.drained > 0 && !late && f.Do != engine.Emit && f.Do != engine.Drop && f.Do != engine.Wake && f.Do != engine.Retired {
		l.fail("effect %d after the drain was over", f.Do)
	}
	switch f.Do {
	case engine.Start:
		l.start(e, f)
	case engine.Settle:
		if l.settled[f.Act.ID]++; l.settled[f.Act.ID] > 1 {
			l.fail("activation %d has been settled twice", f.Act.ID)
		}
	case engine.Drop:
		l.spend(f.Details)
	case engine.Drained:
		l.drained++
	case engine.Abandon:
		if f.Inst.Task.Reg.OnAbandon == tasks.FreeSlot {
			delete(l.live, f.Inst)
		}
	case engine.Emit:
		l.told(*e.Event(&f))
		if f.Task != nil {
			l.of(f.Task).add(*e.Event(&f))
		}
	default:
	}
}

func (l *ledger) start(e *engine.Engine, f engine.Effect) {
	state := f.Inst.Life.State() // it may have been replaced or abandoned at once
	if f.Task.Gone() || state != tasks.StateQueued && state != tasks.StateCanceling && state != tasks.StateAbandoned {
		l.fail("instance %d was started: gone is %v, it is %v", f.Inst.ID, f.Task.Gone(), state)
	}
	if !e.Running() && l.drained == 0 {
		l.fail("instance %d was started while it drains", f.Inst.ID)
	}
	if l.settled[f.Act.ID] > 0 {
		l.fail("instance %d was started for activation %d, which is settled", f.Inst.ID, f.Act.ID)
	}
	l.room(f.Inst)
	l.started[f.Act.ID]++
	if had, ok := l.had[f.Act.ID]; ok && had != f.Act.Details {
		l.fail("activation %d had %v, and has %v now", f.Act.ID, had, f.Act.Details)
	}
}

// room takes a slot for an instance, and room under the caps of its task.
func (l *ledger) room(i *engine.Instance) {
	slots, under := 1, map[string]int{}
	caps := []string{"app", "group " + i.Task.Key.Group, "key " + i.Task.Reg.Key}
	for other, its := range l.live {
		for _, c := range its {
			under[c]++
		}
		if other.Task == i.Task {
			slots++
		}
	}
	for _, c := range caps {
		if n := l.caps[c]; n > 0 && under[c] >= n {
			l.fail("instance %d was started, and %d of %d are active under the cap %s", i.ID, under[c], n, c)
		}
	}
	if slots > i.Task.Reg.Overlap.Slots() {
		l.fail("instance %d was started, and is one of %d of its task, which has %v", i.ID, slots, i.Task.Reg.Overlap)
	}
	l.live[i] = caps
}

func (s *tally) add(v event.Event) {
	var snooze *tasks.SnoozeError
	switch v.Kind {
	case event.Fired:
		s.fired++
	case event.Merged:
		s.merged++
	case event.Started:
		s.started++
	case event.Ended:
		s.ended++
		if v.Reason == 0 && errors.As(v.Err, &snooze) {
			s.snoozed++
		}
	default:
	}
}

// audit compares where a task stands with what was told of it, and asks whether
// what waits has a reason to.
func (l *ledger) audit(t *engine.Task, x *tasks.Explanation, watched bool) {
	c, s := x.Counts, l.of(t)
	over := c.Succeeded + c.Failed
	for _, n := range c.Canceled {
		over += n
	}
	if watched && (c.Fired != s.fired+s.merged || c.Merged != s.merged || c.Started != s.started || over != s.ended-s.snoozed) {
		l.fail("task %d counts %+v, and was told to have %+v", t.ID, c, *s)
	}
	for _, p := range x.Pending {
		idle := false
		switch p.For {
		case event.ForTime, event.ForRetry:
			idle = !p.Until.After(x.At)
		case event.ForResume:
			idle = !x.Paused
		case event.ForOverlap:
			own := slices.ContainsFunc(x.Active, func(i tasks.ActiveInstance) bool { return i.Activation == p.Activation })
			idle = len(x.Active)+x.Inherited < x.Slots && !own
		case event.ForCondition:
			idle = len(x.Unmet) == 0
		case event.ForCap:
			idle = len(x.FullCaps) == 0
		default:
			idle = true
		}
		if idle {
			l.fail("activation %d waits for %v, and need not: %v", p.Activation, p.For, x)
		}
	}
}

// hand notes that a handler has the details of an activation, once for all
// attempts.
func (l *ledger) hand(a *engine.Act) {
	if _, had := l.had[a.ID]; !had {
		l.had[a.ID] = a.Details
		l.spend(a.Details)
	}
}

// spend notes that details went somewhere.
func (l *ledger) spend(details any) {
	if d, ok := details.(owned); ok {
		if l.owned[d]++; l.owned[d] > 1 {
			l.fail("%v went two ways", d)
		}
	}
}

func (l *ledger) told(v event.Event) {
	switch v.Kind {
	case event.Fired:
		if l.fired[v.Activation] {
			l.fail("activation %d was told twice", v.Activation)
		}
		l.fired[v.Activation] = true
	case event.Merged:
		if _, ok := l.started[v.Activation]; ok {
			l.fail("activation %d was merged with after it was tried", v.Activation)
		}
	case event.Ended:
		if l.started[v.Activation]--; l.started[v.Activation] != 0 {
			l.fail("instance %d has ended more often than it started", v.Instance)
		}
	default:
	}
}

// close is asked when the drain is over and everything has come to its end.
func (l *ledger) close() error {
	for d, n := range l.owned {
		if n != 1 {
			l.fail("%v was dropped or handled %d times", d, n)
		}
	}
	for a := range l.fired {
		if l.settled[a] != 1 || l.started[a] != 0 {
			l.fail("activation %d was settled %d times, and has %d instances", a, l.settled[a], l.started[a])
		}
	}
	if l.drained != 1 {
		l.fail("drained was told %d times", l.drained)
	}
	return l.wrong
}

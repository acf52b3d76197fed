package engine_test

import (
	"fmt"

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
	drained int
	wrong   error
}

func newLedger() ledger {
	return ledger{owned: map[owned]int{}, had: map[uint64]any{}, started: map[uint64]int{}, settled: map[uint64]int{}, fired: map[uint64]bool{}}
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
	case engine.Emit:
		l.told(e.Event(f))
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
	l.started[f.Act.ID]++
	if had, ok := l.had[f.Act.ID]; ok && had != f.Act.Details {
		l.fail("activation %d had %v, and has %v now", f.Act.ID, had, f.Act.Details)
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

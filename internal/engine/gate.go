package engine

import (
	"github.com/bgloop/bgloop/event"
)

// gate is what keeps the task from starting anything now. The gates are asked
// in this order, and again at every change: stopping, paused, overlap,
// conditions.
func (e *Engine) gate(t *Task) event.Waits {
	switch {
	case t.paused:
		return event.ForResume
	case len(t.active)+t.inherited >= t.slots:
		return event.ForOverlap
	case t.unmet > 0:
		return event.ForCondition
	}
	return event.ForNothing
}

// open reports whether a firing could start at once.
func (e *Engine) open(t *Task) bool {
	return t.pending.len() == 0 && e.gate(t) == event.ForNothing
}

// advance starts what may start, in the order of acceptance, and says of the
// rest what it waits for. It is called at every change that could matter.
func (e *Engine) advance(t *Task) {
	for i := 0; !e.draining && !t.gone && i < t.pending.len() && e.gate(t) == event.ForNothing; {
		if t.pending.items()[i].notYet.index != 0 {
			i++
			continue
		}
		e.start(t.pending.take(i))
	}
	e.sayWhy(t)
	e.sayWanted(t)
	e.grant(t)
}

// ripe: the instant has come until which a's start was put off.
func (e *Engine) ripe(a *Act) {
	a.Task.waits = event.ForTime // so that every entry is looked at
	e.advance(a.Task)
}

// sayWhy notes what the pending entries wait for. A walk is needed only when
// the task's gate has changed, or for the entry that came last.
func (e *Engine) sayWhy(t *Task) {
	why := e.gate(t)
	items := t.pending.items()
	if why == t.waits && len(items) > 0 {
		items = items[len(items)-1:]
	}
	t.waits = why
	for _, a := range items {
		w := why
		if a.notYet.index != 0 {
			w = event.ForTime
		}
		if w != a.waits {
			a.waits = w
			e.tell(t, event.Event{Kind: event.Waiting, Activation: a.ID, Waits: w, Due: a.Due})
		}
	}
}

package engine

import (
	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/mutant"
	"github.com/bgloop/bgloop/tasks"
)

// gate is what keeps the task from starting anything now. The gates are asked
// in this order, and again at every change: stopping, paused, overlap,
// conditions, caps.
func (e *Engine) gate(t *Task) event.Waits {
	if w := e.gateBeforeCaps(t); w != event.ForNothing {
		return w
	}
	if t.fullLimit() != nil {
		return event.ForCap
	}
	return event.ForNothing
}

func (e *Engine) gateBeforeCaps(t *Task) event.Waits {
	switch {
	case e.stalled && t.durable:
		return event.ForStore
	case e.isPaused(t):
		return event.ForResume
	case t.busy() >= t.slots:
		return event.ForOverlap
	case t.unmet > 0:
		return event.ForCondition
	}
	return event.ForNothing
}

// busy is how many slots are taken.
func (t *Task) busy() int { return len(t.active) + t.inherited }

func (e *Engine) isPaused(t *Task) bool {
	return t.paused || e.paused || len(e.pausedGroups) > 0 && e.pausedGroups[t.Key.Group]
}

// open reports whether a firing could start at once.
func (e *Engine) open(t *Task) bool {
	return t.pending.fresh() == 0 && e.gate(t) == event.ForNothing
}

// atOnce reports whether what is accepted now may start without a place in the
// pending list, where nobody would see it.
func (e *Engine) atOnce(t *Task) bool {
	return t.pending.len() == 0 && len(t.reserving) == 0 && !t.polled && e.gate(t) == event.ForNothing
}

// advance starts what may start, in the order of acceptance, and says of the
// rest what it waits for. It is called at every change that could matter.
func (e *Engine) advance(t *Task) {
	if t.state == nil {
		return
	}
	if !mutant.On(mutant.CapBlind) || t.unmet == 0 {
		t.unline()
	}
	if t.pending.len() == 0 && len(t.reserving) == 0 && !t.polled {
		return // as mostly
	}
	if !e.draining && !t.gone {
		for i := t.pending.ripe(); i >= 0 && e.gate(t) == event.ForNothing; i = t.pending.ripe() {
			e.start(t.pending.take(i))
		}
		e.queueUp(t)
	}
	e.sayWhy(t)
	e.sayWanted(t)
	e.grant(t)
}

// queueUp does what lets the first entry start later: it gets in line for a
// cap, or makes room by canceling what it replaces.
func (e *Engine) queueUp(t *Task) {
	i := t.pending.ripe()
	if i < 0 {
		return
	}
	why := e.gate(t)
	if why == event.ForCap {
		t.line(t.fullLimit(), t.pending.items()[i])
	}
	if why == event.ForOverlap && t.Reg.Overlap == tasks.Replace && t.unmet == 0 && t.pending.ripeAndFresh() {
		e.cancelAll(t, activation.Abort)
	}
}

func (e *Engine) cancelAll(t *Task, r activation.Reason) (n int) {
	if t.state == nil {
		return 0
	}
	for _, i := range inOrder(t.active) {
		if e.cancel(i, r) {
			n++
		}
	}
	return n
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
	if t.inLine != nil {
		why = event.ForCap
	}
	items := t.pending.items()
	if why == t.waits && len(items) > 0 {
		items = items[len(items)-1:]
	}
	t.waits = why
	for _, a := range items {
		w := why
		switch {
		case a.notYet.index != 0 && a.retrying:
			w = event.ForRetry
		case a.notYet.index != 0:
			w = event.ForTime
		case (w == event.ForNothing || w == event.ForCap) && a.lingers():
			w = event.ForOverlap
		}
		if w != a.waits {
			a.waits = w
			e.tell(t, event.Event{Kind: event.Waiting, Activation: a.ID, Waits: w, Due: a.Due})
		}
	}
}

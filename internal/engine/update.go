package engine

import (
	"time"

	"github.com/bgloop/bgloop/event"
)

// update puts a new registration in the place of a task's, which stays the same
// task: ID, counters, pending entries and what runs are kept. If the trigger's
// text is the same, so is the phase; otherwise that begins anew. The host has
// seen to it that the new one is acceptable, and ends the old sources.
func (e *Engine) update(t *Task, s *Spec) {
	if t.gone || e.draining {
		return
	}
	same := t.spec.Trigger == s.Trigger
	t.unline() // by the priority it has there
	e.leave(t)
	e.disarmSources(t)
	e.dropTimers(t)
	n, old, oldScopes := e.newTask(t.ID, s), t.sources, t.scopes
	t.Reg, t.spec, t.scopes, t.keep, t.slots, t.limits = n.Reg, n.spec, n.scopes, n.keep, n.slots, n.limits
	t.limit, t.grace, t.conds, t.unmet, t.polled = n.limit, n.grace, n.conds, n.unmet, n.polled
	t.wanted = false // the new conditions have been told nothing
	t.sources = n.sources
	for i := range t.sources {
		t.sources[i].node.task = t
	}
	e.enter(t)
	if !same {
		t.spent = false
		t.epoch++
		t.phase = n.phase
	} else if len(oldScopes) == len(t.scopes) {
		for i := range t.scopes {
			t.scopes[i].phase = oldScopes[i].phase
		}
	}
	e.rearm(t, old, same)
	e.advance(t)
}

// rearm arms the new sources where the old ones stood.
func (e *Engine) rearm(t *Task, old []source, same bool) {
	switch {
	case !e.running || t.spent:
	case !same || len(old) != len(t.sources):
		e.arm(t)
	default:
		for i := range t.sources {
			s := &t.sources[i]
			s.phase = old[i].phase
			if !s.follows || !t.underway() { // else the completion arms it
				e.armNext(t, s, time.Time{})
			}
		}
		e.runDue()
	}
}

// changed tells that a registration was changed.
func (e *Engine) changed(t *Task, what string) {
	if t.gone || e.draining {
		return
	}
	e.tell(t, event.Event{Kind: event.Changed, N: t.ID, Detail: what})
}

// Claimed is the task that an exclusive object serves, nil if none.
func (e *Engine) Claimed(key any) *Task { return e.claims[key] }

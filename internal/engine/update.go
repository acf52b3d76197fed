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
	same := t.Trigger == s.Trigger
	goesOn := same && len(t.Schedules) == len(s.Schedules)
	if s.Reg.Volatile {
		e.eraseTask(t)
	}
	e.leave(t)
	e.disarmSources(t)
	e.dropTimers(t)
	if t.state != nil {
		t.unline() // by the priority it has there
	}
	e.exchange(t, s, goesOn)
	e.enter(t)
	if !same {
		t.spent = false
		if t.state != nil {
			t.epoch++
		}
	}
	e.saveAll(t)
	e.rearm(t, goesOn)
	e.advance(t)
}

// exchange puts a task on other terms. Its phases go on or begin anew.
func (e *Engine) exchange(t *Task, s *Spec, goesOn bool) {
	registered := t.registered
	var was state
	if t.state != nil {
		was = *t.state
	}
	e.adopt(t, s)
	if !goesOn {
		return
	}
	t.registered = registered
	if t.state == nil {
		return
	}
	t.phases = was.phases
	if len(was.scopes) == len(t.scopes) {
		for i := range t.scopes {
			t.scopes[i].phase = was.scopes[i].phase
		}
	}
}

// rearm arms the new sources where the old ones stood.
func (e *Engine) rearm(t *Task, goesOn bool) {
	switch {
	case !e.running || t.spent:
	case !goesOn:
		e.arm(t)
	default:
		for n, s := range t.Schedules {
			if !follows(s.Source) || !t.underway() { // else the completion arms it
				e.armNext(t, n, time.Time{})
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

package engine

import (
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/mutant"
)

// A condition of a task, as last reported.
type condition struct {
	holds   bool
	polled  bool // it asked to be told when it matters
	unheard bool // it has not reported since it began to matter
}

// report takes a condition's news.
func (e *Engine) report(t *Task, index int, holds bool) {
	c := &t.conds[index]
	if t.quiet || c.polled && !t.wanted {
		return
	}
	c.unheard = false
	if c.holds == holds {
		return
	}
	e.set(t, index, holds)
	if !holds && !t.Reg.KeepOnConditionLoss {
		e.cancelAll(t, activation.ConditionLoss)
	}
	if mutant.On(mutant.LostLatch) && holds && t.firedAt(e.now) {
		return
	}
	e.advance(t)
}

// firedAt reports whether a firing of that instant is pending.
func (t *Task) firedAt(at time.Time) bool {
	a := t.pending.mergeable()
	return a != nil && a.since.Equal(at)
}

func (e *Engine) set(t *Task, index int, holds bool) {
	t.conds[index].holds = holds
	v := event.Event{Kind: event.ConditionChanged, Detail: t.Conditions[index]}
	if holds {
		t.unmet--
		v.N = 1
	} else {
		t.unmet++
	}
	e.tell(t, v)
}

// sayWanted tells the conditions that asked whether they matter: something of
// the task's waits or runs. What they reported before no longer counts then.
func (e *Engine) sayWanted(t *Task) {
	if t.state == nil {
		return
	}
	want := !t.gone && !e.draining && (t.pending.len() > 0 || len(t.active) > 0)
	if !t.polled || want == t.wanted {
		return
	}
	t.wanted = want
	for i, c := range t.conds {
		if !c.polled {
			continue
		}
		t.conds[i].unheard = true
		if c.holds && !want {
			t.conds[i].holds = false
			t.unmet++
		}
		e.do(Effect{Do: Want, Task: t, Index: i, On: want})
	}
}

package engine

import (
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
)

// JumpTopic is raised when the clock has jumped, with the time.Duration it
// jumped by as details.
const JumpTopic = "clock/jump"

// jump: the wall clock moved by more than time has passed, by d; backward if d
// is negative. What waits for time to pass (limits, graces, sleeps, retries)
// waits as long as before. What waits for an instant of the wall clock does
// so: after a jump forward it may be due, and is dealt with as missed. A
// schedule that counts from its registration counts from as much earlier after
// a jump backward, else it would stand still until the old time has come again;
// and so does a firing whose start was put off.
func (e *Engine) jump(d time.Duration) {
	for i := range e.plan.heap {
		switch s := &e.plan.heap[i]; {
		case s.node.elapsed:
			s.at += int64(d)
		case s.node.kind == kindNotYet:
			s.at += int64(min(d, 0))
		}
	}
	e.plan.shift(d)
	for _, t := range e.all {
		e.setBack(t, min(d, 0))
		e.saveAll(t)
		if t.state != nil {
			for _, a := range t.pending.items() {
				a.since = a.since.Add(d)
			}
		}
	}
	e.plan.order()
	for _, i := range e.insts {
		i.Started = i.Started.Add(d)
		if !i.Deadline.IsZero() {
			i.Deadline = i.Deadline.Add(d)
		}
		if !i.canceled.IsZero() {
			i.canceled = i.canceled.Add(d)
		}
	}
	e.tell(nil, event.Event{Kind: event.ClockJumped, Detail: d.String()})
	e.runDue()
	if e.running {
		e.raise(&Input{Topic: JumpTopic, Details: d})
	}
}

// setBack moves the phases of a task's schedules that count elapsed time, and
// what its filters go by, lest those that measure the time since the last firing
// hold everything back until the old time has come again.
func (e *Engine) setBack(t *Task, d time.Duration) {
	if d == 0 {
		return
	}
	for n := range t.Schedules {
		if c, ok := t.Schedules[n].Source.(activation.Counter); !ok || !c.CountsElapsed() {
			continue
		}
		setBack(e.phaseOf(t, n), d)
		s := t.source(n)
		s.at = s.at.Add(d)
		if s.node.index != 0 {
			e.plan.heap[s.node.index-1].at += int64(d)
		}
	}
	if t.state != nil {
		for i := range t.scopes {
			setBack(&t.scopes[i].phase, d)
		}
	}
}

func setBack(ph *activation.Phase, d time.Duration) {
	for _, at := range []*time.Time{&ph.Registered, &ph.Started, &ph.Last, &ph.Completed} {
		if !at.IsZero() {
			*at = at.Add(d)
		}
	}
}

// order restores the heap after its keys have changed.
func (p *plan) order() {
	for i := len(p.heap)/2 - 1; i >= 0; i-- {
		p.down(i, p.heap[i])
	}
}

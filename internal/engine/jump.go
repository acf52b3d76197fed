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
// a jump backward, else it would stand still until the old time has come again.
func (e *Engine) jump(d time.Duration) {
	for i := range e.plan.heap {
		s := &e.plan.heap[i]
		if s.node.elapsed || d < 0 && e.shift(s.node, d) {
			s.at += int64(d)
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

// shift moves the phase of a schedule that counts elapsed time.
func (e *Engine) shift(n *node, d time.Duration) bool {
	if n.kind != kindSource {
		return false
	}
	s := &n.task.sources[n.n]
	if c, ok := s.schedule.(activation.Counter); !ok || !c.CountsElapsed() {
		return false
	}
	s.at = s.at.Add(d)
	s.phase.Registered = s.phase.Registered.Add(d)
	if !s.phase.Last.IsZero() {
		s.phase.Last = s.phase.Last.Add(d)
	}
	return true
}

// order restores the heap after its keys have changed.
func (p *plan) order() {
	for i := len(p.heap)/2 - 1; i >= 0; i-- {
		p.down(i, p.heap[i])
	}
}

package engine

import (
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
)

// correction is from how much on a clock that is set back was wrong before, so
// that schedules go by the new time. A smaller step may have been the error, and
// no due time is to come twice for it. The bound is that of cron(8) by Paul
// Vixie.
const correction = 3 * time.Hour

// JumpTopic is raised when the clock has jumped, with the time.Duration it
// jumped by as details.
const JumpTopic = "clock/jump"

// jump: the wall clock moved by more than time has passed, by d; backward if d
// is negative. What waits for time to pass (limits, graces, sleeps, retries)
// waits as long as before. What waits for an instant of the wall clock does
// so: after a jump forward it may be due, and is dealt with as missed. A
// schedule that counts from its registration counts from as much earlier after
// a jump backward, else it would stand still until the old time has come again;
// and so does a firing whose start was put off. Schedules that read the wall
// clock stand still after a small one only; see correction.
func (e *Engine) jump(d time.Duration) {
	for i := range e.plan.heap {
		switch s := &e.plan.heap[i]; {
		case s.node.elapsed:
			s.at = after(s.at, d)
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
	if d <= -correction {
		for _, t := range e.byID() {
			e.correct(t)
		}
	}
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
		e.raise(&Input{Topic: JumpTopic, Details: d}, new(Reply))
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
		if !countsElapsed(t.Schedules[n].Source) {
			continue
		}
		setBack(e.phaseOf(t, n), d)
		if s := t.source(n); s.node.index != 0 {
			s.at = s.at.Add(d)
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

func countsElapsed(s activation.Schedule) bool {
	c, ok := s.(activation.Counter)
	return ok && c.CountsElapsed()
}

// correct arms the sources of a task anew that wait for a time which the clock,
// now that it was set back, reaches later than the next due time from now on.
func (e *Engine) correct(t *Task) {
	for n := range t.Schedules {
		s, ph := t.source(n), e.phase(t, n)
		if s.node.index == 0 || countsElapsed(t.Schedules[n].Source) {
			continue
		}
		for _, at := range []*time.Time{&ph.Registered, &ph.Last, &ph.Completed} {
			if at.After(e.now) {
				*at = e.now
			}
		}
		at, ok, err := next(t.Schedules[n].Source, &ph)
		if err != nil || !ok || !at.After(e.now) || !at.Before(s.at) {
			continue
		}
		*e.phaseOf(t, n) = ph
		e.plan.disarm(&s.node)
		s.at = at
		e.plan.arm(&s.node, nanos(at))
	}
}

// order restores the heap after its keys have changed.
func (p *plan) order() {
	for i := len(p.heap)/2 - 1; i >= 0; i-- {
		p.down(i, p.heap[i])
	}
}

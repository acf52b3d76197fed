package sim

import (
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// afterStep looks at what each step may have broken.
func (l *ledger) afterStep(now time.Duration) {
	l.mu.Lock()
	if len(l.check) > 0 {
		l.checkCanceled()
	}
	if now > l.next {
		l.checkLate()
	}
	if len(l.idle) > 0 && l.idle[0].at < now {
		l.checkIdle()
	}
	l.mu.Unlock()
}

// checkIdle: what was abandoned had something left to give up on, unless it was
// over at that very instant.
func (l *ledger) checkIdle() {
	for _, i := range l.idle {
		l.broken(Ends, "instance %d of %s was abandoned at %v, its handler had returned, and no deferral was open", i.inst, i.task, i.at)
	}
	l.idle = l.idle[:0]
}

// checkCanceled: what was canceled in this step has a context that has ended.
func (l *ledger) checkCanceled() {
	for _, id := range l.check {
		if i := l.insts.row(id); i != nil && i.ctx != nil && !i.ended && i.ctx.Err() == nil {
			l.broken(Cancellation, "instance %d of %s was canceled, and its context lives on", id, i.task.key.name)
		}
	}
	l.check = l.check[:0]
}

// checkLate: no instance is older than its limit and its grace, but for what
// faults have kept the App from.
func (l *ledger) checkLate() {
	l.next = never
	for _, id := range l.live {
		i := l.insts.row(id)
		if i.late == never {
			continue
		}
		late := i.late + l.stall() - i.stalled
		if l.now() > late {
			what := "its limit"
			if i.canceled {
				what = "its grace"
			}
			l.broken(Limits, "instance %d of %s goes on %v after %s", id, i.task.key.name, l.now()-late, what)
		}
		l.next = min(l.next, late)
	}
}

// quiet looks at what must have been done before time goes on.
func (l *ledger) quiet() {
	l.mu.Lock()
	if waits := l.waiting[event.ForOverlap]+l.waiting[event.ForCap] > 0; l.suspect || waits {
		l.checkWaiting(waits)
	}
	l.mu.Unlock()
}

// checkWaiting looks at what waits for a condition, or for a slot or a cap.
func (l *ledger) checkWaiting(waits bool) {
	if l.draining || l.world.Frozen() > 0 {
		return
	}
	if l.suspect {
		l.suspect = false
		l.checkLatched()
	}
	if waits {
		l.checkProgress()
	}
}

// checkLatched: nothing waits for conditions that all hold.
func (l *ledger) checkLatched() {
	for _, t := range l.order {
		if t.waiting[event.ForCondition] > 0 && t.holds() {
			l.broken(Latch, "%s is latched, and all its conditions hold", t.key.name)
		}
	}
}

// checkProgress: nothing waits for what nobody holds. What has ended may hold its
// slot for a grace, if deferrals are left of it.
func (l *ledger) checkProgress() {
	for _, t := range l.order {
		free := after(t.vacant+l.stalled, max(0, t.reg.Grace, t.grace))
		if t.waiting[event.ForOverlap] > 0 && t.live == 0 && l.now() > free && t.reg.OnAbandon != tasks.HoldSlot {
			l.broken(Progress, "%s waits for a slot, and no instance of it has lived since %v", t.key.name, t.vacant)
		}
	}
	if l.waiting[event.ForCap] == 0 || len(l.live) > 0 {
		return
	}
	var free time.Duration
	for _, t := range l.order {
		if t.reg.OnAbandon == tasks.HoldSlot {
			return
		}
		free = max(free, after(t.vacant+l.stalled, max(0, t.reg.Grace, t.grace)))
	}
	if l.now() > free {
		l.broken(Progress, "something waits for a cap, and no instance of the App has lived since %v", free)
	}
}

// ending looks at what must have come to an end when the App has stopped.
func (l *ledger) ending() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open > 0 {
		l.broken(Conservation, "the App has stopped, and %d activations are not completed", l.open)
	}
	if len(l.live) > 0 {
		i := l.insts.row(slices.Min(l.live))
		l.broken(Ends, "the App has stopped, and %d instances have not ended, the first of %s", len(l.live), i.task.key.name)
	}
}

// armAll begins to walk the schedules of all tasks: the App runs.
func (l *ledger) armAll(now time.Time) {
	for _, t := range l.order {
		l.arm(t, now)
	}
}

// arm begins to walk the schedule of a task, if it has one.
func (l *ledger) arm(t *taskRow, registered time.Time) {
	for _, s := range t.sources {
		s.phase = activation.Phase{Name: t.key.name, Registered: registered.Round(0), Started: l.began.Round(0)}
		s.stalled = l.stall()
		s.at, s.armed = s.schedule.Next(s.phase)
	}
}

// heed notes that a firing of a task is there for a due time.
func (l *ledger) heed(t *taskRow, e *event.Event, n uint64) {
	l.storm(t, e)
	s := t.walked(l)
	if s == nil || !s.armed || e.Due.Before(s.at) {
		return
	}
	if !e.Due.Equal(s.at) {
		if e.Due.Equal(e.At) {
			return // from outside, and the schedule's is still to come at this instant
		}
		l.broken(Punctuality, "%s was due at %v, and the next it heeds is %v", e.Task, s.at, e.Due)
		return
	}
	if e.At.After(s.at) {
		if late := e.At.Sub(s.at); late > l.stall()-s.stalled {
			l.broken(Punctuality, "%s was due at %v, and fires %v later", e.Task, s.at, late)
		}
	}
	s.pass(l, e.At, n)
}

// storm: of the due times that were missed not more are made up for than may be.
func (l *ledger) storm(t *taskRow, e *event.Event) {
	if !e.Due.Before(e.At) || t.follows || l.jumped || l.stored || len(t.sources) != 1 {
		return
	}
	if !t.lateAt.Equal(e.At) {
		t.lateAt, t.late = e.At, 0
	}
	if t.late++; t.late > max(1, t.reg.Missed.All()) {
		l.broken(Punctuality, "%s makes up for %d missed due times at once, and its Missed is %v", e.Task, t.late, t.reg.Missed)
	}
}

// missed notes that due times have passed without a firing each.
func (l *ledger) missed(e *event.Event) {
	if s := l.task(e.Group, e.Task).walked(l); s != nil {
		s.pass(l, e.At, e.N)
	}
}

// pass goes on to the due time after the next n.
func (s *sourceRow) pass(l *ledger, now time.Time, n uint64) {
	for ; n > 0 && s.armed; n-- {
		s.phase.Last, s.phase.N = s.at, s.phase.N+1
		s.at, s.armed = s.schedule.Next(s.phase)
	}
	if s.at.After(now) { // else it is late already
		s.stalled = l.stall()
	}
}

// walked is the one schedule of the task that can be walked from outside: not
// if there are several, not after the clock was set, and not once the App stops.
func (t *taskRow) walked(l *ledger) *sourceRow {
	if len(t.sources) != 1 || t.follows || l.jumped || l.stored || l.draining || !l.running {
		return nil
	}
	return t.sources[0]
}

package sim

import (
	"context"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// Registering implements engine.Witness: it listens to what a registration's
// trigger and conditions tell the App, and lets faults into it.
func (w *witness) Registering(group string, r *tasks.Registration) {
	l := (*ledger)(w)
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &taskRow{key: rowKey{group, r.Name}, reg: *r, conds: make([]condRow, len(r.Conditions))}
	t.faults = l.p.s.newStreams(r.Name)
	l.offered = append(l.offered, t)
	r.Trigger = &trigger{r.Trigger, l, t}
	for i, c := range r.Conditions {
		r.Conditions[i] = &condition{c, l, t, i}
	}
}

// adopt takes what was offered for the registration that stands now.
func (l *ledger) adopt(e *event.Event) *taskRow {
	for i := len(l.offered) - 1; i >= 0; i-- {
		t := l.offered[i]
		if t.key.group != e.Group || t.key.name != e.Task {
			continue
		}
		l.withdraw(t)
		if old := l.tasks[t.key]; old != nil { // what lives and waits is that one's
			t.waiting, t.live, t.vacant, t.forgotten = old.waiting, old.live, old.vacant, old.forgotten
			*old, t = *t, old
		} else {
			l.order = append(l.order, t)
		}
		l.tasks[t.key], l.last = t, nil
		return t
	}
	return l.task(e.Group, e.Task)
}

// withdraw forgets what was offered, and what was offered of that name before and
// not taken.
func (l *ledger) withdraw(t *taskRow) {
	until := slices.Index(l.offered, t) + 1
	older := slices.DeleteFunc(l.offered[:until:until], func(o *taskRow) bool { return o.key == t.key })
	l.offered = append(older, l.offered[until:]...)
}

// changes puts the task on the terms that Apply gives it. Its schedules are not
// walked anymore.
func (l *ledger) changes(t *taskRow, s *engine.Spec) {
	t.sources = nil
	w, ours := s.Reg.Trigger.(*trigger)
	if !ours {
		return
	}
	if t.reg.Volatile {
		t.forgotten = l.newest
	}
	t.grace = max(t.grace, t.reg.Grace) // of what ended before
	t.reg, t.conds, t.follows = w.t.reg, w.t.conds, w.t.follows
	t.begin()
	l.withdraw(w.t)
}

// A trigger is one that the simulation listens to.
type trigger struct {
	activation.Trigger
	l *ledger
	t *taskRow
}

// Behind implements engine.Veil.
func (t *trigger) Behind() any { return t.Trigger }

// Arm implements activation.Trigger.
func (t *trigger) Arm(p activation.Port) error {
	s := t.l.p.s
	if s.rates.any(faultLost, faultDelay) {
		p.Filter(&fate{s, t.l.streamsOf(t.t)})
	}
	return t.Trigger.Arm(&port{p, t.l, t.t})
}

// A fate is what becomes of firings.
type fate struct {
	s  *S
	st *streams
}

// Pass implements activation.Filter.
func (f *fate) Pass(_ activation.Phase, due time.Time) (time.Time, bool) {
	if f.s.happens(faultLost, f.st) {
		f.s.tell("fault: a firing is lost")
		return due, false
	}
	if f.s.happens(faultDelay, f.st) {
		due = due.Add(f.s.lasts(faultDelay, f.st, shortFault))
		f.s.tell("fault: a firing is put off until %v", due.Sub(f.s.start))
	}
	return due, true
}

// A port is one that the simulation listens to.
type port struct {
	activation.Port
	l *ledger
	t *taskRow
}

// Schedule implements activation.Port.
func (p *port) Schedule(s activation.Schedule) {
	p.l.mu.Lock()
	defer p.l.mu.Unlock()
	if f, ok := s.(activation.Follower); !ok || !f.FollowsCompletion() {
		p.t.sources = append(p.t.sources, &sourceRow{schedule: s})
	} else { // one that follows and one that does not can not be told apart
		p.t.follows = true
	}
	p.Port.Schedule(s)
}

// Branch implements activation.Port.
func (p *port) Branch() activation.Port { return &port{p.Port.Branch(), p.l, p.t} }

// Fire implements activation.Port.
func (p *port) Fire(ctx context.Context, details any) (activation.Receipt, error) {
	if _, owns := details.(activation.Dropper); !owns && p.l.p.s.happens(faultDuplicate, p.l.streamsOf(p.t)) {
		_, _ = p.Port.Fire(ctx, details)
	}
	return p.Port.Fire(ctx, details)
}

// A condition is one that the simulation listens to.
type condition struct {
	activation.Condition
	l *ledger
	t *taskRow
	i int
}

// Behind implements engine.Veil.
func (c *condition) Behind() any { return c.Condition }

// Arm implements activation.Condition.
func (c *condition) Arm(report func(bool), p activation.Port) error {
	row := &c.t.conds[c.i]
	c.l.mu.Lock()
	row.report, row.text = report, c.String()
	c.l.mu.Unlock()
	return c.Condition.Arm(func(holds bool) {
		c.l.mu.Lock()
		row.holds = holds
		c.l.suspect = true
		c.l.mu.Unlock()
		report(holds)
	}, &conditionPort{p, c.l, row})
}

// A conditionPort is a port that knows whether the condition is asked.
type conditionPort struct {
	activation.Port
	l   *ledger
	row *condRow
}

// Wanted implements activation.Port.
func (p *conditionPort) Wanted(f func(bool)) {
	p.l.mu.Lock()
	p.row.polled = true
	p.l.mu.Unlock()
	p.Port.Wanted(func(on bool) {
		if on {
			p.l.mu.Lock()
			p.row.holds = false // until it reports anew
			p.l.mu.Unlock()
		}
		f(on)
	})
}

package engine_test

import (
	"slices"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// why is the first gate that keeps the task from starting anything.
func (m *model) why(t *mTask) event.Waits {
	switch {
	case m.isPaused(t):
		return event.ForResume
	case t.overlap.Slots() <= m.active(t):
		return event.ForOverlap
	case slices.Contains(t.holds, false):
		return event.ForCondition
	}
	for _, c := range m.capsOf(t) {
		if m.full(c) {
			return event.ForCap
		}
	}
	return event.ForNothing
}

// capsOf are the names of the caps a task is under.
func (m *model) capsOf(t *mTask) (list []string) {
	for _, c := range []string{"app", "group " + t.group, "key " + t.cap} {
		if m.caps[c] > 0 {
			list = append(list, c)
		}
	}
	return list
}

func (m *model) full(c string) bool {
	n := 0
	for _, i := range m.insts {
		if !i.released && slices.Contains(i.under, c) {
			n++
		}
	}
	return n >= m.caps[c]
}

// settleDown starts what may start, by priority and age, and does what follows
// from that.
func (m *model) settleDown() {
	for a := m.turn(); a != nil; a = m.turn() {
		if a.expiry.on() && !a.expiry.at.After(m.now) {
			m.expire(a)
			continue
		}
		a.task.pending = without(a.task.pending, a)
		m.start(a)
	}
	for _, t := range m.tasks {
		if ripe := t.ripe(); t.overlap == tasks.Replace && m.why(t) == event.ForOverlap && !slices.Contains(t.holds, false) &&
			slices.ContainsFunc(ripe, func(a *mAct) bool { return !a.tried }) {
			m.cancelAll(t, activation.Abort)
		}
		m.sayWanted(t)
		m.grant(t)
	}
}

// ripe are the pending activations that are not put off, and none of whose
// attempts goes on.
func (t *mTask) ripe() (list []*mAct) {
	for _, a := range t.pending {
		if !a.putOff.on() && (!a.tried || a.last.released) {
			list = append(list, a)
		}
	}
	return list
}

// turn is the activation whose turn it is to start, nil if none may.
func (m *model) turn() (best *mAct) {
	for _, t := range m.tasks {
		ripe := t.ripe()
		if m.draining || t.gone || len(ripe) == 0 || m.why(t) != event.ForNothing {
			continue
		}
		if a := ripe[0]; best == nil || t.priority > best.task.priority || t.priority == best.task.priority && a.id < best.id {
			best = a
		}
	}
	return best
}

func (m *model) sayWanted(t *mTask) {
	if !t.polled || t.gone {
		return
	}
	want := len(t.pending) > 0
	for _, i := range m.insts {
		want = want || i.act.task == t && !i.released
	}
	if want = want && !m.draining; want == t.wanted {
		return
	}
	t.wanted = want
	for i := range t.holds {
		t.holds[i] = t.holds[i] && want
		m.say("want task=%d %d %v", t.id, i, want)
	}
}

// hold makes a change to what is paused.
func (m *model) hold(change func()) {
	before := map[*mTask]bool{}
	for _, t := range m.tasks {
		before[t] = m.isPaused(t)
	}
	change()
	for _, t := range m.tasks {
		switch now := m.isPaused(t); {
		case t.gone || now == before[t]:
		case now:
			m.say("event paused task=%d", t.id)
		default:
			m.say("event resumed task=%d", t.id)
			m.sayMissed(t, t.unmade)
			t.waited, t.unmade = 0, 0
		}
	}
	m.settleDown()
}

func (m *model) pause(t *mTask, paused bool) {
	if !t.gone {
		m.hold(func() { t.paused = paused })
	}
}

func (m *model) report(t *mTask, i int, holds bool) {
	if t.gone || m.draining || t.holds[i] == holds || t.polled && !t.wanted {
		return
	}
	t.holds[i] = holds
	m.say("event condition changed task=%d %s %v", t.id, conditionNames[i], holds)
	if !holds && !t.keepOn {
		m.cancelAll(t, activation.ConditionLoss)
	}
	m.settleDown()
}

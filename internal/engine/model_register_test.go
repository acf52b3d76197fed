package engine_test

import (
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/tasks"
)

func (m *model) find(name string) *mTask {
	for _, t := range m.tasks {
		if t.name == name && !t.gone {
			return t
		}
	}
	return nil
}

// claimed reports whether another task stands that serves the kit's object.
func (m *model) claimed(k *kit, but *mTask) bool {
	return k.key != "" && slices.ContainsFunc(m.tasks, func(t *mTask) bool {
		return !t.gone && t != but && t.key == k.key
	})
}

func (m *model) register(k *kit, name string, replace bool) (*mTask, string) {
	old := m.find(name)
	switch {
	case m.draining:
		return nil, "stopped"
	case old != nil && !replace:
		return nil, "registered"
	case m.claimed(k, old):
		return nil, "exclusive"
	}
	m.entered++
	t := &mTask{kit: k, group: group(name), name: name, id: len(m.tasks) + 1, order: m.entered, holds: make([]bool, k.conds)}
	if old != nil {
		old.heir = t
		m.retire(old, true)
	}
	m.tasks = append(m.tasks, t)
	m.say("event registered %d", t.id)
	if m.running {
		m.schedule(t)
	}
	return t, "ok"
}

// update gives a task another kit.
func (m *model) update(t *mTask, k *kit) {
	if t.gone || m.draining {
		return
	}
	same := t.trigger() == k.trigger()
	m.entered++
	t.kit, t.order, t.holds, t.wanted = k, m.entered, make([]bool, k.conds), false
	for _, a := range t.timers {
		a.stop()
	}
	t.source.stop()
	if !same {
		t.spent, t.fired, t.due, t.epoch = false, 0, 0, t.epoch+1
	}
	switch {
	case !m.running || t.spent:
	case !same:
		m.schedule(t)
	case t.follow == 0 || !m.underway(t):
		m.armNext(t)
		m.pass(m.now)
	}
	m.settleDown()
	m.say("event changed %d", t.id)
}

func (m *model) begin() string {
	if m.running || m.draining {
		return "stopped"
	}
	m.running = true
	for _, t := range m.tasks {
		if !t.gone {
			m.schedule(t)
		}
	}
	return "ok"
}

// schedule starts a task's phase.
func (m *model) schedule(t *mTask) {
	t.registered = m.now
	m.armNext(t)
	m.pass(m.now)
}

// nth is the n-th due time, from 1. That of a follower is counted from its last
// completion, which then is the instant of its registration.
func (t *mTask) nth(n int) (time.Time, bool) {
	switch {
	case t.follow > 0:
		return t.registered.Add(t.follow), true
	case t.every > 0:
		return t.registered.Add(time.Duration(n) * t.every), true
	case n <= len(t.at):
		return t.registered.Add(t.at[n-1]), true
	}
	return time.Time{}, false
}

func (m *model) armNext(t *mTask) {
	if at, ok := t.nth(t.due + 1); ok {
		t.source = m.arm(&alarm{at: at, rank: ordinary, ring: func() { m.isDue(t) }})
	} else if t.at != nil {
		m.say("event exhausted task=%d", t.id)
	}
}

// isDue fires for the due times that have passed, as far as they are made up for.
func (m *model) isDue(t *mTask) {
	if t.follow > 0 && m.underway(t) {
		return // the completion is what it follows
	}
	last := t.source.at
	passed := []time.Time{last}
	t.due++
	if t.follow == 0 {
		for at, ok := t.nth(t.due + 1); ok && !at.After(m.now); at, ok = t.nth(t.due + 1) {
			t.due++
			last = at
			passed = append(passed, at)
		}
		m.armNext(t)
	}
	kept := passed[max(0, len(passed)-max(1, t.missed.All())):]
	if t.missed == tasks.MissedSkip && m.now.Sub(last) > time.Second {
		kept = nil
	}
	m.sayMissed(t, len(passed)-len(kept))
	for _, at := range kept {
		m.fire(t, nil, fromTime, at)
	}
	if !m.underway(t) {
		m.followUp(t)
	}
}

func (m *model) sayMissed(t *mTask, n int) {
	if n > 0 {
		t.counts.Missed += uint64(n)
		m.say("event missed task=%d n=%d", t.id, n)
	}
}

// underway reports whether a completion of the task's is to come.
func (m *model) underway(t *mTask) bool {
	return len(t.pending) > 0 || slices.ContainsFunc(m.insts, func(i *mInst) bool {
		return i.act.task == t && !i.released && !i.settled
	})
}

// followUp counts the next due time of a follower from now.
func (m *model) followUp(t *mTask) {
	if t.follow == 0 || t.gone || m.draining || t.spent || !m.running {
		return
	}
	t.registered = m.now
	t.source.stop()
	m.armNext(t)
}

func (m *model) retire(t *mTask, cancel bool) {
	t.gone = true
	m.silence(t)
	m.endAll(t, activation.Abort)
	m.deny(t)
	m.say("event unregistered %d", t.id)
	if cancel {
		m.cancelAll(t, activation.Abort)
	}
}

// silence ends what could fire the task, unless the drain has.
func (m *model) silence(t *mTask) {
	if m.draining && t.gone {
		return
	}
	t.source.stop()
	for _, a := range t.timers {
		a.stop()
	}
	m.say("retired task=%d", t.id)
}

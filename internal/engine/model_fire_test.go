package engine_test

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

type origin int

const (
	fromOutside origin = iota
	fromTime
	fromPlace
)

func (m *model) fireOutside(t *mTask, details any, from origin) string {
	if t.gone || !m.running || m.stopped() {
		m.drop(details)
		return "misuse"
	}
	return m.fire(t, details, from, m.now)
}

func (m *model) raise(topic string) string {
	if !m.running || m.stopped() {
		return "misuse"
	}
	n := 0
	for _, t := range m.listeners() {
		if !t.gone && slices.Contains(t.topics, topic) && !refused(m.fire(t, nil, fromTime, m.now)) {
			n++
		}
	}
	return fmt.Sprint(n)
}

// listeners are all tasks, in the order in which they began to listen.
func (m *model) listeners() []*mTask {
	list := slices.Clone(m.tasks)
	slices.SortFunc(list, func(a, b *mTask) int { return cmp.Compare(a.order, b.order) })
	return list
}

func (m *model) isPaused(t *mTask) bool { return t.paused || m.paused["*"] || m.paused[t.group] }

func (m *model) fire(t *mTask, details any, from origin, due time.Time) string {
	at, passes := due, true
	if t.judge != nil {
		lag, ok := t.judge(t.fired, due)
		at, passes = due.Add(lag), ok
	}
	paused := m.isPaused(t)
	if m.draining || t.spent || paused && from == fromOutside || !passes {
		return m.refuse(t, details, activation.DisabledByPolicy)
	}
	if !paused || from != fromTime {
		return m.keep(t, details, from, due, at)
	}
	if t.missed == tasks.MissedSkip {
		t.unmade++
		return m.refuse(t, details, activation.DisabledByPolicy)
	}
	if a := t.fresh(); a != nil && t.waited >= max(1, t.missed.All()) {
		t.unmade++
		return m.merge(a, details, due, at)
	}
	answer := m.keep(t, details, from, due, at)
	if !refused(answer) {
		t.waited++
	}
	return answer
}

func refused(answer string) bool { return answer == "DisabledByPolicy" || answer == "CurrentlyRunning" }

// fresh is the last pending activation that was never tried.
func (t *mTask) fresh() (last *mAct) {
	for _, a := range t.pending {
		if !a.tried {
			last = a
		}
	}
	return last
}

func (t *mTask) countFresh() (n int) {
	for _, a := range t.pending {
		if !a.tried {
			n++
		}
	}
	return n
}

// keep accepts a firing, as a part of another or as its own, if there is a
// place for it.
func (m *model) keep(t *mTask, details any, from origin, due, at time.Time) string {
	if a := t.fresh(); a != nil && t.keeps.Capacity() == 0 {
		return m.merge(a, details, due, at)
	}
	n := t.keeps.Capacity()
	atOnce := t.countFresh() == 0 && !at.After(m.now) && m.why(t) == event.ForNothing
	full := n > 0 && t.countFresh()+len(t.places) >= n && !atOnce
	if from != fromPlace && (full || t.overlap == tasks.Skip && m.active(t) > 0) {
		return m.refuse(t, details, activation.CurrentlyRunning)
	}
	m.acts++
	a := &mAct{id: m.acts, task: t, details: details, merged: 1}
	m.take(a)
	m.say("event fired act=%d", a.id)
	t.pending = append(t.pending, a)
	m.open(a, due)
	m.putOff(a, at)
	m.settleDown()
	return fmt.Sprintf("act=%d", a.id)
}

// take counts a firing that is accepted.
func (m *model) take(a *mAct) {
	t := a.task
	t.fired++
	t.counts.Fired++
	a.epoch = t.epoch
	if t.oneShot {
		t.spent = true
		t.source.stop()
	}
}

// merge makes a firing part of a: of two details one goes, of two starts the
// earlier stands, unless the trigger wants quiet, and of two windows the one that
// closes last.
func (m *model) merge(a *mAct, details any, due, at time.Time) string {
	t := a.task
	a.merged++
	t.counts.Merged++
	m.take(a)
	m.say("event merged act=%d n=%d", a.id, a.merged)
	if t.keeps == tasks.Oldest {
		m.drop(details)
		return fmt.Sprintf("act=%d", a.id)
	}
	m.drop(a.details)
	a.details = details
	switch {
	case !a.expiry.on():
	case t.window == 0:
		a.expiry.stop()
	case due.Add(t.window).After(a.expiry.at):
		m.open(a, due)
	}
	switch {
	case !at.After(m.now):
		a.putOff.stop()
	case t.quiet, a.putOff.on() && at.Before(a.putOff.at):
		m.putOff(a, at)
	}
	m.settleDown()
	return fmt.Sprintf("act=%d", a.id)
}

// open makes a good for as long as the trigger's window.
func (m *model) open(a *mAct, due time.Time) {
	if t := a.task; t.window > 0 {
		a.expiry.stop()
		a.cancels = t.windowCancels
		a.expiry = m.arm(&alarm{at: due.Add(t.window), rank: closing, ring: func() { m.expire(a) }})
	}
}

func (m *model) expire(a *mAct) {
	t := a.task
	if slices.Contains(t.pending, a) {
		m.endPending(a, "canceled: SystemPolicy")
		m.settleDown()
	} else if a.cancels && a.last != nil {
		m.cancel(a.last, activation.SystemPolicy)
	}
}

func (m *model) putOff(a *mAct, at time.Time) {
	if at.After(m.now) {
		a.putOff.stop()
		a.putOff = m.arm(&alarm{at: at, rank: ripening, ring: m.settleDown})
	}
}

func (m *model) refuse(t *mTask, details any, r activation.Result) string {
	m.drop(details)
	t.counts.Refused++
	m.say("event refused task=%d %v", t.id, r)
	return r.String()
}

func (m *model) drop(details any) {
	if details != nil {
		m.say("drop %v", details)
	}
}

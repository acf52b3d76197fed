package engine_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// A model says what an engine must do, as naively as it can be said: lists that
// are scanned, nothing counted that can be looked up, no heap. It is written
// from the design, not from the engine. Both number what they make, so that the
// two can be compared line by line.
type model struct {
	now      time.Time
	running  bool
	draining bool
	tasks    []*mTask // every one there was
	insts    []*mInst // every one there was
	acts     int
	timers   int
	alarms   []*alarm
	out      []string
}

// A kit is a registration as the walks know it: what the model needs to know.
type kit struct {
	name    string
	every   time.Duration
	at      []time.Duration
	topic   bool
	conds   int
	polled  bool // all of its conditions are
	keepOn  bool
	limit   time.Duration
	grace   time.Duration
	newest  bool
	cap     int
	slots   int // 0: no bound
	oneShot bool
	key     string // exclusive
	judge   func(n int, due time.Time) (lag time.Duration, ok bool)
}

type mTask struct {
	*kit
	id         int
	name       string
	registered time.Time
	fired      int // firings that came through
	due        int // due times that have passed
	source     *alarm
	holds      []bool
	wanted     bool
	paused     bool
	spent      bool
	gone       bool
	heir       *mTask
	waited     int // due while it was paused, and accepted
	unmade     int // due while it was paused, and not made up for
	pending    []*mAct
	places     []*mPlace // granted
	queue      []*mPlace // asked for
	timers     []*alarm
}

type mAct struct {
	id      int
	task    *mTask
	details any
	merged  int
	putOff  *alarm
}

type mInst struct {
	id                          int
	act                         *mAct
	reason                      activation.Reason
	deferred, settled, released bool
	alarm                       *alarm
}

type mPlace struct {
	id   int
	task *mTask
}

// An alarm is something that waits for time.
type alarm struct {
	at    time.Time
	ring  func()
	off   bool
	early bool // of those at the same instant it rings first: a start that was put off
}

func (m *model) say(format string, args ...any) {
	m.out = append(m.out, fmt.Sprintf(format, args...))
}

// arm adds an alarm behind those of the same instant.
func (m *model) arm(at time.Time, ring func()) *alarm {
	a := &alarm{at: at, ring: ring}
	m.alarms = append(m.alarms, a)
	return a
}

func (a *alarm) stop() bool {
	if a == nil || a.off {
		return false
	}
	a.off = true
	return true
}

// first is the alarm that rings next.
func (m *model) first() *alarm {
	m.alarms = slices.DeleteFunc(m.alarms, func(a *alarm) bool { return a.off })
	var first *alarm
	for _, a := range m.alarms {
		if first == nil || a.at.Before(first.at) || a.early && !first.early && a.at.Equal(first.at) {
			first = a
		}
	}
	return first
}

// pass lets time pass.
func (m *model) pass(now time.Time) {
	m.now = now
	for a := m.first(); a != nil && !a.at.After(now); a = m.first() {
		a.off = true
		a.ring()
	}
}

func (m *model) find(name string) *mTask {
	for _, t := range m.tasks {
		if t.name == name && !t.gone {
			return t
		}
	}
	return nil
}

func (m *model) register(k *kit, name string, replace bool) (*mTask, string) {
	old := m.find(name)
	switch {
	case m.draining:
		return nil, "stopped"
	case old != nil && !replace:
		return nil, "registered"
	}
	for _, t := range m.tasks {
		if k.key != "" && !t.gone && t != old && t.key == k.key {
			return nil, "exclusive"
		}
	}
	t := &mTask{kit: k, name: name, id: m.newTask(), holds: make([]bool, k.conds)}
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

func (m *model) newTask() int {
	n := 0
	for _, t := range m.tasks {
		n = max(n, t.id)
	}
	return n + 1
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

// nth is the n-th due time, from 1.
func (t *mTask) nth(n int) (time.Time, bool) {
	switch {
	case t.every > 0:
		return t.registered.Add(time.Duration(n) * t.every), true
	case n <= len(t.at):
		return t.registered.Add(t.at[n-1]), true
	}
	return time.Time{}, false
}

func (m *model) armNext(t *mTask) {
	if at, ok := t.nth(t.due + 1); ok {
		t.source = m.arm(at, func() { m.isDue(t) })
	} else if t.at != nil {
		m.say("event exhausted task=%d", t.id)
	}
}

func (m *model) isDue(t *mTask) {
	t.due++
	missed := 0
	for at, ok := t.nth(t.due + 1); ok && !at.After(m.now); at, ok = t.nth(t.due + 1) {
		t.due++
		missed++
	}
	if missed > 0 {
		m.say("event missed task=%d n=%d", t.id, missed)
	}
	at, _ := t.nth(t.due)
	m.armNext(t)
	m.fire(t, nil, fromTime, at)
}

type origin int

const (
	fromOutside origin = iota
	fromTime
	fromPlace
)

func (m *model) stopped() bool { return m.draining && m.active(nil) == 0 }

// active counts the instances that hold a slot of t, or of any task.
func (m *model) active(t *mTask) (n int) {
	for _, i := range m.insts {
		of := i.act.task
		for of != t && of.heir != nil {
			of = of.heir
		}
		if !i.released && (t == nil || of == t) {
			n++
		}
	}
	return n
}

func (m *model) fireOutside(t *mTask, details any, from origin) string {
	if t.gone || !m.running || m.stopped() {
		m.drop(details)
		return "misuse"
	}
	return m.fire(t, details, from, m.now)
}

func (m *model) raise() string {
	if !m.running || m.stopped() {
		return "misuse"
	}
	n := 0
	for _, t := range m.tasks {
		if !t.topic || t.gone {
			continue
		}
		if r := m.fire(t, nil, fromTime, m.now); !refused(r) {
			n++
		}
	}
	return fmt.Sprint(n)
}

func (m *model) fire(t *mTask, details any, from origin, due time.Time) string {
	at, passes := due, true
	if t.judge != nil {
		lag, ok := t.judge(t.fired, due)
		at, passes = due.Add(lag), ok
	}
	switch {
	case m.draining, t.spent, t.paused && from == fromOutside, !passes:
		return m.refuse(t, details, activation.DisabledByPolicy)
	}
	if t.paused && from == fromTime {
		if n := len(t.pending); n > 0 && t.waited > 0 {
			t.unmade++
			return m.merge(t.pending[n-1], details, at)
		}
		answer := m.keep(t, details, from, at)
		if !refused(answer) {
			t.waited++
		}
		return answer
	}
	return m.keep(t, details, from, at)
}

func refused(answer string) bool { return answer == "DisabledByPolicy" || answer == "CurrentlyRunning" }

// keep accepts a firing, as a part of another or as its own, if there is a
// place for it.
func (m *model) keep(t *mTask, details any, from origin, at time.Time) string {
	if n := len(t.pending); n > 0 && t.newest {
		return m.merge(t.pending[n-1], details, at)
	}
	atOnce := len(t.pending) == 0 && !at.After(m.now) && m.open(t)
	if t.cap > 0 && from != fromPlace && len(t.pending)+len(t.places) >= t.cap && !atOnce {
		return m.refuse(t, details, activation.CurrentlyRunning)
	}
	m.acts++
	a := &mAct{id: m.acts, task: t, details: details, merged: 1}
	t.fired++
	if t.oneShot {
		t.spent = true
		t.source.stop()
	}
	m.say("event fired act=%d", a.id)
	t.pending = append(t.pending, a)
	m.putOff(a, at)
	m.settleDown()
	return fmt.Sprintf("act=%d", a.id)
}

func (m *model) merge(a *mAct, details any, at time.Time) string {
	m.drop(a.details)
	a.details = details
	a.merged++
	a.task.fired++
	m.say("event merged act=%d n=%d", a.id, a.merged)
	if a.putOff != nil && !a.putOff.off && at.Before(a.putOff.at) { // the earlier start stands
		a.putOff.stop()
		m.putOff(a, at)
		m.settleDown()
	}
	return fmt.Sprintf("act=%d", a.id)
}

func (m *model) putOff(a *mAct, at time.Time) {
	if at.After(m.now) {
		a.putOff = m.arm(at, m.settleDown)
		a.putOff.early = true
	}
}

func (m *model) refuse(t *mTask, details any, r activation.Result) string {
	m.drop(details)
	m.say("event refused task=%d %v", t.id, r)
	return r.String()
}

func (m *model) drop(details any) {
	if details != nil {
		m.say("drop %v", details)
	}
}

// open reports whether anything of t may start now.
func (m *model) open(t *mTask) bool {
	return !m.draining && !t.gone && !t.paused &&
		(t.slots == 0 || m.active(t) < t.slots) && !slices.Contains(t.holds, false)
}

// settleDown starts what may start, and tells what follows from that.
func (m *model) settleDown() {
	for _, t := range m.tasks {
		for i := 0; i < len(t.pending); {
			a := t.pending[i]
			if !m.open(t) || a.putOff != nil && !a.putOff.off {
				i++
				continue
			}
			t.pending = slices.Delete(t.pending, i, i+1)
			m.start(a)
		}
		m.sayWanted(t)
		m.grant(t)
	}
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

func (m *model) start(a *mAct) {
	i := &mInst{id: len(m.insts) + 1, act: a}
	m.insts = append(m.insts, i)
	m.say("start inst=%d act=%d merged=%d details=%v", i.id, a.id, a.merged, a.details)
	if a.task.limit > 0 {
		i.alarm = m.arm(m.now.Add(a.task.limit), func() { m.cancel(i, activation.ExecutionTimeExceeded) })
		return
	}
	i.alarm = m.arm(m.now.Add(30*time.Second), func() { m.say("event long running inst=%d", i.id) })
}

func (m *model) returned(i *mInst, err error) {
	switch {
	case i.settled || i.reason != 0:
	case err == nil:
		i.deferred = true
		m.say("event deferred inst=%d", i.id)
	default:
		m.settle(i, "failed: "+err.Error())
		m.say("end inst=%d", i.id)
		m.allow(i)
	}
}

func (m *model) over(i *mInst, err error) {
	switch {
	case i.settled:
		m.say("event released inst=%d", i.id)
	case i.reason != 0:
		m.settle(i, "canceled: "+i.reason.String())
	case err != nil:
		m.settle(i, "failed: "+err.Error())
	default:
		m.settle(i, "ok")
	}
	m.release(i)
}

func (m *model) cancel(i *mInst, r activation.Reason) bool {
	if i.settled || i.reason != 0 {
		return false
	}
	i.reason = r
	m.say("stop inst=%d %s", i.id, r.String())
	m.allow(i)
	return true
}

// allow gives an instance its grace.
func (m *model) allow(i *mInst) {
	i.alarm.stop()
	if i.act.task.grace <= 0 {
		m.abandon(i)
		return
	}
	i.alarm = m.arm(m.now.Add(i.act.task.grace), func() { m.abandon(i) })
}

func (m *model) abandon(i *mInst) {
	m.say("abandon inst=%d", i.id)
	if !i.settled {
		m.settle(i, "abandoned: "+i.reason.String())
	}
	m.release(i)
}

func (m *model) settle(i *mInst, outcome string) {
	i.settled = true
	m.say("event ended inst=%d", i.id)
	m.complete(i.act, outcome)
}

func (m *model) complete(a *mAct, outcome string) {
	m.say("settle act=%d %s", a.id, outcome)
	if a.task.oneShot && !a.task.gone {
		m.retire(a.task, false)
	}
}

func (m *model) release(i *mInst) {
	if i.released {
		return
	}
	i.released = true
	i.alarm.stop()
	m.settleDown()
	if m.stopped() {
		m.say("drained")
	}
}

func (m *model) retire(t *mTask, cancel bool) {
	t.gone = true
	m.silence(t)
	m.endPending(t, activation.Abort)
	m.deny(t)
	m.say("event unregistered %d", t.id)
	for _, i := range slices.Clone(m.insts) {
		if cancel && i.act.task == t && !i.released {
			m.cancel(i, activation.Abort)
		}
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

func (m *model) endPending(t *mTask, r activation.Reason) {
	for len(t.pending) > 0 {
		a := t.pending[0]
		t.pending = t.pending[1:]
		a.putOff.stop()
		m.drop(a.details)
		m.complete(a, "canceled: "+r.String())
	}
}

func (m *model) pause(t *mTask, paused bool) {
	if t.gone || t.paused == paused {
		return
	}
	t.paused = paused
	m.say("event %s task=%d", choose(paused, "paused", "resumed"), t.id)
	if !paused && t.unmade > 0 {
		m.say("event missed task=%d n=%d", t.id, t.unmade)
	}
	t.waited, t.unmade = 0, 0
	m.settleDown()
}

func (m *model) report(t *mTask, i int, holds bool) {
	if t.gone || m.draining || t.holds[i] == holds || t.polled && !t.wanted {
		return
	}
	t.holds[i] = holds
	m.say("event condition changed task=%d %s %v", t.id, conditionNames[i], holds)
	for _, in := range slices.Clone(m.insts) {
		if !holds && !t.keepOn && in.act.task == t && !in.released {
			m.cancel(in, activation.ConditionLoss)
		}
	}
	m.settleDown()
}

func (m *model) reserve(p *mPlace) string {
	t := p.task
	if t.gone || !m.running || m.draining {
		return "misuse"
	}
	if len(t.queue) > 0 || t.cap > 0 && len(t.pending)+len(t.places) >= t.cap {
		t.queue = append(t.queue, p)
		return "waits"
	}
	t.places = append(t.places, p)
	return "granted"
}

func without(list []*mPlace, p *mPlace) []*mPlace {
	return slices.DeleteFunc(list, func(o *mPlace) bool { return o == p })
}

func (m *model) unreserve(p *mPlace) {
	p.task.places, p.task.queue = without(p.task.places, p), without(p.task.queue, p)
	m.settleDown()
}

func (m *model) firePlace(p *mPlace, details any) string {
	t := p.task
	held := slices.Contains(t.places, p)
	t.places = without(t.places, p)
	if !held {
		m.drop(details)
		return "misuse"
	}
	r := m.fireOutside(t, details, fromPlace)
	m.settleDown()
	return r
}

func (m *model) grant(t *mTask) {
	for len(t.queue) > 0 && (t.cap == 0 || len(t.pending)+len(t.places) < t.cap) {
		p := t.queue[0]
		t.queue = t.queue[1:]
		t.places = append(t.places, p)
		m.say("grant place=%d", p.id)
	}
}

func (m *model) deny(t *mTask) {
	for _, p := range t.queue {
		m.say("deny place=%d", p.id)
	}
	t.queue = nil
}

// timer arms one of the host's, of a task or of nobody.
func (m *model) timer(t *mTask, d time.Duration) *alarm {
	m.timers++
	n := m.timers
	if t != nil && (t.gone || m.draining) {
		return nil
	}
	a := m.arm(m.now.Add(d), func() { m.say("wake timer=%d", n) })
	if t != nil {
		t.timers = append(t.timers, a)
	}
	m.pass(m.now)
	return a
}

func (m *model) drain(r activation.Reason) {
	if m.draining {
		return
	}
	idle := m.active(nil) == 0
	var standing []*mTask
	for _, t := range m.tasks {
		if !t.gone {
			standing = append(standing, t)
			m.silence(t)
		}
	}
	m.draining = true
	for _, t := range standing {
		m.endPending(t, r)
		m.deny(t)
		m.sayWanted(t)
	}
	for _, i := range slices.Clone(m.insts) {
		if !i.released {
			m.cancel(i, r)
		}
	}
	if idle {
		m.say("drained")
	}
}

func (m *model) drainNow() {
	m.drain(activation.Terminating)
	for _, i := range slices.Clone(m.insts) {
		if !i.released {
			m.abandon(i)
		}
	}
}

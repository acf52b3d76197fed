package engine_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A model says what an engine must do, as naively as it can be said: lists that
// are scanned, nothing counted that can be looked up, no heap and no lines. It is
// written from the design, not from the engine. Both number what they make, so
// that the two can be compared line by line.
//
// model_test.go is the life of tasks and firings, model_inst_test.go that of
// instances.
type model struct {
	now      time.Time
	running  bool
	draining bool
	drained  bool // has been said
	caps     map[string]int
	paused   map[string]bool // by group; "*" is everything
	tasks    []*mTask        // every one there was
	insts    []*mInst        // every one there was
	acts     int
	entered  int
	timers   int
	alarms   []*alarm
	out      []string
}

type mTask struct {
	*kit
	id         int
	group      string
	name       string // with its group
	order      int    // among those who listen
	registered time.Time
	fired      int // firings that came through
	due        int // due times that have passed
	source     *alarm
	holds      []bool
	wanted     bool
	paused     bool
	spent      bool
	gone       bool
	epoch      int // of its trigger
	heir       *mTask
	waited     int // due while it was paused, and accepted
	unmade     int // due while it was paused, and not made up for
	pending    []*mAct
	places     []*mPlace // granted
	queue      []*mPlace // asked for
	timers     []*alarm
	counts     tasks.Counts
}

type mAct struct {
	id       int
	task     *mTask
	details  any
	merged   int
	epoch    int
	attempts int
	failures int
	tried    bool
	had      bool   // some handler had its details
	lastErr  string // of an attempt that failed
	last     *mInst
	cancels  bool
	putOff   *alarm
	expiry   *alarm
}

type mPlace struct {
	id   int
	task *mTask
}

// An alarm is something that waits for time. Among those of one instant, the
// lower rank rings first.
type alarm struct {
	at      time.Time
	rank    int
	elapsed bool // it waits for time to pass
	ring    func()
	off     bool
}

const (
	closing = iota
	ripening
	ordinary
)

func (m *model) say(format string, args ...any) {
	m.out = append(m.out, fmt.Sprintf(format, args...))
}

// arm adds an alarm behind those of the same instant and rank.
func (m *model) arm(a *alarm) *alarm {
	m.alarms = append(m.alarms, a)
	return a
}

// after is an alarm for when some time has passed.
func (m *model) after(d time.Duration, ring func()) *alarm {
	return m.arm(&alarm{at: m.now.Add(d), rank: ordinary, elapsed: true, ring: ring})
}

func (a *alarm) on() bool { return a != nil && !a.off }

func (a *alarm) stop() bool {
	was := a.on()
	if was {
		a.off = true
	}
	return was
}

// first is the alarm that rings next.
func (m *model) first() *alarm {
	m.alarms = slices.DeleteFunc(m.alarms, func(a *alarm) bool { return a.off })
	var first *alarm
	for _, a := range m.alarms {
		if first == nil || a.at.Before(first.at) || a.at.Equal(first.at) && a.rank < first.rank {
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

// jump sets the clock.
func (m *model) jump(d time.Duration) {
	m.now = m.now.Add(d)
	for _, a := range m.alarms {
		if a.elapsed {
			a.at = a.at.Add(d)
		} else if a.rank == ripening {
			a.at = a.at.Add(min(d, 0))
		}
	}
	for _, t := range m.tasks {
		if (t.count || t.follow > 0) && d < 0 {
			t.registered = t.registered.Add(d)
			if t.source.on() {
				t.source.at = t.source.at.Add(d)
			}
		}
	}
	m.say("event clock jumped %v", d)
	m.pass(m.now)
	if m.running && !m.stopped() {
		m.raise("clock/jump")
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

func (m *model) endAll(t *mTask, r activation.Reason) {
	for len(t.pending) > 0 {
		a := t.pending[0]
		if a.lastErr != "" && r == activation.Abort {
			m.endPending(a, a.lastErr)
		} else {
			m.endPending(a, "canceled: "+r.String())
		}
	}
}

// endPending ends an activation that will not start anymore.
func (m *model) endPending(a *mAct, outcome string) {
	a.task.pending = without(a.task.pending, a)
	a.putOff.stop()
	if !a.had {
		m.drop(a.details)
	}
	m.complete(a, outcome)
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

func (m *model) reserve(p *mPlace) string {
	t := p.task
	if t.gone || !m.running || m.draining {
		return "misuse"
	}
	if len(t.queue) > 0 || t.taken() {
		t.queue = append(t.queue, p)
		return "waits"
	}
	t.places = append(t.places, p)
	return "granted"
}

// taken reports whether every place of the pending list is taken or held.
func (t *mTask) taken() bool {
	n := t.keeps.Capacity()
	return n > 0 && t.countFresh()+len(t.places) >= n
}

func without[T comparable](list []T, v T) []T {
	return slices.DeleteFunc(list, func(o T) bool { return o == v })
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
	for len(t.queue) > 0 && !t.taken() && !t.gone && !m.draining {
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
	a := m.after(d, func() { m.say("wake timer=%d", n) })
	if t != nil {
		t.timers = append(t.timers, a)
	}
	m.pass(m.now)
	return a
}

var errBoom = errors.New("boom")

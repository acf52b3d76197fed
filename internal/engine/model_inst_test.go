package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/tasks"
)

// An mInst is an instance in the model. It has no number: its name is that of
// its activation and its attempt.
type mInst struct {
	act     *mAct
	attempt int
	under   []string // the caps it started under
	reason  activation.Reason
	unbegun bool

	deferred, settled, given, released bool

	alarm *alarm
}

func (i *mInst) name() string { return fmt.Sprintf("%d.%d", i.act.id, i.attempt) }

// stopped reports whether the drain is over. It waits for no instance that was
// given up.
func (m *model) stopped() bool {
	return m.draining && !slices.ContainsFunc(m.insts, func(i *mInst) bool { return !i.released && !i.given })
}

// live counts the instances that the App waits for.
func (m *model) live() (n int) {
	for _, i := range m.insts {
		if !i.released && !i.given {
			n++
		}
	}
	return n
}

// active counts the instances that hold a slot of t.
func (m *model) active(t *mTask) (n int) {
	for _, i := range m.insts {
		of := i.act.task
		for of != t && of.heir != nil {
			of = of.heir
		}
		if !i.released && of == t {
			n++
		}
	}
	return n
}

func (m *model) start(a *mAct) {
	t := a.task
	a.attempts++
	i := &mInst{act: a, attempt: a.attempts, under: m.capsOf(t)}
	a.last = i
	m.insts = append(m.insts, i)
	t.counts.Started++
	m.say("start inst=%s merged=%d details=%v", i.name(), a.merged, a.details)
	if !t.onLoop {
		m.began(i)
	}
}

// began starts the time limit.
func (m *model) began(i *mInst) {
	if i.settled || i.reason != 0 {
		return
	}
	if d := i.act.task.limit; d > 0 {
		i.alarm = m.after(d, func() { m.cancel(i, activation.ExecutionTimeExceeded) })
		return
	}
	i.alarm = m.after(30*time.Second, func() { m.say("event long running inst=%s", i.name()) })
}

func (m *model) returned(i *mInst, err error) {
	switch {
	case i.settled || i.reason != 0 || i.deferred && snoozes(err):
	case err == nil || snoozes(err):
		i.deferred = true
		m.say("event deferred inst=%s", i.name())
	default:
		m.say("end inst=%s", i.name())
		m.settle(i, err)
		m.allow(i)
	}
}

// neverBegun: a worker found it canceled.
func (m *model) neverBegun(i *mInst) {
	i.unbegun = true
	if i.settled && !i.act.had {
		m.drop(i.act.details)
	}
}

func (m *model) over(i *mInst, err error) {
	switch {
	case i.settled:
		m.say("event released inst=%s", i.name())
	case i.reason != 0:
		m.settle(i, &tasks.Canceled{Reason: i.reason, Err: err})
	default:
		m.settle(i, err)
	}
	m.release(i)
}

func (m *model) cancel(i *mInst, r activation.Reason) bool {
	if i.settled || i.reason != 0 {
		return false
	}
	i.reason = r
	m.say("stop inst=%s %s", i.name(), r.String())
	m.allow(i)
	return true
}

// cancelAll cancels what runs of a task.
func (m *model) cancelAll(t *mTask, r activation.Reason) (n int) {
	for _, i := range slices.Clone(m.insts) {
		if i.act.task == t && !i.released && m.cancel(i, r) {
			n++
		}
	}
	return n
}

// cancelTask does so, and ends what waits for another attempt.
func (m *model) cancelTask(t *mTask, r activation.Reason) (n int) {
	for _, a := range slices.Clone(t.pending) {
		if a.tried && slices.Contains(t.pending, a) {
			n++
			m.endPending(a, "canceled: "+r.String())
		}
	}
	n += m.cancelAll(t, r)
	m.settleDown()
	return n
}

// allow gives an instance its grace.
func (m *model) allow(i *mInst) {
	i.alarm.stop()
	if i.act.task.grace <= 0 {
		m.abandon(i)
		return
	}
	i.alarm = m.after(i.act.task.grace, func() { m.abandon(i) })
}

func (m *model) abandon(i *mInst) {
	if i.released || i.given {
		return
	}
	t := i.act.task
	m.say("abandon inst=%s", i.name())
	if !i.settled {
		m.settle(i, &tasks.Canceled{Reason: i.reason, Abandoned: true})
	}
	if t.onAbandon == tasks.StopApp && !m.draining {
		m.say("stop app inst=%s", i.name())
	}
	if t.onAbandon == tasks.HoldSlot || t.onAbandon == tasks.StopApp {
		i.given = true
		i.alarm.stop()
		m.sayDrained()
		return
	}
	m.release(i)
}

// settle tells the outcome of an attempt, and what follows from it.
func (m *model) settle(i *mInst, err error) {
	i.settled = true
	a := i.act
	m.count(i, err)
	m.say("event ended inst=%s", i.name())
	if pause, again := m.again(i, err); again {
		m.retry(i, pause)
		return
	}
	if i.unbegun && !a.had {
		m.drop(a.details)
	}
	outcome := verdict(err)
	if i.reason == 0 && snoozes(err) { // of a task that is gone
		outcome = "canceled: Abort"
	}
	m.complete(a, outcome)
}

func (m *model) count(i *mInst, err error) {
	var c *tasks.Canceled
	counts := &i.act.task.counts
	switch {
	case errors.As(err, &c):
		if counts.Canceled[i.reason]++; c.Abandoned {
			counts.Abandoned++
		}
	case err == nil:
		counts.Succeeded++
	case !snoozes(err):
		counts.Failed++
	}
}

// again says whether there is another attempt, and how long until then.
func (m *model) again(i *mInst, err error) (time.Duration, bool) {
	a, t := i.act, i.act.task
	var c *tasks.Canceled
	abandoned := errors.As(err, &c) && c.Abandoned
	if err == nil || abandoned || t.gone || m.draining {
		return 0, false
	}
	switch i.reason {
	case activation.ConditionLoss:
		return 0, t.attempts > 1
	case 0, activation.ExecutionTimeExceeded:
	default:
		return 0, false
	}
	var snooze *tasks.SnoozeError
	if i.reason == 0 && errors.As(err, &snooze) {
		return snooze.For, true
	}
	a.failures++
	a.lastErr = verdict(err)
	var never *tasks.PermanentError
	if a.failures >= t.attempts || errors.As(err, &never) {
		return 0, false
	}
	var after *tasks.RetryAfterError
	if errors.As(err, &after) {
		return after.After, true
	}
	return min(backoff<<(a.failures-1), maxBackoff), true
}

func snoozes(err error) bool {
	var s *tasks.SnoozeError
	return errors.As(err, &s)
}

// retry makes an activation pending again, at the place of its age.
func (m *model) retry(i *mInst, pause time.Duration) {
	a, t := i.act, i.act.task
	t.counts.Retried++
	a.tried = true
	a.had = a.had || !i.unbegun
	m.say("event retrying inst=%s at %s", i.name(), since(m.now.Add(pause)))
	if pause > 0 {
		a.putOff = m.arm(&alarm{at: m.now.Add(pause), rank: ripening, elapsed: true, ring: m.settleDown})
	}
	t.pending = append(t.pending, a)
	slices.SortFunc(t.pending, func(a, b *mAct) int { return a.id - b.id })
	m.settleDown()
}

// complete tells the end of an activation, to those who wait for it and to those
// who follow the task.
func (m *model) complete(a *mAct, outcome string) {
	t := a.task
	a.expiry.stop()
	m.say("settle act=%d %s", a.id, outcome)
	m.followUp(t)
	topics := []string{"done/any/" + base(t.name), "done/ok/" + base(t.name)}
	if outcome != "ok" {
		topics[1] = "done/failed/" + base(t.name)
	}
	for _, topic := range topics {
		for _, l := range m.listeners() {
			if !l.gone && l.group == t.group && slices.Contains(l.topics, topic) {
				m.fire(l, nil, fromTime, m.now)
			}
		}
	}
	if t.oneShot && a.epoch == t.epoch && !t.gone {
		m.retire(t, false)
	}
}

func (m *model) release(i *mInst) {
	if i.released {
		return
	}
	i.released = true
	i.alarm.stop()
	m.settleDown()
	m.sayDrained()
}

func (m *model) sayDrained() {
	if m.stopped() && !m.drained {
		m.drained = true
		m.say("drained")
	}
}

func (m *model) drain(r activation.Reason) {
	if m.draining {
		return
	}
	var standing []*mTask
	for _, t := range m.tasks {
		if !t.gone {
			standing = append(standing, t)
			m.silence(t)
		}
	}
	m.draining = true
	for _, t := range standing {
		m.endAll(t, r)
		m.deny(t)
		m.sayWanted(t)
	}
	for _, i := range slices.Clone(m.insts) {
		if !i.released && !i.given {
			m.cancel(i, r)
		}
	}
	m.sayDrained()
}

func (m *model) drainNow() {
	m.drain(activation.Terminating)
	for _, i := range slices.Clone(m.insts) {
		m.abandon(i)
	}
}

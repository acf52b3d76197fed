package engine

import (
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/tasks"
)

// history is how many outcomes a task remembers.
const history = 8

// stats are made when something happens to a task first, so that one that never
// ran costs nothing for them.
type stats struct {
	tally
	took
	outcomes []tasks.Outcome  // the last; a ring once there are as many as are remembered
	one      [1]tasks.Outcome // room for the first
	n        int              // ever put into it
	faults   []string         // the last
}

// A tally is tasks.Counts, but that what rarely happens takes no room before.
type tally struct {
	Fired, Merged, Refused, Missed, Started, Succeeded, Failed, Retried, Abandoned uint64

	canceled *[activation.EnergySaver + 1]uint64 // by reason; nil: none was
}

func newTally(c tasks.Counts) tally {
	t := tally{c.Fired, c.Merged, c.Refused, c.Missed, c.Started, c.Succeeded, c.Failed, c.Retried, c.Abandoned, nil}
	if canceled := c.Canceled; canceled != [len(canceled)]uint64{} {
		t.canceled = &canceled
	}
	return t
}

func (t *tally) counts() tasks.Counts {
	c := tasks.Counts{
		Fired: t.Fired, Merged: t.Merged, Refused: t.Refused, Missed: t.Missed, Started: t.Started,
		Succeeded: t.Succeeded, Failed: t.Failed, Retried: t.Retried, Abandoned: t.Abandoned,
	}
	if t.canceled != nil {
		c.Canceled = *t.canceled
	}
	return c
}

func (t *tally) cancel(r activation.Reason) {
	if t.canceled == nil {
		t.canceled = new([activation.EnergySaver + 1]uint64)
	}
	t.canceled[r]++
}

// What took how long.
const (
	accepted = iota
	started
	begun
	done
	spans // how many of those there are
)

// took counts durations. It keeps the first of each aside: what runs once has no
// more of them, and needs no histograms.
type took struct {
	first [spans]time.Duration
	has   [spans]bool
	all   *tasks.Latency // nil until there is a second one
}

func (l *took) add(what int, d time.Duration) {
	switch {
	case l.all != nil:
		count(l.all, what, d)
	case !l.has[what]:
		l.first[what], l.has[what] = d, true
	default:
		all := l.latency()
		count(&all, what, d)
		l.all = &all
	}
}

// latency is a copy of all that was counted.
func (l *took) latency() (all tasks.Latency) {
	if l.all != nil {
		return l.all.Clone()
	}
	for what, has := range l.has {
		if has {
			count(&all, what, l.first[what])
		}
	}
	return all
}

func count(l *tasks.Latency, what int, d time.Duration) {
	[...]*tasks.Histogram{&l.Accepted, &l.Started, &l.Begun, &l.Done}[what].Add(d)
}

// Of the first attempts, and of every so manieth after those, it is asked when
// their handlers begin.
const timedFirst, timedEvery = 1024, 16

// timed reports whether the next attempt is one of those.
func (s *stats) timed() bool {
	return s.Started < timedFirst || s.Started%timedEvery == 0
}

func (s *state) sums() *stats {
	if s.stats == nil {
		s.stats = new(stats)
	}
	return s.stats
}

// since is how long ago t was, if both are instants that the plan has a key for. It
// is a fifth of the work of Time.Sub.
func (e *Engine) since(t time.Time) time.Duration { return time.Duration(e.at - nanos(t)) }

// remember notes how an attempt ended.
func (e *Engine) remember(i *Instance, outcome error) {
	s := i.Task.sums()
	state := i.Life.State()
	switch {
	case state == tasks.StateSucceeded && outcome == nil: // else it is snoozed
		s.Succeeded++
	case state == tasks.StateFailed:
		s.Failed++
	case state == tasks.StateAbandoned:
		s.Abandoned++
	}
	if i.reason != 0 {
		s.cancel(i.reason)
	}
	if !e.cfg.NoLatency {
		s.add(done, e.since(i.Started))
	}
	if s.n == 0 {
		s.outcomes = s.one[:0]
	}
	if s.n < history {
		s.outcomes = append(s.outcomes, tasks.Outcome{})
	}
	o := &s.outcomes[s.n%history]
	o.Instance, o.Activation, o.Attempt = i.ID, i.Act.ID, i.Attempt
	o.Due, o.Started, o.Ended = i.Act.Due, i.Started, e.now
	o.State, o.Reason, o.Err = state, i.reason, outcome
	s.n++
}

// last lists the remembered outcomes, newest first.
func (s *stats) last() (list []tasks.Outcome) {
	for i := s.n - 1; i >= 0 && i >= s.n-history; i-- {
		list = append(list, s.outcomes[i%history])
	}
	return list
}

// Explain says where a task stands.
func (e *Engine) Explain(t *Task, now time.Time) tasks.Explanation {
	now = now.Round(0)
	x := tasks.Explanation{
		Group: t.Key.Group, Task: t.Key.Name, At: now,
		Running: e.running, Stopping: e.draining, Registered: !t.gone,
		Trigger: t.Trigger, Next: t.next(), Paused: e.isPaused(t), Spent: t.spent,
		Slots: t.Reg.Overlap.Slots(),
	}
	for _, l := range e.limitsOf(t.Key, t.Reg.Key) {
		if l.room == 0 {
			x.FullCaps = append(x.FullCaps, l.name)
		}
	}
	if t.state != nil {
		e.explainState(t, &x)
	}
	return x
}

func (e *Engine) explainState(t *Task, x *tasks.Explanation) {
	x.Inherited = t.inherited
	for i, c := range t.conds {
		if !c.holds {
			x.Unmet = append(x.Unmet, t.Conditions[i])
			x.Unheard = append(x.Unheard, c.unheard)
		}
	}
	for _, i := range inOrder(t.active) {
		x.Active = append(x.Active, tasks.ActiveInstance{
			Instance: i.ID, Activation: i.Act.ID, Attempt: i.Attempt, State: i.Life.State(),
			Since: i.Started, Deadline: i.Deadline, Reason: i.reason,
		})
	}
	for _, a := range t.pending.items() {
		x.Pending = append(x.Pending, e.explainPending(a))
	}
	if t.stats != nil {
		x.Counts, x.History, x.Faults = t.stats.counts(), t.stats.last(), slices.Clone(t.stats.faults)
		x.Latency = t.stats.latency()
	}
}

func (e *Engine) explainPending(a *Act) tasks.PendingActivation {
	p := tasks.PendingActivation{
		Activation: a.ID, Due: a.Due, Since: a.since, For: a.waits, Merged: a.Merged, Failures: a.failures, Err: a.lastErr,
	}
	if at, ok := e.plan.at(&a.notYet); ok {
		p.Until = time.Unix(0, at).In(e.now.Location())
	}
	return p
}

// next is the earliest due time that is armed.
func (t *Task) next() (at time.Time) {
	for n := range t.Schedules {
		s := t.source(n)
		if s.node.index != 0 && (at.IsZero() || s.at.Before(at)) {
			at = s.at
		}
	}
	return at
}

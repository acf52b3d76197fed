package sim

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// The oracles that watch every App of a simulation. Without switches them off.
const (
	// Conservation: no firing is lost or invented: an activation is fired
	// once, counts every firing that became part of it, and by the end of the
	// life each is completed.
	Conservation = "conservation"
	// Completion: an activation is completed once, after which nothing of it
	// starts, and has one attempt at a time.
	Completion = "completion"
	// Overlap: no more instances of a task live than its Overlap allows.
	Overlap = "overlap"
	// Progress: nothing waits for a slot or a cap while nothing runs that could
	// hold it.
	Progress = "progress"
	// Stopping: nothing starts, and nothing is to be retried, once the App stops.
	Stopping = "stopping"
	// Limits: an instance is canceled when its limit has passed, and over or
	// abandoned when its grace has.
	Limits = "limits"
	// Cancellation: an instance is canceled once, and its context ends then.
	Cancellation = "cancellation"
	// Latch: nothing starts while a condition does not hold, and nothing stays
	// latched when all do.
	Latch = "latch"
	// Punctuality: a schedule's due times are heeded, each once, in order, and
	// when they are due; those that were missed are made up for as the
	// registration's Missed says.
	Punctuality = "punctuality"
	// Durability: an activation that ran when its process was killed, or waited
	// and was accepted for good, is there again when that has come back, if the
	// App uses its store and registers the task again.
	Durability = "durability"
	// Ends: what has started is over or abandoned by the end of the life.
	Ends = "ends"
	// Panics: no handler panics, unless a fault made it.
	Panics = "panics"
)

// Without switches oracles off.
func Without(oracles ...string) Option {
	return func(c *config) {
		for _, name := range oracles {
			c.quiet[name] = true
		}
	}
}

// broken fails the life, unless the oracle is switched off.
func (l *ledger) broken(oracle, format string, args ...any) {
	if !l.p.s.conf.quiet[oracle] {
		l.p.s.failAs(oracle, format, fmt.Errorf(format, args...))
	}
}

// A witness is a Proc as its App's witness. The owner of the engine calls it.
type witness ledger

var _ engine.Witness = (*witness)(nil)

// Heeds implements engine.Witness. Only Saw writes what it reads.
func (w *witness) Heeds(op engine.Op) bool {
	switch op { //nolint:exhaustive // the others are no matter
	case engine.Begin, engine.Drain, engine.DrainNow, engine.Update, engine.Unregister, engine.Jump:
		return true
	}
	return w.draining != w.stopped
}

// Saw implements engine.Witness.
func (w *witness) Saw(now time.Time, in engine.Input) {
	l := (*ledger)(w)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = l.draining // what was due by then came first
	switch in.Op {         //nolint:exhaustive // the others are no matter
	case engine.Begin:
		l.running, l.began = true, now
		l.armAll(now)
	case engine.Drain, engine.DrainNow:
		l.draining = true
	case engine.Update:
		l.changes(l.task(in.Task.Key.Group, in.Task.Key.Name), in.Spec)
	case engine.Unregister:
		l.task(in.Task.Key.Group, in.Task.Key.Name).sources = nil
	case engine.Jump:
		l.jumped = true
	}
}

// Told implements engine.Witness.
func (w *witness) Told(e *event.Event) {
	l := (*ledger)(w)
	l.mu.Lock()
	if l.p.now.Load().ledger == l && !l.p.s.isClosed() { // else it was killed, or is being unwound
		l.told(e)
	}
	l.mu.Unlock()
}

func (l *ledger) told(e *event.Event) {
	if m := l.p.s.merger; m != nil {
		m.event(e)
	}
	if s := l.p.s; s.story != nil {
		s.tell("%s%v", l.p.prefix, *e)
	}
	l.note(e)
	l.aim(e)
}

func (l *ledger) note(e *event.Event) {
	switch e.Kind { //nolint:exhaustive // the others concern no oracle
	case event.Registered:
		t := l.adopt(e)
		t.begin()
		if l.running {
			l.arm(t, e.At)
		}
	case event.Unregistered:
		l.task(e.Group, e.Task).forgotten = l.newest
	case event.Fired:
		l.fired(e)
	case event.Restored:
		*l.acts.row(e.Activation) = actRow{task: l.task(e.Group, e.Task), fired: true, merged: e.N}
		l.open++
		l.newest = max(l.newest, e.Activation)
		l.durable = max(l.durable, e.Activation)
	case event.Merged:
		l.merged(e)
	case event.Refused:
		l.heed(l.task(e.Group, e.Task), e, 1)
	case event.Missed:
		l.missed(e)
	case event.Waiting:
		l.waits(l.acts.row(e.Activation), l.task(e.Group, e.Task), e.Waits)
	case event.Retrying:
		l.stopping(e)
	case event.Started:
		l.stopping(e)
		l.started(e)
	case event.Canceling:
		l.canceling(e)
	case event.Ended:
		l.ended(e)
	case event.Released: // what is abandoned may be over at that very instant
		l.idle = slices.DeleteFunc(l.idle, func(i idleRow) bool { return i.inst == e.Instance && i.at == l.now() })
	case event.Abandoned:
		l.abandoned(e)
	case event.Completed:
		l.completed(e)
	case event.ConditionChanged:
		l.task(e.Group, e.Task).changed(e)
		l.suspect = true
	}
}

func (l *ledger) fired(e *event.Event) {
	a := l.acts.row(e.Activation)
	if a == nil || a.fired {
		l.broken(Conservation, "activation %d of %s was fired before", e.Activation, e.Task)
		return
	}
	t := l.task(e.Group, e.Task)
	*a = actRow{task: t, fired: true, merged: 1}
	l.newest = max(l.newest, e.Activation)
	l.open++
	l.heed(t, e, 1)
}

func (l *ledger) merged(e *event.Event) {
	l.heed(l.task(e.Group, e.Task), e, 1)
	a := l.acts.row(e.Activation)
	switch {
	case a == nil || !a.fired || a.completed || a.running:
		l.broken(Conservation, "a firing of %s became part of activation %d, which is not pending", e.Task, e.Activation)
		return
	case e.N != a.merged+1:
		l.broken(Conservation, "activation %d of %s counts %d firings, got another than the next after %d", e.Activation, e.Task, e.N, a.merged)
	}
	a.merged = e.N
}

// waits notes what an activation waits for.
func (l *ledger) waits(a *actRow, t *taskRow, w event.Waits) {
	if a == nil || a.waits == w {
		return
	}
	t.waiting[a.waits]--
	l.waiting[a.waits]--
	t.waiting[w]++
	l.waiting[w]++
	l.suspect = l.suspect || w == event.ForCondition
	a.waits = w
}

func (l *ledger) stopping(e *event.Event) {
	if l.stopped {
		l.broken(Stopping, "%s: %v while the App stops", e.Task, e.Kind)
	}
}

func (l *ledger) started(e *event.Event) {
	a := l.acts.row(e.Activation)
	t := l.taskOf(a, e)
	if a == nil || !a.fired || a.completed || a.running {
		l.broken(Completion, "activation %d of %s started, and is completed, runs already, or was never fired", e.Activation, e.Task)
		return
	}
	l.waits(a, t, event.ForNothing)
	a.running = true
	i := l.insts.row(e.Instance)
	*i = instRow{task: t, act: e.Activation, newest: l.newest, started: true, late: never}
	l.begin(e.Instance, i)
	if n := mayLive(t.reg); n > 0 && t.live > n {
		l.broken(Overlap, "%d instances of %s live, and it allows %d", t.live, e.Task, n)
	}
	if t.reg.TimeLimit > 0 && !t.reg.OnLoop {
		l.expect(i, t.reg.TimeLimit)
	}
	for _, c := range t.conds {
		if !c.told && !c.polled {
			l.broken(Latch, "%s started while a condition of it does not hold", e.Task)
		}
	}
}

// mayLive is how many instances may live at once; zero: any number.
func mayLive(r tasks.Registration) int {
	if r.Trigger == nil || r.Overlap == tasks.Parallel(0) {
		return 0
	}
	return max(1, r.Overlap.Slots())
}

func (l *ledger) canceling(e *event.Event) {
	i := l.insts.row(e.Instance)
	if i == nil || !i.started {
		return
	}
	if i.canceled || i.ended {
		l.broken(Cancellation, "instance %d of %s was canceled, or had ended, before it is with %v", e.Instance, e.Task, e.Reason)
		return
	}
	if e.Reason == activation.ExecutionTimeExceeded && l.now() < i.late && i.late != never {
		l.broken(Limits, "instance %d of %s exceeded its limit %v early", e.Instance, e.Task, i.late-l.now())
	}
	i.canceled = true
	l.check = append(l.check, e.Instance)
	i.late = never
	if !i.task.reg.OnLoop {
		l.expect(i, max(0, i.task.reg.Grace))
	}
}

func (l *ledger) ended(e *event.Event) {
	i := l.insts.row(e.Instance)
	if i == nil || !i.started || i.ended {
		return
	}
	l.end(i)
	if a := l.acts.row(i.act); a != nil {
		a.running = false
	}
	if e.Err == nil {
		return
	}
	var p *tasks.Panic
	if errors.As(e.Err, &p) && !isInjected(p.Value) {
		l.broken(Panics, "the handler of %s: %w\n%s", e.Task, e.Err, p.Stack)
	}
}

// abandoned: something of the instance must be left to give up on.
func (l *ledger) abandoned(e *event.Event) {
	i := l.insts.row(e.Instance)
	switch {
	case i == nil || !i.started:
	case l.stall() > i.stalled: // it ended meanwhile, and is seen to only now
	case e.Detail == "" && (i.ended || i.returned && i.since < l.now()):
		l.idle = append(l.idle, idleRow{e.Instance, e.Task, l.now()})
	}
	l.ended(e)
}

func (l *ledger) completed(e *event.Event) {
	a := l.acts.row(e.Activation)
	switch {
	case a == nil || a.completed:
		l.broken(Completion, "activation %d of %s was completed before", e.Activation, e.Task)
		return
	case !a.fired:
		l.broken(Completion, "activation %d of %s was completed and never fired", e.Activation, e.Task)
	case e.N != a.merged:
		l.broken(Conservation, "activation %d of %s is completed for %d firings, and had %d", e.Activation, e.Task, e.N, a.merged)
	}
	l.waits(a, l.taskOf(a, e), event.ForNothing)
	a.completed = true
	l.open--
}

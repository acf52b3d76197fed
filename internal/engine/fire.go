package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/mutant"
	"github.com/bgloop/bgloop/tasks"
)

// A firing asks for an activation.
type firing struct {
	details  any
	origin   context.Context
	due      time.Time
	fromTime bool // a schedule's or a topic's: it waits while the task is paused
	placed   bool // it has a place in the pending list
	scope    int  // of its source
}

func (e *Engine) fireFromOutside(in *Input, r *Reply) {
	err := e.closed(in.Task)
	if err == nil && in.stale() {
		err = fmt.Errorf("%w: task %q", activation.ErrUnbound, in.Task.Key.Name)
	}
	if err == nil && e.stalled && in.Task.durable {
		err = fmt.Errorf("%w: task %q", ErrStore, in.Task.Key.Name)
	}
	if err != nil {
		e.drop(in.Details)
		r.Result, r.Err = activation.UnknownError, err
		return
	}
	r.Act, r.Result = e.fire(in.Task, &firing{details: in.Details, origin: in.Origin, due: e.now, scope: in.Index})
}

// closed says why a firing is misuse.
func (e *Engine) closed(t *Task) error {
	switch {
	case t.gone:
		return fmt.Errorf("%w: task %q", activation.ErrUnbound, t.Key.Name)
	case !e.running || e.stopped:
		return fmt.Errorf("%w: task %q", activation.ErrNotRunning, t.Key.Name)
	}
	return nil
}

// raise fires every task that listens to a topic, in the order they began to.
func (e *Engine) raise(in *Input, r *Reply) {
	if !e.running || e.stopped {
		r.Err = fmt.Errorf("%w: topic %q", activation.ErrNotRunning, in.Topic)
		return
	}
	for _, l := range slices.Clone(e.topics[in.Topic]) {
		f := firing{details: in.Details, origin: in.Origin, due: e.now, fromTime: true, scope: l.scope}
		if _, res := e.fire(l.task, &f); res == activation.Allowed {
			r.N++
		}
	}
}

// The topics of completions, before the task's name.
const (
	doneAny    = "done/any/"
	doneOK     = "done/ok/"
	doneFailed = "done/failed/"
)

func chained(topic string) int {
	if strings.HasPrefix(topic, "done/") {
		return 1
	}
	return 0
}

// raiseDone fires the tasks of the same group that follow a completion.
func (e *Engine) raiseDone(t *Task, v event.Event, outcome error) {
	how := doneOK
	if outcome != nil {
		how = doneFailed
	}
	for _, topic := range []string{doneAny + t.Key.Name, how + t.Key.Name} {
		for _, l := range slices.Clone(e.topics[topic]) {
			if l.task.Key.Group == t.Key.Group {
				e.fire(l.task, &firing{details: v, due: e.now, fromTime: true, scope: l.scope})
			}
		}
	}
}

// fire makes an activation of a firing, or a part of one, or refuses it.
func (e *Engine) fire(t *Task, f *firing) (*Act, activation.Result) {
	if t.gone {
		return nil, activation.UnknownError
	}
	e.stateOf(t)
	at, ok := e.pass(t, f)
	paused := e.isPaused(t)
	switch {
	case e.draining, t.spent, paused && !f.fromTime && !f.placed, !ok:
		return nil, e.refuse(t, f, activation.DisabledByPolicy)
	case paused && f.fromTime:
		return e.firePaused(t, f, at)
	}
	return e.keep(t, f, at)
}

// firePaused follows Missed: firings of time and events are kept for later, up
// to as many as may be made up for.
func (e *Engine) firePaused(t *Task, f *firing, at time.Time) (*Act, activation.Result) {
	last := t.pending.mergeable()
	switch most := madeUpFor(t.Reg.Missed); {
	case most == 0:
		t.missedPaused, t.missedLast = t.missedPaused+1, f.due
		return nil, e.refuse(t, f, activation.DisabledByPolicy)
	case t.whilePaused >= most && last != nil:
		t.missedPaused, t.missedLast = t.missedPaused+1, f.due
		if t.keep == tasks.Oldest {
			return e.mergeOld(last, f), activation.Allowed
		}
		return e.merge(last, f, at), activation.Allowed
	}
	a, r := e.keep(t, f, at)
	if r == activation.Allowed {
		t.whilePaused++
	}
	return a, r
}

// madeUpFor is how many missed firings are made up for at most.
func madeUpFor(m tasks.Missed) int {
	if m == tasks.MissedSkip {
		return 0
	}
	return max(1, m.All())
}

// keep does what the task's Keep and Overlap say of a firing.
func (e *Engine) keep(t *Task, f *firing, at time.Time) (*Act, activation.Result) {
	switch last := t.pending.mergeable(); {
	case last != nil && t.keep == tasks.Newest:
		return e.merge(last, f, at), activation.Allowed
	case last != nil && t.keep == tasks.Oldest:
		return e.mergeOld(last, f), activation.Allowed
	case f.placed:
	case t.Reg.Overlap == tasks.Skip && t.busy() > 0, t.full() && (at.After(e.now) || !e.open(t)):
		return nil, e.refuse(t, f, activation.CurrentlyRunning)
	}
	return e.accept(t, f, at), activation.Allowed
}

// full reports whether no further activation may be pending. Those that wait
// for another attempt had their place before.
func (t *Task) full() bool {
	return t.keep.Capacity() > 0 && t.pending.fresh()+t.held >= t.keep.Capacity()
}

func (e *Engine) accept(t *Task, f *firing, at time.Time) *Act {
	e.actIDs++
	a := e.spare()
	a.ID, a.Task, a.Details, a.Origin, a.Due, a.Merged, a.since = e.actIDs, t, f.details, f.origin, f.due, 1, e.now
	t.count(f)
	if f.fromTime && !e.cfg.NoLatency { // else it is due now
		t.stats.add(accepted, e.since(f.due))
	}
	e.spend(a)
	if e.Watched {
		v := e.told(t, nil, event.Fired)
		v.Activation, v.Due = a.ID, a.Due
	}
	e.openWindow(a, f.scope)
	if !at.After(e.now) && !t.gone && e.atOnce(t) {
		e.start(a)
		return a
	}
	t.pending.push(a)
	e.putOff(a, at)
	e.advance(t)
	return a
}

// putOff keeps a from starting before an instant, if that is to come.
func (e *Engine) putOff(a *Act, until time.Time) {
	if until.After(e.now) {
		a.notYet.kind, a.notYet.of = kindNotYet, a
		e.plan.arm(&a.notYet, nanos(until))
	}
}

// merge makes f part of a, which takes its details.
func (e *Engine) merge(a *Act, f *firing, at time.Time) *Act {
	e.drop(a.Details)
	a.Details, a.Origin, a.Due = f.details, f.origin, f.due
	e.countMerge(a, f)
	e.widenWindow(a, f.scope)
	e.tell(a.Task, event.Event{Kind: event.Merged, Activation: a.ID, N: a.Merged, Due: a.Due})
	e.reschedule(a, f.scope, at)
	return a
}

// reschedule: a firing that may start at that instant has become part of a. A
// Postponer puts the start off anew; otherwise the earlier start stands.
func (e *Engine) reschedule(a *Act, scope int, at time.Time) {
	first, waits := e.plan.at(&a.notYet)
	switch later := at.After(e.now); {
	case later && (a.Task.postpones(scope) || waits && nanos(at) < first):
		e.putOff(a, at)
	case !later && waits:
		e.plan.disarm(&a.notYet)
	default:
		return
	}
	a.Task.waits = event.ForTime // so that every entry is looked at
	e.advance(a.Task)
}

// mergeOld makes f part of a, which keeps its details.
func (e *Engine) mergeOld(a *Act, f *firing) *Act {
	e.drop(f.details)
	e.countMerge(a, f)
	e.tell(a.Task, event.Event{Kind: event.Merged, Activation: a.ID, N: a.Merged, Due: f.due})
	return a
}

func (e *Engine) countMerge(a *Act, f *firing) {
	if !mutant.On(mutant.MergeLost) || a.Merged != 4 {
		a.Merged++
	}
	e.spend(a)
	a.Task.count(f)
	a.Task.sums().Merged++
}

// spend notes for which trigger of the task's it was fired. A one-shot is at its
// end then.
func (e *Engine) spend(a *Act) {
	a.epoch = a.Task.epoch
	e.save(a)
	if a.Task.OneShot {
		a.Task.spent = true
		e.disarmSources(a.Task)
	}
}

// count notes a firing that came through.
func (t *Task) count(f *firing) {
	for s := t.scope(f.scope); s != nil; s = t.parent(s) {
		s.phase.N++
		s.phase.Last = s.asked
	}
	t.sums().Fired++
}

func (e *Engine) refuse(t *Task, f *firing, r activation.Result) activation.Result {
	e.drop(f.details)
	t.sums().Refused++
	e.tell(t, event.Event{Kind: event.Refused, Result: r, Due: f.due})
	return r
}

// drop lets go of details that reach no handler.
func (e *Engine) drop(details any) {
	if _, owns := details.(activation.Dropper); owns {
		e.do(Effect{Do: Drop, Details: details})
	}
}

// scope is that of a source; nil if Apply has left fewer.
func (t *Task) scope(i int) *scope {
	if i >= len(t.scopes) {
		return nil
	}
	return &t.scopes[i]
}

// parent is the scope that s is a branch of, nil if it is the whole trigger.
func (t *Task) parent(s *scope) *scope {
	if s == &t.scopes[0] {
		return nil
	}
	return t.scope(s.Parent)
}

// postpones reports whether a filter of the scope delays a merged firing anew.
func (t *Task) postpones(i int) (yes bool) {
	for s := t.scope(i); s != nil && !yes; s = t.parent(s) {
		for _, f := range s.Filters {
			p, ok := f.(activation.Postponer)
			yes = yes || ok && p.Postpones()
		}
	}
	return yes
}

// pass asks the filters of the source's scopes, the innermost first, when a
// firing may start, and whether it is let through. One that panics lets nothing
// through.
func (e *Engine) pass(t *Task, f *firing) (at time.Time, ok bool) {
	at, ok = f.due, true
	for s := t.scope(f.scope); s != nil && ok; s = t.parent(s) {
		s.asked = at
		if len(s.Filters) > 0 {
			at, ok = e.ask(t, s, at)
		}
	}
	return at, ok
}

// ask asks the filters of one scope.
func (e *Engine) ask(t *Task, s *scope, due time.Time) (at time.Time, ok bool) {
	defer func() {
		if v := recover(); v != nil {
			ok = false
			e.fault(t, fmt.Errorf("%w: filter: panic: %v\n%s", ErrSchedule, v, debug.Stack()))
		}
	}()
	at, ok = due, true
	for _, filter := range s.Filters {
		if at, ok = filter.Pass(s.phase, at); !ok {
			break
		}
	}
	return at, ok
}

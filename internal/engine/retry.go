package engine

import (
	"errors"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/mutant"
	"github.com/bgloop/bgloop/tasks"
)

// again says whether an attempt that ended like this is followed by another,
// and how long after.
func (e *Engine) again(i *Instance, outcome error) (in time.Duration, ok bool) {
	if outcome == nil {
		return 0, false
	}
	t, a := i.Task, i.Act
	var (
		snooze    *tasks.SnoozeError
		permanent *tasks.PermanentError
		after     *tasks.RetryAfterError
	)
	switch {
	case e.draining && !mutant.On(mutant.RetryInDrain), t.gone, i.Life.State() == tasks.StateAbandoned:
		return 0, false
	case i.reason == activation.ConditionLoss:
		return 0, t.Reg.Retry.Attempts > 1
	case i.reason != 0 && i.reason != activation.ExecutionTimeExceeded:
		return 0, false
	case i.reason == 0 && errors.As(outcome, &snooze):
		return snooze.For, true
	}
	a.failures++
	a.lastErr = outcome
	switch {
	case a.failures >= t.Reg.Retry.Attempts, errors.As(outcome, &permanent), errors.Is(outcome, tasks.ErrUnknownTask):
		return 0, false
	case errors.As(outcome, &after):
		return after.After, true
	}
	return t.Reg.Retry.Pause(t.Key.Name, a.ID, a.failures), true
}

func snoozed(err error) bool {
	if err == nil {
		return false
	}
	var s *tasks.SnoozeError
	return errors.As(err, &s)
}

// whyNotAgain is the reason for which an activation that was snoozed ends.
func (e *Engine) whyNotAgain() activation.Reason {
	if e.draining {
		return activation.Terminating
	}
	return activation.Abort
}

// retry makes the activation pending again.
func (e *Engine) retry(i *Instance, in time.Duration, outcome error) {
	a := i.Act
	a.retrying, a.since = true, e.now
	e.save(a)
	a.had = a.had || !i.unbegun
	a.Task.sums().Retried++
	e.tellOf(i, event.Event{Kind: event.Retrying, Due: e.now.Add(in), Err: outcome})
	if in > 0 {
		a.notYet = node{kind: kindNotYet, of: a, elapsed: true}
		e.plan.arm(&a.notYet, nanos(e.now.Add(in)))
	}
	a.Task.pending.putBack(a)
	a.Task.waits = event.ForTime // so that every entry is looked at
	e.advance(a.Task)
}

// cancelTask cancels what runs of a task, and ends what waits for another
// attempt.
func (e *Engine) cancelTask(t *Task, r activation.Reason) (n int) {
	if t.state == nil {
		return 0
	}
	for i := 0; i < t.pending.len(); { // the end of a one-shot ends them all
		a := t.pending.items()[i]
		if !a.retrying {
			i++
			continue
		}
		e.endEntry(t.pending.take(i), &tasks.Canceled{Reason: r, Err: a.lastErr})
		n++
	}
	n += e.cancelAll(t, r)
	e.advance(t)
	return n
}

// endEntry ends a pending activation that will not start anymore.
func (e *Engine) endEntry(a *Act, outcome error) {
	e.plan.disarm(&a.notYet)
	if !a.had {
		e.drop(a.Details)
	}
	e.complete(a, outcome, e.outlives(a, nil, outcome))
}

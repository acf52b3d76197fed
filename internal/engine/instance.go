package engine

import (
	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/mutant"
	"github.com/bgloop/bgloop/tasks"
)

// start begins an attempt to run a, unless it is too late for that.
func (e *Engine) start(a *Act) {
	if e.expired(a) {
		e.endEntry(a, tooLate(a))
		return
	}
	t := a.Task
	e.instIDs++
	a.attempts++
	e.save(a)
	a.waits = event.ForNothing
	i := &a.first
	if a.attempts > 1 {
		i = new(Instance)
	}
	i.ID, i.Act, i.Task, i.Attempt, i.Started = e.instIDs, a, t, a.attempts, e.now
	a.last = i
	if e.cfg.Shadow {
		i.Life.Shadow()
	}
	i.index, i.place = len(t.active), len(e.insts)
	t.active, e.insts = append(t.active, i), append(e.insts, i)
	i.turn.of, i.turn.elapsed = i, true
	if !t.Reg.OnLoop { // else its turn has not come
		e.began(i)
	}
	i.limits = t.limits
	for _, l := range i.limits {
		l.room--
	}
	s := t.sums()
	i.Timed = !e.cfg.NoLatency && s.timed()
	s.Started++
	if i.Timed && a.attempts == 1 {
		s.add(started, e.since(a.since))
	}
	f := e.effect(Start)
	f.Inst, f.Task, f.Act = i, t, a
	if e.Watched {
		e.toldOf(i, event.Started).Due = a.Due
	}
}

// began: from now on the instance's time limit runs. Waiting for a turn on the
// loop does not count against it.
func (e *Engine) began(i *Instance) {
	if i.settled || i.reason != 0 {
		return
	}
	until := longRunning
	i.turn.kind = kindWarn
	if limit := i.Task.limit; limit > 0 {
		i.turn.kind, until = kindLimit, limit
		i.Deadline = e.now.Add(limit)
	}
	e.plan.armAfter(&i.turn, e.at, until, maxLanes)
}

// unbegun: the instance was canceled before its handler began, so nobody has had
// the details.
func (e *Engine) unbegun(i *Instance) {
	i.unbegun = true
	if i.settled && !i.Act.had { // it was abandoned in the meantime
		e.drop(i.Act.Details)
	}
}

// move makes a move of the lifecycle, which this package must know to be legal.
func (e *Engine) move(i *Instance, m tasks.Move) {
	if err := i.Life.Do(m); err != nil {
		e.Illegal++
		e.tellOf(i, event.Event{Kind: event.Faulted, Err: err})
	}
}

// progress tells how far an instance is, unless its outcome has been told.
func (e *Engine) progress(i *Instance, n uint64) {
	if !i.settled {
		e.tellOf(i, event.Event{Kind: event.Progressed, N: n})
	}
}

// returned: the handler has returned while deferrals are open, or one of the
// instance's goroutines failed after that. A failure is told at once; the slot
// is held until the deferrals are completed, or for the grace.
func (e *Engine) returned(i *Instance, err error) {
	if i.settled || i.reason != 0 {
		return
	}
	if err == nil || snoozed(err) {
		if i.Life.State() == tasks.StateDeferred {
			return // who snoozes has its say when all is over
		}
		e.move(i, tasks.MoveDefer)
		e.tellOf(i, event.Event{Kind: event.Deferred})
		return
	}
	e.move(i, tasks.MoveFail)
	e.do(Effect{Do: End, Inst: i}) // first: who is told finds its context ended
	e.settle(i, err)
	e.allow(i)
}

// over: the handler has returned and no deferral is open; or an abandoned
// instance has come to its end after all.
func (e *Engine) over(i *Instance, err error) {
	switch {
	case i.settled:
		e.tellOf(i, event.Event{Kind: event.Released})
		if mutant.On(mutant.DoubleCompletion) {
			e.complete(i.Act, i.outcome, false)
		}
	case i.reason != 0:
		e.move(i, tasks.MoveEnd)
		e.settle(i, &tasks.Canceled{Reason: i.reason, Err: err})
	case err != nil && !snoozed(err):
		i.tidy = true
		e.move(i, tasks.MoveFail)
		e.settle(i, err)
	default:
		i.tidy = true
		e.move(i, tasks.MoveSucceed)
		e.settle(i, err)
	}
	e.release(i)
}

// cancel asks an instance to end. The first reason wins.
func (e *Engine) cancel(i *Instance, r activation.Reason) bool {
	if i.settled || i.reason != 0 && !mutant.On(mutant.SecondReason) {
		return false
	}
	if mutant.On(mutant.CancelRace) && i.Life.State() == tasks.StateQueued {
		return false
	}
	i.reason, i.canceled = r, e.now
	e.move(i, tasks.MoveCancel)
	e.do(Effect{Do: Stop, Inst: i, Reason: r})
	e.tellOf(i, event.Event{Kind: event.Canceling, Reason: r})
	e.allow(i)
	return true
}

// allow gives the instance its grace to let go of its slot.
func (e *Engine) allow(i *Instance) {
	i.turn.kind = kindGrace
	if i.Task.grace <= 0 {
		e.plan.disarmTurn(&i.turn)
		e.abandon(i)
		return
	}
	e.plan.armAfter(&i.turn, e.at, i.Task.grace, maxLanes)
}

// abandon gives up on an instance that has not ended within its grace. Its
// goroutine may go on; its slot is free, unless OnAbandon holds it.
func (e *Engine) abandon(i *Instance) {
	if (i.released || i.given) && !mutant.On(mutant.GraceKept) {
		return
	}
	e.do(Effect{Do: Abandon, Inst: i})
	e.tellOf(i, event.Event{Kind: event.Abandoned, Reason: i.reason})
	if !i.settled {
		e.move(i, tasks.MoveAbandon)
		e.settle(i, &tasks.Canceled{Reason: i.reason, Abandoned: true})
	}
	if i.Task.Reg.OnAbandon == tasks.StopApp && !e.draining {
		e.do(Effect{Do: StopApp, Inst: i})
	}
	if i.Task.Reg.OnAbandon != tasks.FreeSlot { // with StopApp nothing more is to start
		i.given = true
		e.forget(i)
		return
	}
	e.release(i)
}

// settle tells the outcome of an attempt, and with it of the activation, unless
// there is to be another attempt.
func (e *Engine) settle(i *Instance, outcome error) {
	i.settled, i.outcome = true, outcome
	e.remember(i, outcome)
	if e.Watched {
		v := e.toldOf(i, event.Ended)
		v.Reason, v.Err = i.reason, outcome
	}
	if in, ok := e.again(i, outcome); ok {
		e.retry(i, in, outcome)
		return
	}
	if i.reason == 0 && snoozed(outcome) { // and may not be run again
		outcome = &tasks.Canceled{Reason: e.whyNotAgain(), Err: outcome}
	}
	if i.unbegun && !i.Act.had {
		e.drop(i.Act.Details)
	}
	e.complete(i.Act, outcome, e.outlives(i.Act, i, outcome))
}

// complete tells the outcome of an activation, once. With it a one-shot task is
// at its end; unless the activation outlives this run of the program.
func (e *Engine) complete(a *Act, outcome error, outlives bool) {
	t := a.Task
	for n := range t.Schedules {
		e.phaseOf(t, n).Completed = e.now
	}
	f := e.effect(Settle)
	f.Act, f.Err = a, outcome
	if e.Watched || t.Watched {
		a.completed(e.told(t, nil, event.Completed), outcome)
	}
	e.plan.disarm(&a.expiry)
	e.follow(t)
	if e.chains > 0 {
		v := event.Event{Kind: event.Completed, At: e.now, Group: t.Key.Group, Task: t.Key.Name}
		a.completed(&v, outcome)
		e.raiseDone(t, v, outcome)
	}
	if outlives {
		e.save(a)
		return
	}
	e.erase(a)
	if t.OneShot && a.epoch == t.epoch {
		e.unregister(t, false)
	}
}

// completed says in v how the activation ended.
func (a *Act) completed(v *event.Event, outcome error) {
	v.Activation, v.Attempt, v.Due, v.N, v.Err = a.ID, a.attempts, a.Due, a.Merged, outcome
	if a.last != nil {
		v.Instance, v.Reason = a.last.ID, a.last.reason
	}
}

// release gives the instance's slot back.
func (e *Engine) release(i *Instance) {
	if i.released {
		return
	}
	i.released = true
	t := i.Task
	if i.Act.retrying { // it may start again now
		t.waits = event.ForTime // so that every entry is looked at
	}
	last := t.active[len(t.active)-1]
	t.active[i.index], last.index = last, i.index
	t.active[len(t.active)-1] = nil
	t.active = t.active[:len(t.active)-1]
	for _, l := range i.limits {
		if mutant.On(mutant.CapLeak) && i.reason != 0 {
			break
		}
		l.room++
	}
	for t.heir != nil {
		t = t.heir
		t.inherited--
	}
	e.forget(i)
	if mutant.On(mutant.LostWakeup) && i.reason != 0 {
		return
	}
	e.advance(t)
	if len(i.limits) > 0 {
		e.fill(i.limits)
	}
}

// forget ends what the engine does about the instance. Stopping does not wait
// for it.
func (e *Engine) forget(i *Instance) {
	if !mutant.On(mutant.GraceKept) || i.turn.kind != kindGrace {
		e.plan.disarmTurn(&i.turn)
	}
	if i.place < 0 {
		return
	}
	end := e.insts[len(e.insts)-1]
	e.insts[i.place], end.place = end, i.place
	e.insts[len(e.insts)-1] = nil
	e.insts = e.insts[:len(e.insts)-1]
	i.place = -1
	e.checkDrained()
}

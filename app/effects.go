package app

import (
	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/engine"
)

// carry does what the engine decided. It runs no user code: that is queued or
// given a strand of its own.
func (a *App) carry(f *engine.Effect) {
	switch f.Do {
	case engine.Start:
		a.startRun(f.Inst)
	case engine.Stop:
		runOf(f.Inst).cancel(f.Reason)
	case engine.End:
		runOf(f.Inst).end()
	case engine.Abandon:
		a.abandon(f.Inst)
	case engine.StopApp:
		a.culprits = append(a.culprits, f.Inst)
		a.later(&letter{do: a.beginStop})
	case engine.Settle:
		a.settleAct(f)
	case engine.Wake:
		a.wake(f.Timer)
	case engine.Grant:
		f.Place.Host.(*placing).answer(nil)
	case engine.Deny:
		f.Place.Host.(*placing).answer(f.Err)
	case engine.Want:
		portOf(f.Task).want(f.Index, f.On)
	case engine.Drop:
		a.spawnOwned(&errand{a, nil, "Drop", f.Details.(activation.Dropper).Drop, true})
	case engine.Retired:
		if p := portOf(f.Task); p != nil {
			p.retire()
		}
	case engine.Emit:
		a.emit(f)
	case engine.Drained: // checkStopped sees it
	}
}

func taskOf(t *engine.Task) *Task   { return t.Host.(*Task) }
func portOf(t *engine.Task) *port   { return taskOf(t).port() }
func runOf(i *engine.Instance) *run { return i.Host.(*run) }

func (a *App) settleAct(f *engine.Effect) {
	if r, ok := f.Act.Host.(*run); ok && r.h != nil {
		r.h.settle(f.Err)
	}
	a.noteEnd(f.Act, f.Err)
}

func (a *App) abandon(i *engine.Instance) {
	r := runOf(i)
	a.noteOpen(i, r.abandon())
	a.loop.forsake(r)
	args := []any{"task", taskName(i.Task.Key.Group, i.Task.Key.Name), "instance", i.ID}
	if open := r.openDeferrals(); open != "" {
		args = append(args, "deferrals", open)
	}
	a.dump(r, func(stack string) { // the logger is the user's
		if stack != "" {
			args = append(args, "stack", stack)
		}
		a.log.Warn("bgloop: abandoned: not over within the grace", args...)
		a.own(func() { a.noteStack(i, stack) })
	})
}

// wake ends a sleep, or calls a function of a port.
func (a *App) wake(t *engine.Timer) {
	switch h := t.Host.(type) {
	case *sleeper:
		h.wake()
	case *callback:
		a.spawnOwned(h)
	case *handlerLoop:
		h.ring()
	case *journal:
		h.again()
	case *App:
		a.hurry = true // the time for callbacks at Stop is over
	}
}

// emit tells an event to who observes its task. Who observes the App is told all
// of a step at once, unless some of it may be held back.
func (a *App) emit(f *engine.Effect) {
	e := a.eventOf(f)
	if a.journal != nil {
		a.tell(e, f.Task)
	} else {
		a.tellTask(e, f.Task)
	}
}

// eventOf is the event of an effect, complete, until the next step.
func (a *App) eventOf(f *engine.Effect) *event.Event {
	e := a.eng.Event(f)
	if e.Kind == event.Canceling || e.Kind == event.Abandoned {
		e.Detail = runOf(f.Inst).openDeferrals()
	}
	if a.witness != nil {
		a.witness.Told(e)
	}
	return e
}

func (a *App) tell(e *event.Event, t *engine.Task) {
	for _, o := range a.observers {
		o.put(e)
	}
	a.tellTask(e, t)
}

func (a *App) tellTask(e *event.Event, t *engine.Task) {
	if t == nil || e.Kind != event.Completed && e.Kind != event.Progressed {
		return
	}
	for _, o := range taskOf(t).observers() {
		if o.wants(e.Kind) {
			o.put(e)
		}
	}
}

// tellAll tells the events of a step to who observes the App.
func (a *App) tellAll() {
	if len(a.observers) == 0 {
		return
	}
	events := a.eng.Events()
	if len(events) == 0 {
		return
	}
	for _, o := range a.observers {
		o.putAll(events)
	}
}

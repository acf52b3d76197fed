package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/mutant"
	"github.com/bgloop/bgloop/tasks"
)

// register accepts a registration, or refuses it and changes nothing.
func (e *Engine) register(s *Spec) (*Task, error) {
	old := e.Task(s.Key)
	if err := e.refusal(s, old); err != nil {
		return nil, err
	}
	t := e.newTask(s)
	if old != nil {
		e.replace(old, t)
	}
	e.enter(t)
	e.tell(t, event.Event{Kind: event.Registered, N: t.ID})
	if e.running {
		var back time.Duration
		if s.Stored != nil {
			back = e.behind(s.Stored.latest())
			e.restore(t, s.Stored, back)
			e.advance(t)
		}
		e.saveTask(t)
		e.armAgain(t, back)
	}
	return t, nil
}

func (e *Engine) refusal(s *Spec, old *Task) error {
	switch {
	case e.draining:
		return fmt.Errorf("%w: task %q", ErrStopped, s.Key.Name)
	case old != nil && !s.Replace:
		return fmt.Errorf("%w: task %q", ErrRegistered, s.Key.Name)
	}
	for _, key := range s.Exclusive {
		if by := e.claims[key]; by != nil && by != old {
			return fmt.Errorf("%w: task %q, for task %q", ErrExclusive, by.Key.Name, s.Key.Name)
		}
	}
	return nil
}

func (e *Engine) newTask(s *Spec) *Task {
	t := s.Task
	if t == nil {
		t = new(Task)
	}
	e.taskIDs++
	t.ID, t.Key, t.Host = e.taskIDs, s.Key, s.Host
	e.adopt(t, s)
	return t
}

// replace ends old and lets t wait for the instances that are still active.
func (e *Engine) replace(old, t *Task) {
	if old.state != nil && old.busy() > 0 {
		if !mutant.On(mutant.ReplaceForgets) {
			e.stateOf(t).inherited = old.busy()
		}
		old.heir = t
	}
	e.retire(old, true)
}

func (e *Engine) enter(t *Task) {
	names := e.tasks[t.Key.Group]
	if names == nil {
		names = map[string]*Task{}
		e.tasks[t.Key.Group] = names
	}
	names[t.Key.Name] = t
	t.index = int32(len(e.all))
	e.all = append(e.all, t)
	for _, topic := range t.Topics {
		e.topics[topic.Source] = append(e.topics[topic.Source], listener{t, topic.Scope})
		e.chains += chained(topic.Source)
	}
	for _, key := range t.Exclusive {
		e.claims[key] = t
	}
}

// leave undoes enter. The name is still t's: who takes it over enters after this.
func (e *Engine) leave(t *Task) {
	delete(e.tasks[t.Key.Group], t.Key.Name)
	last := e.all[len(e.all)-1]
	e.all[t.index], last.index = last, t.index
	e.all[len(e.all)-1] = nil
	e.all = e.all[:len(e.all)-1]
	for _, topic := range t.Topics {
		name := topic.Source
		e.chains -= chained(name)
		rest := slices.DeleteFunc(e.topics[name], func(l listener) bool { return l.task == t })
		if e.topics[name] = rest; len(rest) == 0 {
			delete(e.topics, name)
		}
	}
	for _, key := range t.Exclusive {
		if e.claims[key] == t {
			delete(e.claims, key)
		}
	}
}

func (e *Engine) unregister(t *Task, cancelRunning bool) {
	if !t.gone {
		e.retire(t, cancelRunning)
	}
}

// retire ends a registration: what is pending ends with Abort, what runs is
// canceled with Abort or left alone, and nothing new comes.
func (e *Engine) retire(t *Task, cancelRunning bool) {
	e.eraseTask(t)
	t.gone = true
	e.leave(t)
	e.silence(t)
	e.endPending(t, activation.Abort)
	e.denyPlaces(t, activation.ErrUnbound)
	e.tell(t, event.Event{Kind: event.Unregistered, N: t.ID})
	if cancelRunning {
		e.cancelAll(t, activation.Abort)
	}
}

// silence ends everything that could fire the task or report to it.
func (e *Engine) silence(t *Task) {
	if t.quiet {
		return
	}
	t.quiet = true
	e.disarmSources(t)
	e.dropTimers(t)
	e.do(Effect{Do: Retired, Task: t})
}

func (e *Engine) dropTimers(t *Task) {
	if t.state == nil {
		return
	}
	for _, timer := range t.timers {
		timer.index = 0
		e.plan.disarmTurn(&timer.turn)
	}
	t.timers = nil
}

func (e *Engine) disarmSources(t *Task) {
	for n := range t.Schedules {
		e.plan.disarm(&t.source(n).node)
	}
}

func (e *Engine) endPending(t *Task, reason activation.Reason) {
	if t.state == nil {
		return
	}
	t.unline()
	for a := t.pending.pop(); a != nil; a = t.pending.pop() {
		outcome := error(&tasks.Canceled{Reason: reason, Err: a.lastErr})
		if a.lastErr != nil && reason == activation.Abort {
			outcome = a.lastErr
		}
		e.endEntry(a, outcome)
	}
}

// begin makes the App run: from now on time passes for its registrations. What
// was pending in a former run of the program goes on first.
func (e *Engine) begin(f *Former) error {
	if e.running || e.draining {
		return ErrStopped
	}
	e.running, e.started = true, e.now
	all := e.byID()
	for _, t := range all {
		t.registered = e.now
		if t.state != nil {
			for i := range t.scopes {
				t.scopes[i].phase = e.fresh(t)
			}
		}
	}
	var back time.Duration
	if f != nil {
		back = e.former(f, all)
	}
	for _, t := range all {
		e.saveTask(t)
		e.armAgain(t, back)
	}
	return nil
}

package engine

import (
	"errors"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// ErrStore is the error of a firing that cannot be kept.
var ErrStore = errors.New("app: the store fails")

// A Change is something of which the host has to keep what it is now, or that
// there is no such thing anymore. There is at most one of a thing in a Step.
type Change struct {
	Task *Task
	Act  *Act // nil: it is about the task itself
	Gone bool
}

// Changes are those of the last Step, if Config.Durable: first what there is of
// activations, then of tasks, then what is gone of activations, then of tasks.
// Kept in this order, a first part of them loses no activation.
func (e *Engine) Changes() (list []Change) {
	defer func() {
		e.dirty.tasks, e.dirty.acts = e.dirty.tasks[:0], e.dirty.acts[:0]
	}()
	var gone []Change
	for _, a := range e.dirty.acts {
		a.changed = false
		if a.erased {
			gone = append(gone, Change{Task: a.Task, Act: a, Gone: true})
		} else {
			list = append(list, Change{Task: a.Task, Act: a})
		}
	}
	for _, t := range e.dirty.tasks {
		t.changed = false
		switch {
		case e.persists(t):
			list = append(list, Change{Task: t})
		case e.Task(t.Key) == nil || !e.Task(t.Key).durable: // else another has its name
			gone = append(gone, Change{Task: t, Gone: true})
		}
	}
	return append(list, gone...)
}

// A dirty is what the host is to be told of.
type dirty struct {
	tasks []*Task
	acts  []*Act
	all   bool
}

// PausesChanged reports, once, whether the pauses of the App or of groups have
// changed, or what the next IDs are can no longer be seen from what there is.
func (e *Engine) PausesChanged() bool {
	yes := e.dirty.all
	e.dirty.all = false
	return yes
}

func (e *Engine) persists(t *Task) bool { return t.durable && !t.gone && e.running }

// save notes that the host is to keep a, and with it where its task stands.
func (e *Engine) save(a *Act) {
	if e.persists(a.Task) {
		e.note(a)
	}
}

func (e *Engine) note(a *Act) {
	if !a.changed {
		a.changed = true
		e.dirty.acts = append(e.dirty.acts, a)
	}
}

// erase notes that a is over.
func (e *Engine) erase(a *Act) {
	if e.persists(a.Task) {
		a.erased = true
		e.note(a)
		e.saveTask(a.Task)
	}
}

func (e *Engine) saveTask(t *Task) {
	if e.persists(t) {
		e.noteTask(t)
	}
}

func (e *Engine) noteTask(t *Task) {
	if !t.changed {
		t.changed = true
		e.dirty.tasks = append(e.dirty.tasks, t)
	}
}

// eraseTask notes that nothing of t is to be kept anymore. What runs of it runs
// on.
func (e *Engine) eraseTask(t *Task) {
	if !t.durable || !e.running {
		return
	}
	for _, a := range t.acts() {
		a.erased = true
		e.note(a)
	}
	e.noteTask(t)
	e.dirty.all = true // for the IDs
}

// acts are those that are pending, and those of which an attempt is made.
func (t *Task) acts() (list []*Act) {
	if t.state == nil {
		return nil
	}
	list = slices.Clone(t.pending.items())
	for _, i := range t.active {
		if !i.settled {
			list = append(list, i.Act)
		}
	}
	return list
}

// saveAll notes all there is of t.
func (e *Engine) saveAll(t *Task) {
	if !e.persists(t) {
		return
	}
	for _, a := range t.acts() {
		a.erased = false
		e.save(a)
	}
	e.saveTask(t)
}

// outlives reports whether an attempt, or what waits for one, ends only because
// the App does, so that the next run of the program makes another.
func (e *Engine) outlives(a *Act, i *Instance, outcome error) bool {
	if !e.draining || !e.persists(a.Task) || e.expired(a) {
		return false
	}
	c, canceled := outcome.(*tasks.Canceled) //nolint:errorlint // the engine's own
	switch {
	case i == nil:
		return canceled && c.Reason == activation.Terminating
	case i.reason == activation.Terminating:
		return true
	}
	e.draining = false
	_, again := e.again(i, outcome)
	e.draining = true
	return again
}

// A TaskState is what is kept of a task.
type TaskState struct {
	Key          Key
	Trigger      string
	Registered   time.Time
	Scopes       []activation.Phase
	Sources      []activation.Phase
	Spent        bool
	Paused       bool
	WhilePaused  int
	MissedPaused uint64
	MissedLast   time.Time
	Counts       tasks.Counts
	IDs          IDs
}

// IDs are the highest that were given.
type IDs struct{ Act, Inst uint64 }

// An ActState is what is kept of an activation.
type ActState struct {
	ID       uint64
	Details  any
	Due      time.Time
	Since    time.Time
	NotYet   time.Time // zero: its start is not put off
	Expires  time.Time // zero: never
	Cancels  bool      // what runs is canceled then
	Merged   uint64
	Attempts int
	Running  bool // an attempt was being made
	Failures int
	LastErr  error
	Former   bool // it was fired by a trigger that is not the task's anymore
}

// TaskState is where t stands.
func (e *Engine) TaskState(t *Task) TaskState {
	s := TaskState{
		Key: t.Key, Trigger: t.Trigger, Registered: t.registered, Spent: t.spent, Paused: t.paused, IDs: e.IDs(),
	}
	if t.state == nil {
		return s
	}
	s.WhilePaused, s.MissedPaused, s.MissedLast = t.whilePaused, t.missedPaused, t.missedLast
	for i := range t.scopes {
		s.Scopes = append(s.Scopes, t.scopes[i].phase)
	}
	s.Sources = slices.Clone(t.phases)
	if t.stats != nil {
		s.Counts = t.stats.counts()
	}
	return s
}

// Durable reports whether the task is kept over a restart.
func (t *Task) Durable() bool { return t.durable }

// Begun reports whether the App runs, or has run.
func (e *Engine) Begun() bool { return e.running }

// IDs are the highest so far.
func (e *Engine) IDs() IDs { return IDs{e.actIDs, e.instIDs} }

// ActState is where a stands.
func (e *Engine) ActState(a *Act) ActState {
	s := ActState{
		ID: a.ID, Details: a.Details, Due: a.Due, Since: a.since, Cancels: a.cancels, Merged: a.Merged,
		Attempts: a.attempts, Running: a.last != nil && !a.last.settled, Failures: a.failures, LastErr: a.lastErr,
		Former: a.epoch != a.Task.epoch,
	}
	if at, ok := e.plan.at(&a.notYet); ok {
		s.NotYet = time.Unix(0, at)
	}
	if at, ok := e.plan.at(&a.expiry); ok {
		s.Expires = time.Unix(0, at)
	}
	return s
}

// Pauses says whether the App is paused, and which groups are, in no order.
func (e *Engine) Pauses() (all bool, groups map[string]bool) { return e.paused, e.pausedGroups }

// stall keeps what is durable from starting while the host cannot keep
// anything, or lets it go again.
func (e *Engine) stall(on bool, err error) {
	if e.stalled == on {
		return
	}
	e.stalled = on
	v := event.Event{Kind: event.StoreRecovered}
	if on {
		v = event.Event{Kind: event.StoreFailed, Err: err}
	}
	e.tell(nil, v)
	if !on {
		e.advanceAll(e.byID())
	}
}

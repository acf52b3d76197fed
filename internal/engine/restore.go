package engine

import (
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/mutant"
	"github.com/bgloop/bgloop/tasks"
)

// clockTolerance is by how much an instant that was kept may lie ahead of the
// clock before that means that the clock was set back.
const clockTolerance = time.Second

// A Stored is what was kept of a task by a former run of the program.
type Stored struct {
	TaskState
	Acts []ActState // by ID
}

// A Former is what was kept of the whole App.
type Former struct {
	IDs    IDs
	Paused bool
	Groups []string
	Tasks  map[Key]*Stored // of those that are registered
}

// former takes over what a former run of the program has left. It returns by how
// much at least the clock was set back since: negative, or zero if it was not.
func (e *Engine) former(f *Former, all []*Task) (back time.Duration) {
	e.actIDs, e.instIDs = max(e.actIDs, f.IDs.Act), max(e.instIDs, f.IDs.Inst)
	e.paused = e.paused || f.Paused
	for _, g := range f.Groups {
		e.pausedGroups[g] = true
	}
	var restored []*Task
	var latest time.Time
	for _, t := range all {
		if s := f.Tasks[t.Key]; s != nil {
			restored = append(restored, t)
			latest = later(latest, s.latest())
		}
	}
	back = e.behind(latest)
	for _, t := range restored {
		e.restore(t, f.Tasks[t.Key], back)
	}
	if back < 0 {
		e.tell(nil, event.Event{Kind: event.ClockJumped, Detail: back.String()})
	}
	e.advanceAll(restored)
	return back
}

// behind is by how much at least the clock was set back since something was
// kept that had happened at that instant: negative, or zero if it was not.
func (e *Engine) behind(latest time.Time) time.Duration {
	if back := e.now.Sub(latest); !latest.IsZero() && back < -clockTolerance {
		return back
	}
	return 0
}

// latest is the latest instant at which something had happened when s was kept.
func (s *Stored) latest() time.Time {
	at := s.Registered
	for _, ph := range slices.Concat(s.Scopes, s.Sources) {
		at = later(later(at, ph.Registered), later(ph.Last, ph.Completed))
	}
	for i := range s.Acts {
		at = later(at, s.Acts[i].Since)
	}
	return at
}

func later(x, y time.Time) time.Time {
	if y.After(x) {
		return y
	}
	return x
}

// restore gives a task that has not been armed yet what was kept of it. As with
// update, the phase goes on if the trigger's text is the same; what is pending
// is pending again in any case.
func (e *Engine) restore(t *Task, s *Stored, back time.Duration) {
	st := e.stateOf(t)
	t.paused = t.paused || s.Paused
	st.sums().tally = newTally(s.Counts)
	st.whilePaused, st.missedPaused, st.missedLast = s.WhilePaused, s.MissedPaused, e.here(s.MissedLast)
	same := s.Trigger == t.Trigger && !mutant.On(mutant.PhaseLost)
	if same {
		e.resume(t, s, back)
	} else {
		st.epoch++
	}
	for i := range s.Acts {
		if mutant.On(mutant.LatchLost) && t.unmet > 0 || mutant.On(mutant.RunLost) && s.Acts[i].Running {
			continue
		}
		e.revive(t, &s.Acts[i], same, back)
	}
}

// resume lets the phases of a task go on where they were.
func (e *Engine) resume(t *Task, s *Stored, back time.Duration) {
	t.spent, t.resumes = s.Spent, true
	t.registered = e.here(s.Registered.Add(back))
	resumed := func(was activation.Phase, back time.Duration) activation.Phase {
		setBack(&was, back)
		was.Name, was.Started = t.Key.Name, e.started
		was.Registered, was.Last, was.Completed = e.here(was.Registered), e.here(was.Last), e.here(was.Completed)
		return was
	}
	for i := range t.scopes {
		t.scopes[i].phase = e.fresh(t)
		if len(s.Scopes) == len(t.scopes) {
			t.scopes[i].phase = resumed(s.Scopes[i], back)
		}
	}
	if len(s.Sources) == len(t.Schedules) {
		t.phases = nil
		for n, ph := range s.Sources {
			by := back
			if !countsElapsed(t.Schedules[n].Source) {
				by = 0
			}
			t.phases = append(t.phases, resumed(ph, by))
		}
	}
}

// here is the instant as the App's clock would tell it.
func (e *Engine) here(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.In(e.now.Location())
}

// revive makes pending again what was when it was kept, or was being attempted.
func (e *Engine) revive(t *Task, s *ActState, same bool, back time.Duration) {
	a := &Act{
		ID: s.ID, Task: t, Details: s.Details, Due: e.here(s.Due), Merged: s.Merged, since: e.here(s.Since.Add(back)),
		attempts: s.Attempts, failures: s.Failures, lastErr: s.LastErr, had: s.Attempts > 0, cancels: s.Cancels,
		epoch: t.epoch,
	}
	if !same || s.Former {
		a.epoch--
	}
	e.actIDs = max(e.actIDs, a.ID)
	v := event.Event{Kind: event.Restored, Activation: a.ID, Attempt: a.attempts, N: a.Merged, Due: a.Due}
	if s.Running {
		a.lastErr, v.Err = tasks.ErrLost, tasks.ErrLost
	}
	if s.Attempts > 0 {
		a.retrying = true
		t.pending.putBack(a)
	} else {
		t.pending.push(a)
	}
	e.tell(t, v)
	if !s.Expires.IsZero() {
		a.expiry.kind, a.expiry.of = kindExpiry, a
		e.plan.arm(&a.expiry, nanos(s.Expires))
	}
	if at := s.NotYet.Add(back); at.After(e.now) {
		a.notYet = node{kind: kindNotYet, of: a, elapsed: a.retrying}
		e.plan.arm(&a.notYet, nanos(at))
	}
}

// armAgain arms the sources of a task for the first time in this run of the
// program, where a former run left them. The clock was set back by that since.
func (e *Engine) armAgain(t *Task, back time.Duration) {
	if t.state == nil || !t.resumes {
		e.arm(t)
		return
	}
	e.rearm(t, true)
	if back <= -correction {
		e.correct(t)
	}
}

// unclaimed tells of a task that a former run of the program has left and that
// nobody has registered.
func (e *Engine) unclaimed(s *Spec, n uint64) {
	e.tell(nil, event.Event{Kind: event.Unclaimed, Group: s.Key.Group, Task: s.Key.Name, N: n, Detail: s.Trigger})
}

package engine

import (
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/mutant"
	"github.com/bgloop/bgloop/tasks"
)

// ErrSchedule is the fault of a schedule that breaks its contract.
var ErrSchedule = errors.New("app: schedule is not to be trusted")

// walkLimit bounds how many missed due times are walked through one by one.
const walkLimit = 1 << 20

// A source is one schedule of a task, and what is armed for it. Its phase is in
// the task's state once it has moved on.
type source struct {
	at   time.Time // the due time that is armed
	node node
}

func newSource(t *Task, n int) source {
	return source{node: node{kind: kindSource, n: uint16(n), of: t}}
}

// MostSchedules is how many a trigger may have.
const MostSchedules = math.MaxUint16 + 1

// source is the one of the n-th schedule.
func (t *Task) source(n int) *source {
	if n == 0 {
		return &t.first
	}
	return &t.more[n-1]
}

// phase is where the n-th schedule stands, to be read.
func (e *Engine) phase(t *Task, n int) activation.Phase {
	if t.state == nil || t.phases == nil {
		return e.fresh(t)
	}
	return t.phases[n]
}

// phaseOf is where the n-th schedule stands, to be moved on.
func (e *Engine) phaseOf(t *Task, n int) *activation.Phase {
	if s := e.stateOf(t); s.phases == nil {
		s.phases = s.one[:0]
		for range t.Schedules {
			s.phases = append(s.phases, e.fresh(t))
		}
	}
	return &t.phases[n]
}

// follows reports whether a schedule is asked when an activation is over.
func follows(s activation.Schedule) bool {
	f, ok := s.(activation.Follower)
	return ok && f.FollowsCompletion()
}

// arm asks each schedule of the task for its first due time.
func (e *Engine) arm(t *Task) {
	for n := range t.Schedules {
		e.armNext(t, n, time.Time{})
	}
	e.runDue() // for a due time that is not in the future
}

// armNext asks a schedule for its next due time, which must be after the
// instant up to which due times are behind it, if that is not zero: else a
// Leaper that passes over too few would keep the engine here.
func (e *Engine) armNext(t *Task, n int, behind time.Time) {
	ph := e.phase(t, n)
	at, ok, err := next(t.Schedules[n].Source, &ph)
	e.armAt(t, n, at, behind, ok, err)
}

// armAt is armNext with what the schedule has said.
func (e *Engine) armAt(t *Task, n int, at, behind time.Time, ok bool, err error) {
	if err == nil && ok && !behind.IsZero() && !at.After(behind) {
		err = fmt.Errorf("%w: next is %v, at %v", ErrSchedule, at, behind)
	}
	switch {
	case err != nil:
		e.fault(t, err)
	case !ok:
		e.tell(t, event.Event{Kind: event.Exhausted})
	default:
		s := t.source(n)
		s.at = at
		e.plan.arm(&s.node, nanos(at))
	}
}

// next asks the schedule, and guards the engine against it.
func next(s activation.Schedule, ph *activation.Phase) (at time.Time, ok bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: panic: %v\n%s", ErrSchedule, v, debug.Stack())
		}
	}()
	at, ok = s.Next(*ph)
	if ok && !ph.Last.IsZero() && !at.After(ph.Last) {
		return at, false, fmt.Errorf("%w: next after %v is %v", ErrSchedule, ph.Last, at)
	}
	return at, ok, nil
}

// onTime is how late a due time may be acted on without having been missed.
const onTime = time.Second

// due fires the task for a schedule whose time has come. If other due times
// have passed as well, or this one long ago, the task's Missed says what
// becomes of them.
func (e *Engine) due(t *Task, n int) {
	schedule, scope := t.Schedules[n].Source, t.Schedules[n].Scope
	follows := t.follows && follows(schedule)
	if follows && t.underway() {
		return // the completion arms it
	}
	e.saveTask(t)
	ph := e.phaseOf(t, n)
	ph.N++
	ph.Last = t.source(n).at
	if mutant.On(mutant.Drift) && e.now.After(ph.Last) {
		ph.Registered = ph.Registered.Add(e.now.Sub(ph.Last))
	}
	if !follows { // else the completion arms it
		at, ok, err := next(schedule, ph)
		if err == nil && ok && !at.After(e.now) {
			e.catchUp(t, n, at)
			return
		}
		e.armAt(t, n, at, e.now, ok, err)
	}
	if due := ph.Last; t.Reg.Missed == tasks.MissedSkip && e.now.Sub(due) > onTime {
		e.missed(t, 1, due)
	} else {
		e.fire(t, &firing{due: due, fromTime: true, scope: scope})
	}
	if follows && !t.underway() {
		e.goOn(t, n) // nothing came of it
	}
}

// catchUp fires the task for a schedule, the phase of which is at one due time,
// and which has passed others, the next at that instant.
func (e *Engine) catchUp(t *Task, n int, at time.Time) {
	schedule, scope := t.Schedules[n].Source, t.Schedules[n].Scope
	ph := e.phaseOf(t, n)
	times := newest{most: max(1, t.Reg.Missed.All()), kept: e.times[:0]}
	e.times = nil // so that nobody else uses it meanwhile
	if mutant.On(mutant.MissedStorm) {
		times.most = 1 << 10
	}
	times.add(ph.Last)
	at, ok, err := skip(schedule, ph, at, e.now, &times)
	e.armAt(t, n, at, e.now, ok, err)
	last := times.last()
	if t.Reg.Missed == tasks.MissedSkip && e.now.Sub(last) > onTime {
		times.kept = nil
	}
	e.missed(t, times.n-uint64(len(times.kept)), last)
	for _, at := range times.kept {
		e.fire(t, &firing{due: at, fromTime: true, scope: scope})
	}
	e.times = times.kept
}

// underway reports whether something of the task's is yet to be completed.
func (t *Task) underway() bool {
	return t.state != nil && (t.pending.len() > 0 || slices.ContainsFunc(t.active, func(i *Instance) bool { return !i.settled }))
}

// follow asks the schedules that go by completions.
func (e *Engine) follow(t *Task) {
	if !t.follows || t.quiet || t.spent || !e.running {
		return
	}
	for n := range t.Schedules {
		if follows(t.Schedules[n].Source) {
			e.goOn(t, n)
		}
	}
}

// goOn asks a schedule that goes by completions.
func (e *Engine) goOn(t *Task, n int) {
	e.phaseOf(t, n).Completed = e.now
	e.plan.disarm(&t.source(n).node)
	e.armNext(t, n, e.now)
}

// missed tells that n due times have no firing of their own.
func (e *Engine) missed(t *Task, n uint64, last time.Time) {
	if n > 0 {
		e.stateOf(t).sums().Missed += n
		e.tell(t, event.Event{Kind: event.Missed, N: n, Due: last})
	}
}

// fault tells that a schedule or a filter broke its contract.
func (e *Engine) fault(t *Task, err error) {
	text, _, _ := strings.Cut(err.Error(), "\n")
	s := e.stateOf(t).sums()
	s.faults = append(s.faults[max(0, len(s.faults)+1-history):], text)
	e.tell(t, event.Event{Kind: event.Faulted, Err: err})
}

// A newest counts due times and keeps the last few.
type newest struct {
	most int
	n    uint64
	kept []time.Time
}

func (k *newest) add(at time.Time) {
	k.n++
	if len(k.kept) == k.most {
		k.kept = k.kept[1:]
	}
	k.kept = append(k.kept, at)
}

// last is the newest of all.
func (k *newest) last() time.Time { return k.kept[len(k.kept)-1] }

// skip moves the phase past every due time up to and including now, the next of
// which is at from, adds them to the list, and returns what the schedule says is
// next.
func skip(s activation.Schedule, ph *activation.Phase, from, now time.Time, times *newest) (at time.Time, ok bool, err error) {
	at, ok = from, true
	if l, is := s.(activation.Leaper); is {
		if err = leapOver(l, ph, now, times); err != nil {
			return at, false, err
		}
		at, ok, err = next(s, ph)
	}
	for range walkLimit {
		if err != nil || !ok || at.After(now) {
			return at, ok, err
		}
		ph.N, ph.Last = ph.N+1, at
		times.add(at)
		at, ok, err = next(s, ph)
	}
	ph.Last = now // too many to count: go on from here
	return next(s, ph)
}

// leapOver skips all but as many as are kept, which are then walked through.
func leapOver(l activation.Leaper, ph *activation.Phase, now time.Time, times *newest) error {
	n, last, err := leap(l, *ph, now)
	if err != nil || n <= uint64(times.most) {
		return err
	}
	if times.most > 1 {
		// Walk back is not to be had: leap to an instant before the newest.
		back := last.Add(-time.Duration(times.most) * (last.Sub(ph.Last) / time.Duration(n)))
		if n, last, err = leap(l, *ph, back); err != nil || n == 0 {
			return err
		}
	}
	ph.N, ph.Last = ph.N+n, last
	times.n += n
	times.kept = append(times.kept[:0], last)
	return nil
}

func leap(l activation.Leaper, ph activation.Phase, now time.Time) (n uint64, last time.Time, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: panic: %v\n%s", ErrSchedule, v, debug.Stack())
		}
	}()
	n, last = l.Missed(ph, now)
	if n > 0 && (!last.After(ph.Last) || last.After(now)) {
		return 0, last, fmt.Errorf("%w: missed up to %v, between %v and %v", ErrSchedule, last, ph.Last, now)
	}
	return n, last, nil
}

// sourceEnded tells that a goroutine of the task's trigger came to its end.
func (e *Engine) sourceEnded(t *Task, err error) {
	k := event.Exhausted
	if err != nil {
		k = event.SourceFailed
	}
	e.tell(t, event.Event{Kind: k, Err: err})
}

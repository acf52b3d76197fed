package engine

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
)

// ErrSchedule is the fault of a schedule that breaks its contract.
var ErrSchedule = errors.New("app: schedule is not to be trusted")

// walkLimit bounds how many missed due times are walked through one by one.
const walkLimit = 1 << 20

// A source is one schedule of a task, and where it stands.
type source struct {
	schedule activation.Schedule
	phase    activation.Phase
	at       time.Time // the due time that is armed
	node     node
}

// arm asks each schedule of the task for its first due time.
func (e *Engine) arm(t *Task) {
	for i := range t.sources {
		s := &t.sources[i]
		s.phase = t.phase
		e.armNext(t, s, time.Time{})
	}
	e.runDue() // for a due time that is not in the future
}

// armNext asks a schedule for its next due time, which must be after the
// instant up to which due times are behind it, if that is not zero: else a
// Leaper that passes over too few would keep the engine here.
func (e *Engine) armNext(t *Task, s *source, behind time.Time) {
	at, ok, err := s.next()
	if err == nil && ok && !behind.IsZero() && !at.After(behind) {
		err = fmt.Errorf("%w: next is %v, at %v", ErrSchedule, at, behind)
	}
	switch {
	case err != nil:
		e.tell(t, event.Event{Kind: event.Faulted, Err: err})
	case !ok:
		e.tell(t, event.Event{Kind: event.Exhausted})
	default:
		s.at = at
		e.plan.arm(&s.node, nanos(at))
	}
}

// next asks the schedule, and guards the engine against it.
func (s *source) next() (at time.Time, ok bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: panic: %v\n%s", ErrSchedule, v, debug.Stack())
		}
	}()
	at, ok = s.schedule.Next(s.phase)
	if ok && !s.phase.Last.IsZero() && !at.After(s.phase.Last) {
		return at, false, fmt.Errorf("%w: next after %v is %v", ErrSchedule, s.phase.Last, at)
	}
	return at, ok, nil
}

// due fires the task for a schedule whose time has come. Due times that have
// passed as well, because nobody could act on them, count as one firing, at the
// last of them.
func (e *Engine) due(t *Task, s *source) {
	s.phase.N++
	s.phase.Last = s.at
	missed, err := s.skip(e.now)
	if missed > 0 {
		e.tell(t, event.Event{Kind: event.Missed, N: missed, Due: s.phase.Last})
	}
	if err != nil {
		e.tell(t, event.Event{Kind: event.Faulted, Err: err})
	} else {
		e.armNext(t, s, e.now)
	}
	e.fire(t, firing{due: s.phase.Last, fromTime: true})
}

// skip moves the phase past every due time up to and including now.
func (s *source) skip(now time.Time) (missed uint64, err error) {
	if l, ok := s.schedule.(activation.Leaper); ok {
		n, last, err := leap(l, s.phase, now)
		if n > 0 {
			s.phase.N, s.phase.Last = s.phase.N+n, last
		}
		return n, err
	}
	for range walkLimit {
		at, ok, err := s.next()
		if err != nil || !ok || at.After(now) {
			return missed, err
		}
		missed++
		s.phase.N, s.phase.Last = s.phase.N+1, at
	}
	return missed, fmt.Errorf("%w: more than %d due times passed, and it is no Leaper", ErrSchedule, walkLimit)
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

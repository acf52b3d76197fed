package engine

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// ErrSchedule is the fault of a schedule that breaks its contract.
var ErrSchedule = errors.New("app: schedule is not to be trusted")

// walkLimit bounds how many missed due times are walked through one by one.
const walkLimit = 1 << 20

// A source is one schedule of a task, and where it stands.
type source struct {
	schedule activation.Schedule
	scope    int
	follows  bool // it is asked when an activation is over
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
		e.fault(t, err)
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

// onTime is how late a due time may be acted on without having been missed.
const onTime = time.Second

// due fires the task for a schedule whose time has come. If other due times
// have passed as well, or this one long ago, the task's Missed says what
// becomes of them.
func (e *Engine) due(t *Task, s *source) {
	if s.follows && t.underway() {
		return // the completion arms it
	}
	s.phase.N++
	s.phase.Last = s.at
	times := newest{most: max(1, t.Reg.Missed.All())}
	times.add(s.at)
	if !s.follows { // else the completion arms it
		if err := s.skip(e.now, &times); err != nil {
			e.fault(t, err)
		} else {
			e.armNext(t, s, e.now)
		}
	}
	last := times.last()
	if t.Reg.Missed == tasks.MissedSkip && e.now.Sub(last) > onTime {
		times.kept = nil
	}
	e.missed(t, times.n-uint64(len(times.kept)), last)
	for _, at := range times.kept {
		e.fire(t, firing{due: at, fromTime: true, scope: s.scope})
	}
	if s.follows && !t.underway() {
		e.goOn(t, s) // nothing came of it
	}
}

// underway reports whether something of the task's is yet to be completed.
func (t *Task) underway() bool {
	return t.pending.len() > 0 || slices.ContainsFunc(t.active, func(i *Instance) bool { return !i.settled })
}

// follow asks the schedules that go by completions.
func (e *Engine) follow(t *Task) {
	if t.quiet || t.spent || !e.running {
		return
	}
	for i := range t.sources {
		if s := &t.sources[i]; s.follows {
			e.goOn(t, s)
		}
	}
}

// goOn asks a schedule that goes by completions.
func (e *Engine) goOn(t *Task, s *source) {
	s.phase.Completed = e.now
	e.plan.disarm(&s.node)
	e.armNext(t, s, e.now)
}

// missed tells that n due times have no firing of their own.
func (e *Engine) missed(t *Task, n uint64, last time.Time) {
	if n > 0 {
		t.sums().Missed += n
		e.tell(t, event.Event{Kind: event.Missed, N: n, Due: last})
	}
}

// fault tells that a schedule or a filter broke its contract.
func (e *Engine) fault(t *Task, err error) {
	text, _, _ := strings.Cut(err.Error(), "\n")
	s := t.sums()
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

// skip moves the phase past every due time up to and including now, and adds
// them to the list.
func (s *source) skip(now time.Time, times *newest) error {
	if l, ok := s.schedule.(activation.Leaper); ok {
		if err := s.leap(l, now, times); err != nil {
			return err
		}
	}
	for range walkLimit {
		at, ok, err := s.next()
		if err != nil || !ok || at.After(now) {
			return err
		}
		s.phase.N, s.phase.Last = s.phase.N+1, at
		times.add(at)
	}
	s.phase.Last = now // too many to count: go on from here
	return nil
}

// leap skips all but as many as are kept, which are then walked through.
func (s *source) leap(l activation.Leaper, now time.Time, times *newest) error {
	n, last, err := leap(l, s.phase, now)
	if err != nil || n <= uint64(times.most) {
		return err
	}
	if times.most > 1 {
		// Walk back is not to be had: leap to an instant before the newest.
		back := last.Add(-time.Duration(times.most) * (last.Sub(s.phase.Last) / time.Duration(n)))
		if n, last, err = leap(l, s.phase, back); err != nil || n == 0 {
			return err
		}
	}
	s.phase.N, s.phase.Last = s.phase.N+n, last
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

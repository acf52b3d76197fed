package engine

import (
	"cmp"
	"maps"
	"slices"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/digest"
)

// A summing is an engine's state being summed up.
type summing struct {
	digest.Sum
	e     *Engine
	host  func(any) (uint64, bool)
	known bool
}

// Digest sums up what there is: two engines with the same sum, and the same
// registrations, do the same from then on. What is only looked at is left out:
// counters, histories and latencies. host sums up what a Timer is for. The sum is
// not known if there is something that has none, such as a place that is
// reserved, or details that are no plain value.
func (e *Engine) Digest(host func(any) (sum uint64, known bool)) (sum uint64, known bool) {
	s := &summing{e: e, host: host, known: len(e.dirty.acts)+len(e.dirty.tasks) == 0}
	s.Is(e.paused, e.running, e.draining, e.stopped, e.stalled, e.dirty.all)
	s.Add(e.taskIDs, e.actIDs, e.instIDs, e.Illegal)
	s.Int(e.chains)
	s.Time(e.started)
	for _, g := range slices.Sorted(maps.Keys(e.pausedGroups)) {
		s.Text(g)
		s.Is(e.pausedGroups[g])
	}
	s.limit(e.whole)
	for _, i := range e.Instances() {
		s.instance(i)
	}
	for _, t := range e.byID() {
		s.task(t)
	}
	s.plan()
	return uint64(s.Sum), s.known
}

// Digest sums up an instance and its activation.
func (i *Instance) Digest() (sum uint64, known bool) {
	s := &summing{known: true}
	s.instance(i)
	return uint64(s.Sum), s.known
}

func (s *summing) instance(i *Instance) {
	s.Add(i.ID, i.Task.ID, uint64(i.reason), uint64(i.Life.State()))
	s.Int(i.Attempt)
	s.Time(i.Started)
	s.Time(i.Deadline)
	s.Time(i.canceled)
	s.Is(i.unbegun, i.settled, i.released, i.given, i.tidy)
	s.Err(i.outcome)
	s.act(i.Act)
}

func (s *summing) act(a *Act) {
	s.Add(a.ID, a.Merged, uint64(a.waits))
	s.Int(a.attempts)
	s.Int(a.epoch)
	s.Int(a.failures)
	s.Time(a.Due)
	s.Time(a.since)
	s.Err(a.lastErr)
	s.Is(a.had, a.retrying, a.cancels, a.changed, a.erased)
	switch v := a.Details.(type) {
	case nil:
	case int:
		s.Int(v)
	case string:
		s.Text(v)
	default:
		s.known = false
	}
}

func (s *summing) limit(l *limit) {
	if l == nil {
		return
	}
	s.Int(l.room)
	for _, t := range l.waiting {
		s.Add(t.ID, t.wants)
	}
}

func (s *summing) phase(ph activation.Phase) {
	s.Time(ph.Registered)
	s.Time(ph.Started)
	s.Time(ph.Last)
	s.Time(ph.Completed)
	s.Add(ph.N)
}

func (s *summing) task(t *Task) {
	s.Add(t.ID)
	s.Text(t.Key.Group)
	s.Text(t.Key.Name)
	s.Is(t.paused, t.spent, t.gone, t.quiet, t.durable, t.state == nil)
	s.Time(t.registered)
	s.Time(t.first.at)
	if t.state != nil {
		s.state(t.state)
	}
}

func (s *summing) state(t *state) {
	s.known = s.known && len(t.reserving) == 0 && t.heir == nil && t.inherited == 0
	for i := range t.more {
		s.Time(t.more[i].at)
	}
	for _, ph := range t.phases {
		s.phase(ph)
	}
	for i := range t.scopes {
		s.phase(t.scopes[i].phase)
		s.Time(t.scopes[i].asked)
	}
	for _, c := range t.conds {
		s.Is(c.holds, c.polled, c.unheard)
	}
	s.Is(t.polled, t.wanted, t.resumes)
	s.Add(uint64(t.waits), t.wants, t.missedPaused)
	s.Int(t.unmet)
	s.Int(t.held)
	s.Int(t.whilePaused)
	s.Int(t.epoch)
	s.Time(t.missedLast)
	for _, l := range t.limits {
		s.limit(l)
	}
	for _, a := range t.pending.items() {
		s.act(a)
	}
	s.Int(len(t.active))
}

// plan adds what waits for time, in its order.
func (s *summing) plan() {
	slots := slices.Clone(s.e.plan.heap)
	for _, l := range s.e.plan.lanes {
		for t := l.first; t != nil; t = t.next {
			slots = append(slots, t.slot())
		}
	}
	slices.SortFunc(slots, func(a, b slot) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq)) })
	for _, w := range slots {
		n := w.node
		s.Add(uint64(w.at), uint64(n.kind), uint64(n.n)) //nolint:gosec // any mapping will do
		s.Is(n.elapsed)
		switch of := n.of.(type) {
		case *Task:
			s.Add(of.ID)
		case *Instance:
			s.Add(of.ID)
		case *Act:
			s.Add(of.ID)
		case *Timer:
			id, known := s.host(of.Host)
			s.Add(id)
			s.known = s.known && known
		}
	}
}

package app_test

import (
	"context"
	"fmt"
	"time"

	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// look takes a snapshot, in which everything must add up.
func (m *mob) look() {
	s := m.a.Snapshot()
	_ = s.String()
	if s.Illegal > 0 {
		m.Errorf("%d illegal moves", s.Illegal)
	}
	for _, x := range s.Tasks {
		m.sane(x)
	}
}

// sane: every attempt that was started is active or has ended in one way, and
// there are no more of them than may be.
func (m *mob) sane(x tasks.Explanation) {
	_ = x.String()
	c := x.Counts
	ends := c.Succeeded + c.Failed
	for _, n := range c.Canceled {
		ends += n
	}
	for _, i := range x.Active {
		if !i.State.Final() {
			ends++
		}
	}
	if c.Started < ends || c.Started > ends+m.snoozes.Load() {
		m.Errorf("%d attempts started, %d can be told of: %+v", c.Started, ends, x)
	}
	if x.Inherited < 0 || c.Fired < c.Merged {
		m.Errorf("counts: %+v", x)
	}
}

// judge: every accepted activation has one outcome, which everybody was told;
// the counts agree with the events; nothing is left; details that own something
// were let go of once.
func (m *mob) judge(report *app.Report, stopped error) {
	m.look()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.want("the App", m.a.String(), "app(stopped, 0 active)")
	again, err := m.a.Stop(context.Background())
	m.want("Stop again", again == report && fmt.Sprint(err) == fmt.Sprint(stopped), true)
	if m.patient && report.Took > 11*time.Second {
		m.Errorf("Stop took %v", report.Took)
	}
	for _, e := range report.Instances {
		if !e.State.Final() {
			m.Errorf("report: %v", e)
		}
	}
	outcomes := m.audit()
	for _, r := range m.receipts {
		err := r.Wait(context.Background())
		if told, ok := outcomes[r.ID]; ok && told != err { //nolint:errorlint // the very same
			m.Errorf("activation %d: receipt says %v, Completed said %v", r.ID, err, told)
		} else if outcomes != nil && !ok {
			m.Errorf("activation %d was accepted and not completed", r.ID)
		}
	}
	for id, n := range m.completed {
		if n != 1 {
			m.Errorf("activation %d was completed %d times", id, n)
		}
	}
	for i, p := range m.bales {
		if h, d := p.handled.Load(), p.dropped.Load(); (h > 0) == (d > 0) || d > 1 {
			m.Errorf("bale %d of %d (%s): reached handlers %d times, dropped %d times", i, len(m.bales), p.how, h, d)
		}
	}
}

// audit goes through all events and returns the outcomes that were told; none
// if some events were not.
func (m *mob) audit() map[uint64]error {
	if m.ledger.Dropped() > 0 || m.disk != nil { // what was not stored is not told
		return nil
	}
	type sums struct{ fired, merged, refused, started uint64 }
	var (
		ids      = map[string]uint64{} // of the registrations that stand
		regs     = map[uint64]*sums{}
		of       = map[uint64]*sums{} // by activation
		started  = map[uint64]int{}
		ended    = map[uint64]int{}
		left     = map[uint64]int{}
		outcomes = map[uint64]error{}
	)
	for _, e := range m.events {
		key := e.Group + "/" + e.Task
		_, over := outcomes[e.Activation]
		bad := false
		switch e.Kind {
		case event.Registered:
			ids[key], regs[e.N] = e.N, new(sums)
		case event.Fired:
			bad = of[e.Activation] != nil
			of[e.Activation] = regs[ids[key]]
			of[e.Activation].fired++
		case event.Merged:
			bad = over
			of[e.Activation].fired++
			of[e.Activation].merged++
		case event.Refused:
			regs[ids[key]].refused++
		case event.Started:
			bad = over || of[e.Activation] == nil || started[e.Instance] > 0
			started[e.Instance]++
			of[e.Activation].started++
		case event.Ended:
			ended[e.Instance]++
			bad = over || started[e.Instance] != 1 || ended[e.Instance] > 1
		case event.Abandoned, event.Released:
			left[2*e.Instance+uint64(e.Kind-event.Abandoned)]++
			bad = left[2*e.Instance+uint64(e.Kind-event.Abandoned)] > 1
		case event.Completed:
			bad = over || of[e.Activation] == nil
			outcomes[e.Activation] = e.Err
		default:
		}
		if bad {
			m.Errorf("out of order: %v", e)
		}
	}
	m.want("attempts ended", len(ended), len(started))
	m.want("activations completed", len(outcomes), len(of))
	for _, t := range m.handles {
		x := t.Explain()
		m.sane(x)
		c := x.Counts
		if s := regs[t.ID()]; *s != (sums{c.Fired, c.Merged, c.Refused, c.Started}) {
			m.Errorf("%v: events say %+v, counts say %+v", t, *s, c)
		}
		if len(x.Pending)+len(x.Active)+x.Inherited > 0 {
			m.Errorf("left: %+v", x)
		}
	}
	return outcomes
}

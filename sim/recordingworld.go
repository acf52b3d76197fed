package sim

import (
	"context"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/record"
	"github.com/bgloop/bgloop/tasks"
)

// A recordedClock reads what was recorded. Its alarms ring when those did.
type recordedClock struct {
	now     time.Time
	elapsed time.Duration
	alarms  []*recordedAlarm
}

var _ clock.Elapser = (*recordedClock)(nil)

func (c *recordedClock) Now() time.Time         { return c.now }
func (c *recordedClock) Elapsed() time.Duration { return c.elapsed }

func (c *recordedClock) AfterFunc(_ time.Duration, f func()) clock.Timer {
	a := &recordedAlarm{f: f}
	c.alarms = append(c.alarms, a)
	return a
}

// move is when time has passed up to an instant.
func (c *recordedClock) move(to time.Time) {
	if !c.now.IsZero() {
		c.elapsed += to.Sub(c.now)
	}
	c.now = to
}

func (c *recordedClock) ring() {
	alarms := c.alarms
	c.alarms = nil
	for _, a := range alarms {
		if !a.stopped {
			a.stopped = true
			a.f()
		}
	}
}

type recordedAlarm struct {
	f       func()
	stopped bool
}

func (a *recordedAlarm) Stop() bool {
	was := a.stopped
	a.stopped = true
	return !was
}

// A replica is what a recording can do to the newest registration of a name.
type replica struct {
	recorded []*record.Record // of registrations that are to come
	now      *record.Record   // of the one that stands
	ports    []activation.Port
	reports  []func(bool)
}

func (l *reliving) replica(k taskKey) *replica {
	if l.tasks[k] == nil {
		l.tasks[k] = &replica{}
	}
	return l.tasks[k]
}

func (r *replica) report(rec *record.Record) {
	if rec.Index < len(r.reports) {
		r.reports[rec.Index](rec.On)
	}
}

// A relivingWitness is a reliving as the App sees it.
type relivingWitness reliving

// Registering implements engine.Witness: it cuts the registration off from the
// world, and puts the recording in the world's place.
func (w *relivingWitness) Registering(group string, r *tasks.Registration) {
	l := (*reliving)(w)
	p := l.replica(taskKey{group, r.Name})
	if len(p.recorded) > 0 {
		p.now, p.recorded = p.recorded[0], p.recorded[1:]
		l.clock.move(p.now.At)
	}
	p.ports, p.reports = nil, make([]func(bool), len(r.Conditions))
	r.Trigger = replicaTrigger{r.Trigger, p}
	for i, c := range r.Conditions {
		r.Conditions[i] = replicaCondition{c, p, i}
	}
	if l.app != nil {
		l.standIn(group)
	}
}

// Saw implements engine.Witness.
func (w *relivingWitness) Saw(time.Time, engine.Input) { w.seen = true }

// Heeds implements engine.Witness.
func (w *relivingWitness) Heeds(engine.Op) bool { return true }

// Told implements engine.Witness.
func (w *relivingWitness) Told(e *event.Event) {
	if !hosts(e.Kind) {
		w.lived = append(w.lived, *e)
	}
}

// A replicaTrigger is a trigger that keeps its schedules and filters.
type replicaTrigger struct {
	activation.Trigger
	r *replica
}

// Arm implements activation.Trigger.
func (t replicaTrigger) Arm(p activation.Port) error { return t.Trigger.Arm(newReplicaPort(p, t.r)) }

// A replicaPort notes the branches in the order in which they are made, which
// is that of their numbers.
type replicaPort struct {
	activation.Port
	r *replica
}

func newReplicaPort(p activation.Port, r *replica) activation.Port {
	r.ports = append(r.ports, p)
	return replicaPort{p, r}
}

func (p replicaPort) Go(func(context.Context) error) {}
func (p replicaPort) OnArm(func())                   {}
func (p replicaPort) OnDisarm(func())                {}
func (p replicaPort) Wanted(func(bool))              {}

// Branch implements activation.Port.
func (p replicaPort) Branch() activation.Port { return newReplicaPort(p.Port.Branch(), p.r) }

// A replicaCondition reports what was recorded.
type replicaCondition struct {
	activation.Condition
	r *replica
	i int
}

// Arm implements activation.Condition.
func (c replicaCondition) Arm(report func(bool), p activation.Port) error {
	c.r.reports[c.i] = report
	if c.r.now == nil || c.i >= len(c.r.now.Registration.Conditions) {
		return nil
	}
	was := c.r.now.Registration.Conditions[c.i]
	if was.Polled {
		p.Wanted(func(bool) {})
	}
	if was.Heard {
		report(was.Holds)
	}
	return nil
}

// standIn puts the recorded handlers in the place of a group's.
func (l *reliving) standIn(group string) {
	if group == "" {
		l.app.SetOnBackgroundActivated(l.handle)
		return
	}
	l.app.Group(group).SetOnBackgroundActivated(l.handle)
}

// A hand is the stand-in of a handler.
type hand struct {
	in       *tasks.Instance
	park     seam.Park
	returned bool
	err      error
	holds    *deferral.Deferral
}

// handle is every handler: it waits until it is told to return.
func (l *reliving) handle(_ context.Context, in *tasks.Instance) error {
	h := &hand{in: in, park: l.world.NewPark()}
	l.hands[in.ID()] = h
	for !h.returned {
		_ = h.park.Park(nil) //nolint:staticcheck // nothing ends this wait but the recording
	}
	return h.err
}

// finish lets the handler return.
func (h *hand) finish(err error) {
	h.returned, h.err = true, err
	h.park.Unpark()
}

// defers lets it return with work left; the second time it is that work which
// fails.
func (h *hand) defers(err error) {
	if h.returned {
		_ = h.in.Go(func(context.Context) error { return err })
		return
	}
	h.holds, _ = h.in.Deferral("recorded")
	h.finish(err)
}

// over ends the instance.
func (h *hand) over(err error) {
	if h.returned {
		h.holds.Complete()
		return
	}
	h.finish(err)
}

// A replicaSlot is a reserved place, or the wish for one.
type replicaSlot struct {
	slot   activation.Slot
	cancel context.CancelFunc
}

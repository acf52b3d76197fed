package sim

import (
	"context"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// An onlyTime is a trigger of which only what goes by time is armed.
type onlyTime struct {
	activation.Trigger
	t *watched
}

// Arm implements activation.Trigger.
func (o onlyTime) Arm(p activation.Port) error { return o.Trigger.Arm(timePort{p, o.t}) }

// A timePort lets nothing through that reaches out into the world.
type timePort struct {
	activation.Port
	t *watched
}

func (p timePort) Go(func(context.Context) error) {}
func (p timePort) OnArm(func())                   {}
func (p timePort) OnDisarm(func())                {}
func (p timePort) Exclusive(any)                  {}
func (p timePort) Wanted(func(bool))              {}

// Branch implements activation.Port.
func (p timePort) Branch() activation.Port { return timePort{p.Port.Branch(), p.t} }

// Schedule implements activation.Port; it notes the zone of a wall clock.
func (p timePort) Schedule(s activation.Schedule) {
	if s, ok := s.(interface{ Location() *time.Location }); ok {
		p.t.zone(s.Location())
	}
	p.Port.Schedule(s)
}

// An unasked is a condition that holds instead of asking a function.
type unasked struct{ activation.Condition }

// Arm implements activation.Condition.
func (c unasked) Arm(report func(bool), p activation.Port) error {
	u := &unaskedPort{Port: p}
	err := c.Condition.Arm(func(holds bool) { report(holds || u.asks) }, u)
	if u.asks {
		report(true)
	}
	return err
}

type unaskedPort struct {
	activation.Port
	asks bool
}

func (p *unaskedPort) Wanted(func(bool))              { p.asks = true }
func (p *unaskedPort) Go(func(context.Context) error) {}

// An outage is a condition that holds except at certain times.
type outage struct {
	activation.Condition
	outages []Outage
}

// Arm implements activation.Condition.
func (c outage) Arm(report func(bool), p activation.Port) error {
	report(c.holds(p.Now()))
	p.OnArm(func() {
		for _, o := range c.outages {
			for _, at := range []time.Time{o.From, o.From.Add(o.For)} {
				if d := at.Sub(p.Now()); d > 0 {
					p.After(d, func() { report(c.holds(p.Now())) })
				}
			}
		}
	})
	return nil
}

func (c outage) holds(at time.Time) bool {
	for _, o := range c.outages {
		if !at.Before(o.From) && at.Before(o.From.Add(o.For)) {
			return false
		}
	}
	return true
}

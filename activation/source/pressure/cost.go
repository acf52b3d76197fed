package pressure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/source"
)

// Errors of Register.
var (
	// ErrShare: shares that are not in order from above 0 to 100.
	ErrShare = errors.New("pressure: not shares of the time, the lower first")

	// ErrNoGauge: a meter that has none.
	ErrNoGauge = errors.New("pressure: meter has no gauge")
)

// A Cost says how much background work would be in the way of other work, as
// Windows' BackgroundWorkCostValue does: with Low do all of it, with Medium a
// small part, with High none.
type Cost uint8

// The costs.
const (
	Low Cost = iota
	Medium
	High
)

// String is the cost's name.
func (c Cost) String() string {
	switch c {
	case Low:
		return "low"
	case Medium:
		return "medium"
	case High:
		return "high"
	}
	return fmt.Sprintf("Cost(%d)", uint8(c))
}

// A Meter follows the cost of background work for any number of triggers and
// conditions, as source.Feed has it.
type Meter struct {
	feed *source.Feed[Cost]
}

// The shares of the time, in percent, in which some work stood still, from which
// on SystemCost takes the cost to be medium and high.
const (
	MediumShare = 20
	HighShare   = 60
)

// SystemCost is the meter of the whole machine with the usual shares.
func SystemCost() *Meter {
	return NewMeter(MediumShare, HighShare, System(CPU), System(Memory), System(IO))
}

// NewMeter follows the cost that some gauges tell of, the highest of them. It is
// medium or high from the moment on in which some work has stood still for that
// many percent of two seconds, as the kernel tells. While it is not low the
// gauges are read every ten seconds, and what they say of the last ten is the
// cost. Shares that are not 0 < medium <= high <= 100 are refused with ErrShare,
// and no gauge at all with ErrNoGauge.
func NewMeter(medium, high float64, gauges ...Gauge) *Meter {
	return newMeter(medium, high, gauges, open)
}

// Of follows what w tells, in place of the machine. It is for tests and
// simulations, and for systems that this package does not know.
func Of(w source.Watch[Cost]) *Meter { return &Meter{source.NewFeed(nil, w)} }

// Cost is the cost, and whether it is known: a task that goes by this meter runs.
func (m *Meter) Cost() (cost Cost, known bool) { return m.feed.State() }

// Changed makes a task due when the cost has changed: Windows'
// BackgroundWorkCostChange. The details are the new Cost, which an App with a
// store takes after app.WithDetails(pressure.Low).
func (m *Meter) Changed() activation.Trigger {
	return m.feed.Trigger("cost(changed)", func(before, after Cost) bool { return before != after })
}

// NotHigh holds while the cost is low or medium: Windows'
// BackgroundWorkCostNotHigh.
func (m *Meter) NotHigh() activation.Condition {
	return m.feed.Condition("cost(not high)", func(c Cost) bool { return c < High })
}

// IsLow holds while the cost is low.
func (m *Meter) IsLow() activation.Condition {
	return m.feed.Condition("cost(low)", func(c Cost) bool { return c == Low })
}

const (
	costWindow = 2 * time.Second // the shortest that every process may ask for
	recheck    = 10 * time.Second
)

// costs is how a meter follows the gauges.
type costs struct {
	shares [2]float64 // from which on it is Medium, High
	gauges []Gauge
	open   func([]threshold) (alarm, error)
}

func newMeter(medium, high float64, gauges []Gauge, open func([]threshold) (alarm, error)) *Meter {
	c := costs{[2]float64{medium, high}, slices.Clone(gauges), open}
	return &Meter{source.NewFeed(c.check, c.watch)}
}

func (c costs) check() error {
	if medium, high := c.shares[0], c.shares[1]; !(0 < medium && medium <= high && high <= 100) {
		return fmt.Errorf("%w: %v, %v", ErrShare, medium, high)
	}
	if len(c.gauges) == 0 {
		return ErrNoGauge
	}
	for _, g := range c.gauges {
		if err := check(g.path); err != nil {
			return err
		}
	}
	return nil
}

// thresholds are those of each gauge, for Medium and High in turn.
func (c costs) thresholds() (list []threshold) {
	for _, g := range c.gauges {
		for _, share := range c.shares {
			stall := time.Duration(share / 100 * float64(costWindow))
			list = append(list, exceeds{gauge: g, kind: "some", stall: stall, window: costWindow}.threshold())
		}
	}
	return list
}

// watch is a source.Watch. The kernel tells that a threshold is exceeded, and not
// that it no longer is; hence the reading.
func (c costs) watch(ctx context.Context, p activation.Port, tell func(Cost)) error {
	a, err := c.open(c.thresholds())
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	cost, err := c.read()
	if err != nil {
		return err
	}
	tell(cost)
	stop := func() bool { return false }
	defer func() { stop() }()
	for reading := false; ; {
		if cost > Low && !reading {
			stop() // of a wait that ended for nothing
			reading, stop = true, p.After(recheck, a.Wake)
		}
		which, err := a.Wait(ctx)
		if err != nil {
			return err
		}
		now := cost
		if len(which) == 0 {
			reading = false
			if now, err = c.read(); err != nil {
				return err
			}
		}
		for _, i := range which {
			now = max(now, Cost(1+i%2))
		}
		if now != cost {
			cost = now
			tell(cost)
		}
	}
}

// read is what the gauges say of the last ten seconds.
func (c costs) read() (cost Cost, err error) {
	for _, g := range c.gauges {
		r, err := g.Read()
		if err != nil {
			return Low, err
		}
		for i, share := range c.shares {
			if r.Some.Avg10 >= share {
				cost = max(cost, Cost(1+i))
			}
		}
	}
	return cost, nil
}

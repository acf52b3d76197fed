package pressure_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/activation/source/pressure"
)

// A price is a cost that the test sets.
type price struct {
	mu      sync.Mutex // guards the following
	cost    pressure.Cost
	broken  bool
	changed chan struct{} // closed when they change
}

func (p *price) set(c pressure.Cost, broken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cost, p.broken = c, broken
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *price) read() (pressure.Cost, bool, chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.broken = false }()
	return p.cost, p.broken, p.changed
}

func (p *price) watch(ctx context.Context, _ activation.Port, tell func(pressure.Cost)) error {
	for {
		c, broken, changed := p.read()
		if broken {
			return errors.New("nobody knows the price")
		}
		tell(c)
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// The trigger and the conditions of a meter keep the promises of all.
func TestMeter_Kit(t *testing.T) {
	p := &price{changed: make(chan struct{})}
	m := pressure.Of(p.watch)
	fail := func(testing.TB) { c, _, _ := p.read(); p.set(c, true) }
	t.Run("changed", func(t *testing.T) {
		activationtest.Trigger(t, activationtest.Source{
			New: func(testing.TB) activation.Trigger { return m.Changed() },
			Provoke: func(testing.TB) {
				c, _, _ := p.read()
				p.set((c+1)%(pressure.High+1), false)
			},
			Fail: fail,
			Check: func(t testing.TB, details any) {
				if c, ok := details.(pressure.Cost); !ok || c > pressure.High {
					t.Errorf("details: got %v, want a cost", details)
				}
			},
		})
	})
	for name, tt := range map[string]struct {
		of      activation.Condition
		on, off pressure.Cost
	}{
		"not high": {m.NotHigh(), pressure.Medium, pressure.High},
		"low":      {m.IsLow(), pressure.Low, pressure.Medium},
	} {
		t.Run(name, func(t *testing.T) {
			activationtest.Condition(t, activationtest.State{
				New: func(testing.TB) activation.Condition { return tt.of },
				Set: func(_ testing.TB, on bool) {
					want := tt.off
					if on {
						want = tt.on
					}
					p.set(want, false)
					for { // until it has been told to all who hear
						if c, known := m.Cost(); !known || c == want {
							return
						}
						runtime.Gosched()
					}
				},
				Fail: fail,
			})
		})
	}
}

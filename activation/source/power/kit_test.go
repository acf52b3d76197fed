package power_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/activation/source/power"
)

// A plug is a supply that the test sets.
type plug struct {
	mu      sync.Mutex // guards the following
	state   power.State
	broken  bool
	changed chan struct{} // closed when they change
}

func (p *plug) set(s power.State, broken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state, p.broken = s, broken
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *plug) read() (power.State, bool, chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.broken = false }()
	return p.state, p.broken, p.changed
}

func (p *plug) watch(ctx context.Context, _ activation.Port, tell func(power.State)) error {
	for {
		s, broken, changed := p.read()
		if broken {
			return errors.New("the plug is broken")
		}
		tell(s)
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// The trigger and the conditions of a monitor keep the promises of all.
func TestMonitor_Kit(t *testing.T) {
	p := &plug{changed: make(chan struct{})}
	m := power.Of(p.watch)
	full := power.State{OnLine: true, Batteries: 1, Percent: 100}
	empty := power.State{Batteries: 1}
	fail := func(testing.TB) { s, _, _ := p.read(); p.set(s, true) }
	t.Run("changed", func(t *testing.T) {
		activationtest.Trigger(t, activationtest.Source{
			New: func(testing.TB) activation.Trigger { return m.Changed() },
			Provoke: func(testing.TB) {
				if s, _, _ := p.read(); s == full {
					p.set(empty, false)
				} else {
					p.set(full, false)
				}
			},
			Fail: fail,
			Check: func(t testing.TB, details any) {
				if s, ok := details.(power.State); !ok || s != full && s != empty {
					t.Errorf("details: got %v, want a state", details)
				}
			},
		})
	})
	for name, tt := range map[string]struct {
		of      activation.Condition
		on, off power.State
	}{
		"on line":       {m.OnLine(), full, empty},
		"on battery":    {m.OnBattery(), empty, full},
		"battery above": {m.BatteryAbove(50), full, empty},
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
						if s, known := m.State(); !known || s == want {
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

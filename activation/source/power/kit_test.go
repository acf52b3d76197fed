package power_test

import (
	"runtime"
	"testing"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/activation/source/power"
)

// The trigger and the conditions of a monitor keep the promises of all.
func TestMonitor_Kit(t *testing.T) {
	d := activationtest.NewDial(power.State{})
	m := power.Of(d.Watch)
	full := power.State{OnLine: true, Batteries: 1, Percent: 100}
	empty := power.State{Batteries: 1}
	fail := func(testing.TB) { d.Break() }
	t.Run("changed", func(t *testing.T) {
		activationtest.Trigger(t, activationtest.Source{
			New: func(testing.TB) activation.Trigger { return m.Changed() },
			Provoke: func(testing.TB) {
				if d.Get() == full {
					d.Set(empty)
				} else {
					d.Set(full)
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
					d.Set(want)
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

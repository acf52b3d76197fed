package pressure_test

import (
	"runtime"
	"testing"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/activation/source/pressure"
)

// The trigger and the conditions of a meter keep the promises of all.
func TestMeter_Kit(t *testing.T) {
	d := activationtest.NewDial(pressure.Cost(0))
	m := pressure.Of(d.Watch)
	fail := func(testing.TB) { d.Break() }
	t.Run("changed", func(t *testing.T) {
		activationtest.Trigger(t, activationtest.Source{
			New: func(testing.TB) activation.Trigger { return m.Changed() },
			Provoke: func(testing.TB) {
				d.Set((d.Get() + 1) % (pressure.High + 1))
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
					d.Set(want)
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

package source_test

import (
	"runtime"
	"testing"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/activation/source"
)

// Triggers and conditions of a feed keep their promises.
func TestFeed_Kit(t *testing.T) {
	d := activationtest.NewDial(0)
	f := source.NewFeed(nil, d.Watch)
	fail := func(testing.TB) { d.Break() }
	t.Run("trigger", func(t *testing.T) {
		activationtest.Trigger(t, activationtest.Source{
			New:     func(testing.TB) activation.Trigger { return f.Trigger("changed", differ) },
			Provoke: func(testing.TB) { d.Set(d.Get() + 1) },
			Fail:    fail,
			Check: func(t testing.TB, details any) {
				if _, ok := details.(int); !ok {
					t.Errorf("details: got %T, want an int", details)
				}
			},
		})
	})
	t.Run("condition", func(t *testing.T) {
		set := func(_ testing.TB, on bool) {
			n := 0
			if on {
				n = 1
			}
			d.Set(n)
			for { // until it has been told to all who hear
				if told, known := f.State(); !known || told == n {
					return
				}
				runtime.Gosched()
			}
		}
		activationtest.Condition(t, activationtest.State{
			New:  func(testing.TB) activation.Condition { return f.Condition("positive", positive) },
			Set:  set,
			Fail: fail,
		})
	})
}

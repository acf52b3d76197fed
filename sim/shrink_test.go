package sim_test

import (
	"errors"
	"testing"
	"time"

	"github.com/bgloop/bgloop/sim"
)

var errBarrel = errors.New("the barrel flows over")

// unlucky goes wrong by a single decision, or by twenty of many, of which none
// can be left out then.
func unlucky(s *sim.S) {
	n := 0
	s.RunFor(time.Second)
	if s.Choose("luck", 4) == 3 {
		s.Fatalf("%w", errBarrel)
	}
	for range 50 {
		s.RunFor(time.Second)
		n += s.Choose("drop", 2)
	}
	if n >= 20 {
		s.Fatalf("%w", errBarrel)
	}
}

// The life of a seed that takes twenty decisions is told by one that takes one.
func TestShrinkingBeginsWithTheSimplestLife(t *testing.T) {
	long := 0
	for seed := range uint64(10) {
		c := sim.ShrinkSeed(t, unlucky, seed, calm)
		if c.Made >= 20 {
			long++
		}
		if c.Shrunk != 1 {
			t.Errorf("seed %d: %d decisions shrunk to %d, want 1", seed, c.Made, c.Shrunk)
		}
	}
	if long == 0 {
		t.Error("no seed took twenty decisions")
	}
}

package sim_test

import (
	"flag"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/sim"
)

// A hunt begins with the seed that -sim.first says, for a time too: so it can be
// the same hunt each time.
func TestAHuntBeginsWhereItIsTold(t *testing.T) {
	setFlag(t, "sim.first", "0x2a")
	wrong := func(s *sim.S) { s.RunFor(time.Minute); s.Fatalf("it rains") }
	for _, within := range []string{"", "1h"} {
		setFlag(t, "sim.for", within)
		_, text := verdict(t, func(t testing.TB) { sim.Test(t, wrong, calm) })
		says(t, text, "-sim.seed=0x2a:", "it rains")
	}
}

// No number of seeds, and less than none, is the default.
func TestAHuntOfNoSeedsIsTheDefault(t *testing.T) {
	for _, n := range []int{0, -1} {
		var lives atomic.Int64
		sim.Test(t, func(*sim.S) { lives.Add(1) }, sim.Seeds(n), sim.Twice(0))
		if lives.Load() != 100 {
			t.Errorf("Seeds(%d): got %d lives, want 100", n, lives.Load())
		}
	}
}

// setFlag sets a flag for the time of a test.
func setFlag(t *testing.T, name, value string) {
	t.Helper()
	was := flag.Lookup(name).Value.String()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := flag.Set(name, was); err != nil {
			t.Error(err)
		}
	})
}

package sim

import (
	"testing"
	"time"

	"github.com/bgloop/bgloop/internal/choice"
)

// A config is what the options and the flags say.
type config struct {
	start time.Time
	seeds int
}

// An Option changes how a scenario is tested.
type Option func(*config)

// Seeds sets with how many seeds Test lives the scenario, unless -sim.seeds says
// otherwise. The default is 100.
func Seeds(n int) Option { return func(c *config) { c.seeds = n } }

// From sets the instant at which a life begins, and its zone. The default is
// the beginning of the year 2026, UTC.
func From(start time.Time) Option { return func(c *config) { c.start = start } }

func newConfig(opts []Option) *config {
	c := &config{start: time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC), seeds: 100}
	for _, o := range opts {
		o(c)
	}
	return c
}

// Test lives the scenario with many seeds, and fails t with the story of the
// first that goes wrong.
func Test(t *testing.T, scenario func(*S), opts ...Option) {
	t.Helper()
	conf := newConfig(opts)
	for seed := range uint64(conf.seeds) {
		if o := live(conf, choice.Seeded(seed), scenario); o.failure != nil {
			t.Fatalf("sim: seed %#x: %v", seed, o.failure)
		}
	}
}

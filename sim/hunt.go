package sim

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/choice"
)

// A hunt lives a scenario with many seeds, side by side.
type hunt struct {
	conf     *config
	scenario func(*S)
	first    uint64        // the seed it begins with
	next     atomic.Uint64 // how many have been begun
	until    time.Time     // zero: until conf.seeds

	mu      sync.Mutex // guards the following
	failed  bool
	seed    uint64 // the lowest that failed
	why     error  // its *Failure, or what told that two lives of it differ
	reached map[string]bool
	lives   int
	steps   uint64
}

// prey is what a hunt found.
type prey struct {
	seed uint64
	why  error
}

func newHunt(conf *config, scenario func(*S)) *hunt {
	h := &hunt{conf: conf, scenario: scenario, reached: map[string]bool{}}
	if conf.within > 0 {
		h.first = rand.Uint64N(1 << 32)
		h.until = clock.System().Now().Add(conf.within)
	}
	if conf.first != nil {
		h.first = *conf.first
	}
	return h
}

// run hunts until a seed fails or none is left. What it finds is the same each
// time: the lowest seed that fails.
func (h *hunt) run() *prey {
	var workers sync.WaitGroup
	side := max(1, min(runtime.GOMAXPROCS(0), h.conf.seeds))
	if h.conf.mode != onCoroutines {
		side = 1 // a testing.T has one bubble at a time
	}
	for range side {
		workers.Go(h.work)
	}
	workers.Wait()
	if !h.failed {
		return nil
	}
	return &prey{h.seed, h.why}
}

func (h *hunt) work() {
	for {
		i := h.next.Add(1) - 1
		if h.enough(i) {
			return
		}
		h.try(h.first+i, h.conf.twice > 0 && h.conf.mode != inBatch && i%uint64(h.conf.twice) == 0)
	}
}

// enough reports whether there is no use in going on with the i-th seed.
func (h *hunt) enough(i uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.failed && h.first+i > h.seed:
		return true
	case h.until.IsZero():
		return i >= uint64(h.conf.seeds)
	}
	return !clock.System().Now().Before(h.until)
}

func (h *hunt) try(seed uint64, twice bool) {
	lived := false
	defer func() {
		if !lived { // what is asked after each step ends the goroutine that asks
			h.note(seed, errAsked)
		}
	}()
	o := h.conf.lived(seed, h.scenario)
	lived = true
	var why error
	switch {
	case o.failure != nil:
		why = o.failure
	case twice:
		if again := live(h.conf, choice.Seeded(seed), h.scenario); again.hash != o.hash || again.steps != o.steps {
			why = h.conf.compare(seed, h.scenario)
		}
	}
	h.note(seed, why)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lives++
	h.steps += o.steps
	for name, ok := range o.reached {
		h.reached[name] = h.reached[name] || ok
	}
}

// note notes what went wrong with a seed, if anything did.
func (h *hunt) note(seed uint64, why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if why != nil && (!h.failed || seed < h.seed) {
		h.failed, h.seed, h.why = true, seed, why
	}
}

// Test lives the scenario with many seeds, and fails t with the story of the
// lowest that goes wrong, shrunk. The scenario is called by several goroutines
// at once, so what it works on must be its own.
//
// With -sim.seed or -sim.replay it lives that one life instead.
func Test(t testing.TB, scenario func(*S), opts ...Option) {
	t.Helper()
	conf := newConfig(t, opts)
	conf.ready(t)
	switch {
	case conf.plan != nil:
		replay(t, conf, scenario, conf.plan)
		return
	case conf.seed != nil:
		one(t, conf, scenario, *conf.seed)
		return
	}
	var h *hunt
	var found *prey
	conf.guard(t, func(conf *config) {
		h = newHunt(conf, scenario)
		found = h.run()
	})
	switch {
	case found == nil:
	case errors.Is(found.why, errAsked): // of a life that cannot be told
		t.Errorf("sim: %s: -sim.seed=%#x: %v", t.Name(), found.seed, found.why)
		return
	case conf.mode == inBatch:
		reportBatch(t, conf, scenario, found.seed, found.why)
		return
	default:
		report(t, conf, scenario, choice.Seeded(found.seed), conf.seeded(found.seed), found.why)
		return
	}
	for _, name := range sorted(h.reached) {
		if !h.reached[name] {
			t.Errorf("sim: %s: never once in %d lives: %s", t.Name(), h.lives, name)
		}
	}
	t.Logf("sim: %d lives, %d steps", h.lives, h.steps)
}

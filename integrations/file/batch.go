package file

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// Changes are the details of a Trigger: what has changed since those before.
type Changes struct {
	// Paths are what has changed, each once, in order. What is there no more has
	// changed too.
	Paths []string

	// Events is how many notices of the system they stand for.
	Events int

	// Rescanned says that notices were lost, or none were to be had for a while,
	// and that Paths hold what was found by comparing: a path can be among them
	// that was told before.
	Rescanned bool
}

// String says how many.
func (c Changes) String() string {
	return fmt.Sprintf("%d changed in %d events", len(c.Paths), c.Events)
}

// A batch gathers changes until it is time to hand them over.
type batch struct {
	port           activation.Port
	quiet, longest time.Duration
	ripe           chan struct{} // holds one: that may be told while nobody waits for it

	mu          sync.Mutex // guards the following
	paths       map[string]struct{}
	events      int
	rescanned   bool
	first, last time.Time // of the changes gathered
	waiting     bool      // for a timer
}

func newBatch(p activation.Port, quiet, longest time.Duration) *batch {
	return &batch{port: p, quiet: quiet, longest: longest, ripe: make(chan struct{}, 1), paths: make(map[string]struct{})}
}

// add gathers changes that came by so many events.
func (b *batch) add(events int, rescanned bool, paths ...string) {
	if len(paths) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = b.port.Now()
	if len(b.paths) == 0 {
		b.first = b.last
	}
	for _, p := range paths {
		b.paths[p] = struct{}{}
	}
	b.events += events
	b.rescanned = b.rescanned || rescanned
	if !b.waiting {
		b.wait()
	}
}

// wait looks again when it can be time.
func (b *batch) wait() {
	now := b.port.Now()
	d := min(b.last.Add(b.quiet).Sub(now), b.first.Add(b.longest).Sub(now))
	b.waiting = d > 0
	switch {
	case b.waiting:
		b.port.After(d, b.look)
	default:
		select {
		case b.ripe <- struct{}{}:
		default: // it is known
		}
	}
}

func (b *batch) look() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = false
	if len(b.paths) > 0 {
		b.wait()
	}
}

// take hands over what there is, which may be nothing.
func (b *batch) take() Changes {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := Changes{slices.Sorted(maps.Keys(b.paths)), b.events, b.rescanned}
	clear(b.paths)
	b.events, b.rescanned = 0, false
	select {
	case <-b.ripe: // it was for these
	default:
	}
	return c
}

package sim

import (
	"testing"

	"github.com/bgloop/bgloop/internal/choice"
	"github.com/bgloop/bgloop/internal/seam/coro"
)

// A Catch is a failure that was hunted down.
type Catch struct {
	Failure *Failure
	Made    int // decisions before it was shrunk
	Shrunk  int // and after
	Story   string
}

// Live lives one seed, and returns how it went wrong, nil if it did not.
func Live(t testing.TB, scenario func(*S), seed uint64, opts ...Option) *Failure {
	t.Helper()
	return live(newConfig(t, opts), choice.Seeded(seed), scenario).failure
}

// Lived lives one seed, and returns how it went, how many steps it had and its
// hash.
func Lived(t testing.TB, scenario func(*S), seed uint64, opts ...Option) (f *Failure, steps, hash uint64) {
	t.Helper()
	conf := newConfig(t, opts)
	conf.ready(t)
	o := live(conf, choice.Seeded(seed), scenario)
	return o.failure, o.steps, o.hash
}

// ByHandoff switches coroutines by channels, as under the race detector.
func ByHandoff() Option { return func(c *config) { c.world = append(c.world, coro.WithHandoff()) } }

// ShrinkSeed shrinks a life that went wrong.
func ShrinkSeed(t testing.TB, scenario func(*S), seed uint64, opts ...Option) Catch {
	t.Helper()
	conf := newConfig(t, opts)
	by := choice.Seeded(seed).Record()
	first := live(conf, by, scenario)
	plan, _ := conf.shrink(scenario, first, by)
	told := live(conf.telling(), choice.Planned(plan).Record(), scenario)
	return Catch{told.failure, len(first.made), len(plan), told.story.short()}
}

// InBubblesOf has lives in bubbles be lived on behalf of t, for a testing.TB that
// is none.
func InBubblesOf(t *testing.T) Option { return func(c *config) { c.bubbles = t } }

// Told lives one seed, and returns how it went, its hash and its story.
func Told(t testing.TB, scenario func(*S), seed uint64, opts ...Option) (f *Failure, hash uint64, story string) {
	t.Helper()
	conf := newConfig(t, opts)
	conf.ready(t)
	o := live(conf.telling(), choice.Seeded(seed), scenario)
	return o.failure, o.hash, o.story.whole()
}

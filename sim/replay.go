package sim

import (
	"fmt"
	"testing"

	"github.com/bgloop/bgloop/internal/choice"
)

// Replay lives the one life that a failure of the scenario printed as
// -sim.replay, and fails t if it still goes wrong: a failure that was found
// once becomes a test of its own. One that was found in a bubble is lived in one,
// by InBubble.
func Replay(t testing.TB, scenario func(*S), trace string, opts ...Option) {
	t.Helper()
	plan, err := choice.ParsePlan(trace)
	if err != nil {
		t.Fatalf("sim: Replay: %v", err)
	}
	conf := newConfig(t, opts)
	conf.mode, conf.plan = conf.asked, plan
	conf.ready(t)
	replay(t, conf, scenario, plan)
}

func replay(t testing.TB, conf *config, scenario func(*S), plan choice.Plan) {
	t.Helper()
	o := conf.once(t, scenario, choice.Planned(plan))
	conf.show(t, o, conf.moded(fmt.Sprintf("-sim.replay=%v", plan)))
}

// one lives with a single seed.
func one(t testing.TB, conf *config, scenario func(*S), seed uint64) {
	t.Helper()
	o := conf.once(t, scenario, choice.Seeded(seed))
	conf.show(t, o, conf.seeded(seed))
}

// once lives one life that is told.
func (c *config) once(t testing.TB, scenario func(*S), choices *choice.Source) (o outcome) {
	t.Helper()
	c.guard(t, func(c *config) { o = live(c.telling(), choices.Record(), scenario) })
	return o
}

// show tells a single life.
func (c *config) show(t testing.TB, o outcome, how string) {
	t.Helper()
	if c.trace {
		t.Logf("sim: %s\n%s", how, o.story.whole())
	}
	if o.failure != nil {
		t.Fatalf("sim: %s: %s: %v\n%s", t.Name(), how, o.failure, o.story.short())
	}
	t.Logf("sim: %s: nothing went wrong: %d steps, hash %#x", how, o.steps, o.hash)
}

// telling is the config of a life that is told.
func (c *config) telling() *config {
	told := *c
	told.told = true
	return &told
}

package sim

import (
	"errors"
	"fmt"
	"testing"

	"github.com/bgloop/bgloop/internal/choice"
)

// Why something cannot be had in a mode.
var (
	errCoroutines = errors.New("it needs coroutines")
	errBatch      = errors.New("nothing of a batch is repeated")
)

// A mode is how strands run.
type mode int

const (
	onCoroutines mode = iota
	inBubble
	inBatch
)

var modeNames = [...]string{"coroutines", "bubble", "batch"}

// InBubble has Test live the scenario with goroutines in a testing/synctest
// bubble, unless -sim.mode says otherwise: so a handler may wait for what the
// simulation does not know, if a bubble does: a channel, a goroutine of its
// own, a native timer. One strand at a time has its turn, and a seed lives the
// same life each time, as far as what goroutines of the user's do at one instant
// does. So a failure is shrunk and told as one on coroutines is, and Replay takes
// its plan with this option.
//
// While a process stands still or sleeps, what its handlers do natively goes on,
// up to their next call. So it does when one is killed, but that their contexts
// end and that they do not return from that call: see Proc.Kill. In a batch, what
// build makes anew after a kill is made beside all else. -sim.strict, Exhaust and
// Fuzz need coroutines, and fail the test where a bubble is asked for. -sim.mode
// does not concern Exhaust, Fuzz and Replay.
//
// The context of the test is of no bubble, so calls that wait are given
// context.Background. Goroutines that the program starts itself have to end: a
// scenario with some stops the App, and ends them, before it returns.
//
// It takes a *testing.T, and lives one life at a time.
func InBubble() Option { return func(c *config) { c.mode = inBubble } }

// InBatch is InBubble where all strands that can go on at an instant do so at
// once, so that go test -race sees data races in what handlers and actors share.
// Nothing of it is repeated exactly, by its seed either: failures are told and
// not shrunk, and -sim.replay, -sim.break and Replay fail the test. Invariants are asked
// when all wait; what they read and a handler writes after a native wait is to
// be guarded as between handlers.
func InBatch() Option { return func(c *config) { c.mode = inBatch } }

// ready looks whether lives can be lived as the mode says.
func (c *config) ready(t testing.TB) {
	t.Helper()
	switch {
	case c.mode == onCoroutines:
		return
	case c.strict:
		t.Fatalf("sim: -sim.strict with -sim.mode=%s: %v", modeNames[c.mode], errCoroutines)
	case c.mode == inBatch && (c.plan != nil || c.stop > 0):
		t.Fatalf("sim: a replay or -sim.break with -sim.mode=batch: %v", errBatch)
	}
	if c.bubbles == nil {
		own, ok := t.(*testing.T)
		if !ok {
			t.Fatalf("sim: -sim.mode=%s: a bubble takes a *testing.T, got %T", modeNames[c.mode], t)
		}
		c.bubbles = own
	}
}

// coroutines keeps to coroutines, whatever the flag says.
func (c *config) coroutines(t testing.TB, what string) {
	t.Helper()
	if c.asked != onCoroutines {
		t.Fatalf("sim: %s in a bubble: %v", what, errCoroutines)
	}
	c.mode = onCoroutines
}

// again is how often a life in a batch is lived again to be told.
const again = 20

// reportBatch lives a life that went wrong again, and fails t with its story.
func reportBatch(t testing.TB, conf *config, scenario func(*S), seed uint64, why error) {
	t.Helper()
	how := conf.seeded(seed)
	story := "(it went well each time it was lived again)\n"
	var failure *Failure
	if errors.As(why, &failure) {
		conf.guard(t, func(conf *config) {
			for range again {
				if o := live(conf.telling(), choice.Seeded(seed), scenario); o.failure != nil && o.failure.same(failure) {
					story = o.story.short() + last(o.failure)
					return
				}
			}
		})
	}
	t.Fatalf("sim: %s: %s: %v\nstory:\n%sreproduce: go test -run '%s' %s", t.Name(), how, why, story, pattern(t.Name()), how)
}

// seeded are the flags with which a seed is lived.
func (c *config) seeded(seed uint64) string { return c.moded(fmt.Sprintf("-sim.seed=%#x", seed)) }

// moded is how with the flag of the mode.
func (c *config) moded(how string) string {
	if c.mode == onCoroutines {
		return how
	}
	return how + " -sim.mode=" + modeNames[c.mode]
}

// lived lives a seed. A bubble in which the race detector sees a race does not
// return: then the seed is logged.
func (c *config) lived(seed uint64, scenario func(*S)) outcome {
	returned := false
	defer func() {
		if !returned {
			c.tb.Logf("sim: it is the life of %s", c.seeded(seed))
		}
	}()
	o := live(c, choice.Seeded(seed), scenario)
	returned = true
	return o
}

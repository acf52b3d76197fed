package sim

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/internal/choice"
	"github.com/bgloop/bgloop/internal/seam/bubbletest"
)

// A bubbleWorld is a world of goroutines in a bubble.
type bubbleWorld struct{ *bubbletest.Bubble }

// Process implements world.
func (w bubbleWorld) Process() process { return bubbleProcess(w) }

// A bubbleProcess is the whole bubble: nothing happens to it by itself.
type bubbleProcess struct{ *bubbletest.Bubble }

func (bubbleProcess) Freeze(time.Duration, bool) {}
func (bubbleProcess) Frozen() time.Duration      { return 0 }
func (bubbleProcess) Jump(time.Duration)         {}
func (bubbleProcess) Kill()                      {}
func (bubbleProcess) Dead() bool                 { return false }

// Stacks tells none: a dump would stop all goroutines, and name each anew.
func (bubbleProcess) Stacks() []string { return nil }

// A mutex is one where strands are goroutines, and nothing where they are
// coroutines.
type mutex struct {
	on bool
	mu sync.Mutex
}

// Lock locks, if that is needed.
func (m *mutex) Lock() {
	if m.on {
		m.mu.Lock()
	}
}

// Unlock unlocks.
func (m *mutex) Unlock() {
	if m.on {
		m.mu.Unlock()
	}
}

// inBubble lives the scenario in a bubble of its own.
func (s *S) inBubble(scenario func(*S)) (o outcome) {
	s.mu.on = true
	over := false // and what still waits is to end by itself
	defer func() {
		if v := recover(); v != nil {
			o = s.wreck(v, over)
		}
	}()
	synctest.Test(s.conf.bubbles, func(*testing.T) {
		ends, end := context.WithCancel(context.Background())
		defer end()
		s.ends = ends
		opts := []bubbletest.Option{bubbletest.WithAfter(s.afterStep), bubbletest.WithQuiet(s.quiet)}
		if s.conf.mode == inBatch {
			opts = append(opts, bubbletest.WithBatch())
		} else {
			opts = append(opts, bubbletest.WithChooser((*turns)(s).Choose))
		}
		b := bubbletest.New(s.conf.start, opts...)
		s.world = bubbleWorld{b}
		s.play(scenario)
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		o, over = s.outcome(), true
		b.End()
	})
	return o
}

// wreck is what is left of a life whose goroutines wait for ever.
func (s *S) wreck(v any, over bool) outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.failure == nil {
		how := "while it was lived"
		if over {
			how = "when it was over"
		}
		s.failure = &Failure{
			Invariant: "deadlock", way: how, Step: s.world.Steps(), At: s.start.Add(s.last),
			Err: fmt.Errorf("goroutines wait for ever %s: %w", how, panicked(v)),
		}
	}
	return s.outcome()
}

// untilItsEnd is ctx, for a handler that is to end with its life: what waits
// natively cannot be unwound.
func (s *S) untilItsEnd(ctx context.Context) (context.Context, func()) {
	if s.ends == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ends, cancel)
	return ctx, func() { stop(); cancel() }
}

// isClosed reports whether the life is over.
func (s *S) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// errCoroutines says that something asks for coroutines.
var errCoroutines = errors.New("it needs coroutines: in a bubble nothing is killed, stopped at a step, replayed by a plan, or gone through in every order")

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
// does.
//
// A bubble can neither kill a process, nor keep it from running, nor set its
// clock: Stall, Suspend, JumpForward, JumpBack, Kill and StoreKill are left out,
// and Proc.Kill does nothing but log that. Failures are told and not shrunk.
// -sim.replay, -sim.break and -sim.strict, Exhaust, Fuzz and Replay need
// coroutines, and fail the test where a bubble is asked for; -sim.mode does not
// concern those three.
//
// It takes a *testing.T, and lives one life at a time.
func InBubble() Option { return func(c *config) { c.mode = inBubble } }

// InBatch is InBubble where all strands that can go on at an instant do so at
// once, so that go test -race sees data races in what handlers and actors share.
// Nothing of it is repeated exactly, by its seed either. Invariants are asked
// when all wait; what they read and a handler writes after a native wait is to
// be guarded as between handlers.
func InBatch() Option { return func(c *config) { c.mode = inBatch } }

// ready looks whether lives can be lived as the mode says.
func (c *config) ready(t testing.TB) {
	t.Helper()
	if c.mode == onCoroutines {
		return
	}
	if c.plan != nil || c.stop > 0 || c.strict {
		t.Fatalf("sim: -sim.replay, -sim.break or -sim.strict with -sim.mode=%s: %v", modeNames[c.mode], errCoroutines)
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

// noKill tells that a kill was left out.
func (c *config) noKill() {
	c.unkept.Do(func() {
		c.tb.Logf("sim: Proc.Kill does nothing with -sim.mode=%s: nothing can be killed in a bubble", modeNames[c.mode])
	})
}

// inBubble are the faults that can come in one.
func (f Faults) inBubble() Faults {
	f.Stall, f.Suspend, f.JumpForward, f.JumpBack, f.Kill, f.StoreKill = 0, 0, 0, 0, 0, 0
	return f
}

// again is how often a life in a batch is lived again to be told.
const again = 20

// reportBubble lives a life that went wrong again, and fails t with its story.
func reportBubble(t testing.TB, conf *config, scenario func(*S), seed uint64, why error) {
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
func (c *config) seeded(seed uint64) string {
	if c.mode == onCoroutines {
		return fmt.Sprintf("-sim.seed=%#x", seed)
	}
	return fmt.Sprintf("-sim.seed=%#x -sim.mode=%s", seed, modeNames[c.mode])
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

package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/bgloop/bgloop/internal/choice"
	"github.com/bgloop/bgloop/internal/seam/bubbletest"
	"github.com/bgloop/bgloop/internal/seam/coro"
)

// A Failure is how a life went wrong.
type Failure struct {
	// Invariant is the name of what broke: that of an Invariant, an Eventually
	// or an oracle, or "panic", "deadlock", "scenario", "start".
	Invariant string
	// Err says how.
	Err error
	// Step and At are when: how many steps there had been, and the instant.
	Step uint64
	At   time.Time

	way string // of several to break it
}

// same reports whether two lives broke in the same way.
func (f *Failure) same(g *Failure) bool { return f.Invariant == g.Invariant && f.way == g.way }

// Error says what broke, how and when.
func (f *Failure) Error() string {
	return fmt.Sprintf("%q broke at step %d (%s): %v", f.Invariant, f.Step, f.At.Format("2006-01-02 15:04:05.999999999"), f.Err)
}

// Unwrap returns Err.
func (f *Failure) Unwrap() error { return f.Err }

// An outcome is what a life leaves behind.
type outcome struct {
	failure *Failure
	steps   uint64
	hash    uint64
	reached map[string]bool
	made    choice.Plan
	story   *story
	traced  []step
}

// A step is what a life did, as far as two lives of one seed are compared.
type step struct {
	hash uint64
	at   time.Duration
}

// live lives the scenario once.
func live(conf *config, choices *choice.Source, scenario func(*S)) outcome {
	s := newLife(conf, choices)
	if conf.mode != onCoroutines {
		return s.inBubble(scenario)
	}
	w := coro.New(0, conf.start, worldOptions(s)...)
	s.world, s.coro = coroWorld{w}, w
	s.play(scenario)
	s.closed = true
	s.bury(w)
	return s.outcome()
}

func newLife(conf *config, choices *choice.Source) *S {
	s := &S{
		conf: conf, choices: choices, start: conf.start,
		merger: conf.merger, streams: map[string]*choice.Stream{}, ties: choice.NewStream("turn"), reached: map[string]bool{},
	}
	if conf.dog != nil {
		conf.dog.beats.Add(1)
	}
	s.rates = conf.faults.rates(choices)
	if conf.told {
		s.story = &story{}
	}
	return s
}

// outcome is what is left of a life that is over.
func (s *S) outcome() outcome {
	return outcome{s.failure, s.world.Steps(), s.world.Hash(), s.reached, s.choices.Made(), s.story, s.traced}
}

func worldOptions(s *S) []coro.Option {
	opts := []coro.Option{coro.WithChooser((*turns)(s)), coro.WithAfter(s.afterStep), coro.WithQuiet(s.quiet)}
	if s.conf.strict {
		opts = append(opts, coro.WithStrict())
	}
	return append(opts, s.conf.world...)
}

// turns is S as the one who decides whose turn it is.
type turns S

// Choose implements coro.Chooser.
func (t *turns) Choose(at time.Duration, n int) int {
	if t.merger != nil {
		t.merger.meets((*S)(t), n)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return int(t.choices.Below(t.ties, at, uint64(n)))
}

// play runs the scenario to its end, and whatever it takes for all to be well
// again.
func (s *S) play(scenario func(*S)) {
	defer func() {
		if v := recover(); v != nil {
			s.fail("panic", panicked(v))
		}
	}()
	err := s.world.Do(func() {
		scenario(s)
		s.heal()
		s.awaitPromises()
		for _, p := range s.procs {
			p.stop()
		}
	})
	switch {
	case err == nil, errors.Is(err, coro.ErrHalted), errors.Is(err, bubbletest.ErrHalted):
	case errors.Is(err, coro.ErrGoexit), errors.Is(err, bubbletest.ErrGoexit):
		s.fail("scenario", errGoexit)
	default:
		s.fail("deadlock", err)
	}
}

// bury unwinds what is left. What that does is of no interest anymore.
func (s *S) bury(w *coro.World) {
	defer func() { _ = recover() }() // a deferred function of a handler's that panics
	w.Close()
}

// errGoexit is how what should return does not.
var errGoexit = errors.New("it ended by runtime.Goexit, as t.FailNow does")

// errAsked is how a life ended of which nothing more can be told.
var errAsked = errors.New("what is asked after each step ended by runtime.Goexit, as t.FailNow does; S.Fatalf may be called there")

func panicked(v any) error {
	if err, ok := v.(error); ok {
		return err
	}
	return fmt.Errorf("panic: %v", v)
}

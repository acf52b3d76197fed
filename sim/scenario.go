package sim

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/choice"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/coro"
)

// A Rate is how often something happens, from 0, never, to 1, always.
type Rate = choice.Rate

// A world is what a scenario lives in: strands under virtual time.
type world interface {
	clock.Clock
	seam.Driver

	Process() process
	Do(f func()) error
	Halt()
	Note(v uint64)
	Age() time.Duration
	Steps() uint64
	Hash() uint64
}

// A process is a part of a world.
type process interface {
	clock.Clock
	seam.Driver

	Freeze(d time.Duration, suspended bool)
	Frozen() time.Duration
	Jump(d time.Duration)
	Kill()
}

// A coroWorld is a world of coroutines.
type coroWorld struct{ *coro.World }

// Process implements world.
func (w coroWorld) Process() process { return w.World.Process() }

// S is one life of a scenario. Its methods are for the scenario and for what
// runs in it: actors, handlers, invariants.
type S struct {
	conf    *config
	world   world
	coro    *coro.World // the same, without its wrapping; nil: in a bubble
	rates   rates
	choices *choice.Source
	streams map[string]*choice.Stream
	ties    *choice.Stream
	start   time.Time
	mu      mutex // guards what strands share, in a bubble

	merger     *merger         // nil: states are not compared
	states     []func() string // see State
	invariants []invariant
	promises   []*promise
	reached    map[string]bool // by Sometimes
	procs      []*Proc
	hung       []seam.Park
	waiters    []waiter
	naps       []nap  // that are over
	counts     uint64 // how many steps there are to be before that may matter
	over       bool   // the scenario has returned: the faults and the workload stop
	asking     bool   // what is asked after each step is
	closed     bool   // the life is over: nothing counts anymore
	failure    *Failure
	story      *story // nil: nobody reads it
	traced     []step
	last       time.Duration   // when the latest step was
	ends       context.Context //nolint:containedctx // in a bubble: ends with the life
}

// An invariant is asked after every step.
type invariant struct {
	name  string
	holds func() error
}

// Now is the present instant.
func (s *S) Now() time.Time { return s.world.Now() }

// Start is the instant at which the life began.
func (s *S) Start() time.Time { return s.start }

// Steps is how many steps there have been: turns of strands, and alarms.
func (s *S) Steps() uint64 { return s.world.Steps() }

// since is the present instant as decisions know it.
func (s *S) since() time.Duration {
	if s.coro != nil {
		return s.coro.Age()
	}
	return s.world.Age()
}

// RunFor lets d go by. Any strand of the simulation may call it, and is then
// the one that waits.
func (s *S) RunFor(d time.Duration) { s.sleep(d) }

// A nap is what a strand needs to sleep. On coroutines it serves the next one
// when that is over.
type nap struct {
	park  seam.Park
	timer seam.Rearmer // nil: it has none that can be set anew
}

func (s *S) sleep(d time.Duration) {
	n := s.nap(d)
	_ = n.park.Park(nil) //nolint:staticcheck // nothing ends this wait but the time
	if n.timer != nil {
		s.naps = append(s.naps, n)
	}
}

// nap begins one that lasts d.
func (s *S) nap(d time.Duration) (n nap) {
	if last := len(s.naps) - 1; last >= 0 {
		n, s.naps = s.naps[last], s.naps[:last]
		n.timer.Rearm(d)
		return n
	}
	n.park = s.world.NewPark()
	n.timer, _ = s.world.AfterFunc(d, n.park.Unpark).(seam.Rearmer)
	return n
}

// Choose returns a number from 0 to n-1. 0 should be what is dull: a failing
// life is shrunk towards it. With an n of 1 or less there is nothing to choose.
//
// what names the choice. At each instant the choices of one name are counted
// anew, so that what is chosen elsewhere makes no difference here.
func (s *S) Choose(what string, n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int(s.chosen(s.choices.Below(s.stream(what), s.since(), uint64(max(n, 0)))))
}

// Chance reports whether something happens that happens at this rate. What
// happens should be what is not dull.
func (s *S) Chance(what string, p Rate) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chance(s.stream(what), p)
}

// grains is into how many parts Between divides what is between its ends: few
// enough for things to meet at one instant.
const grains = 64

// Between returns a duration from lo to hi, both included; lo is what is dull.
// The ends are likelier than what is between them.
func (s *S) Between(what string, lo, hi time.Duration) time.Duration {
	s.mu.Lock()
	st := s.stream(what)
	s.mu.Unlock()
	return s.span(st, lo, hi)
}

// below decides among n values.
func (s *S) below(st *choice.Stream, n uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chosen(s.choices.Below(st, s.since(), n))
}

// chance decides, with the lock held, whether something happens.
func (s *S) chance(st *choice.Stream, p Rate) bool {
	yes := s.choices.Chance(st, s.since(), p)
	v := uint64(0)
	if yes {
		v = 1
	}
	return s.chosen(v) == 1
}

// chosen notes, where states are compared, what a strand has been told.
func (s *S) chosen(v uint64) uint64 {
	if s.merger != nil {
		s.merger.note(v)
		s.coro.Remember(v)
	}
	return v
}

func (s *S) span(st *choice.Stream, lo, hi time.Duration) time.Duration {
	n := uint64(min(max(hi-lo, 0), grains))
	if n == 0 {
		return lo
	}
	s.mu.Lock()
	i := s.chosen(s.choices.Span(st, s.since(), n+1))
	s.mu.Unlock()
	if i == n {
		return hi
	}
	return lo + (hi-lo)/time.Duration(n)*time.Duration(i)
}

func (s *S) stream(name string) *choice.Stream {
	st := s.streams[name]
	if st == nil {
		st = choice.NewStream(name)
		s.streams[name] = st
	}
	return st
}

// Invariant has f asked after every step; an error of it is a failure of that
// name. f reads what the scenario and its handlers keep. It must not wait, and
// so must not call the App.
func (s *S) Invariant(name string, f func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.invariants = append(s.invariants, invariant{name, f})
}

// Sometimes says that ok is to be true at least once in all the lives of a
// hunt: a hunt in which nothing interesting happened fails.
func (s *S) Sometimes(name string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reached[name] = s.reached[name] || ok
}

// Event tells something of the scenario's own: it is part of the hash that says
// whether two lives are the same, and of the story.
func (s *S) Event(kind string, args ...uint64) {
	s.world.Note(choice.Hash(kind))
	for _, v := range args {
		s.world.Note(v)
	}
	if s.merger != nil {
		s.merger.note(append(args, choice.Hash(kind))...)
	}
	if s.story != nil {
		s.tell("%s %v", kind, args)
	}
}

// Fatalf fails the life that is lived, as the failure "scenario", and ends the
// calling strand. What is asked after each step may call it, too.
func (s *S) Fatalf(format string, args ...any) {
	s.fail("scenario", fmt.Errorf(format, args...))
	s.mu.Lock()
	asked := s.asking
	s.mu.Unlock()
	if asked { // there is no strand to be ended, but the goroutine of the hunt
		panic(errFatal)
	}
	runtime.Goexit()
}

// errFatal ends a life in which the failure is noted.
var errFatal = errors.New("sim: Fatalf")

// fail notes the first failure, and ends the life after the present step.
func (s *S) fail(name string, err error) { s.failAs(name, "", err) }

// failAs is fail for one of several ways to break an invariant.
func (s *S) failAs(name, way string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != nil || s.closed {
		return
	}
	s.failure = &Failure{Invariant: name, way: way, Err: err, Step: s.world.Steps(), At: s.Now()}
	s.world.Halt()
}

// afterStep is called by the world.
func (s *S) afterStep() {
	now := s.since()
	if s.merger != nil {
		s.merger.note(uint64(now)) //nolint:gosec // any mapping will do
	}
	s.mu.Lock()
	s.last, s.asking = now, true
	invariants, procs := s.invariants, s.procs
	waited, over := len(s.waiters) > 0, s.over
	s.mu.Unlock()
	for i := range invariants {
		if err := invariants[i].holds(); err != nil {
			s.fail(invariants[i].name, err)
		}
	}
	for _, p := range procs {
		p.now.Load().ledger.afterStep(now)
	}
	if over {
		s.keepPromises()
	}
	if waited {
		s.wake()
	}
	s.mu.Lock()
	s.asking = false
	s.mu.Unlock()
	s.count()
}

// quiet is called by the world before time goes on.
func (s *S) quiet() {
	for _, p := range s.procs {
		if t := p.now.Load(); !t.down {
			t.ledger.quiet()
		}
	}
}

// beat is after how many steps the watchdog is told that they are taken.
const beat = 64

// count looks how many steps there have been, when that may matter.
func (s *S) count() {
	var n uint64
	if s.coro != nil {
		n = s.coro.Steps()
	} else {
		n = s.world.Steps()
	}
	if n >= s.counts {
		s.counted(n)
	}
}

// counted: there have been n steps.
func (s *S) counted(n uint64) {
	if s.conf.dog != nil {
		s.conf.dog.beats.Add(1)
	}
	s.counts = n + beat
	for _, end := range []uint64{s.conf.most + 1, s.conf.steps + 1, s.conf.stop - 1} { // of none: soon, or never
		if end > n {
			s.counts = min(s.counts, end)
		}
	}
	if s.conf.tracing {
		s.counts = 0
	}
	switch c := s.conf; {
	case c.tracing:
		s.traced = append(s.traced, step{s.world.Hash(), s.since()})
	case n > c.most:
		s.fail("endless", fmt.Errorf("no end after %d steps", c.most))
	case c.steps > 0 && n > c.steps:
		s.world.Halt()
	case c.stop > 0 && n+1 == c.stop:
		runtime.Breakpoint()
	}
}

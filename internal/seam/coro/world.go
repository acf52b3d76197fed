// Package coro runs strands as coroutines under virtual time: the host of
// tests and of the simulation. A World is driver and clock in one; with the
// same seed it lives the same life, switch for switch.
//
// It never runs two strands at once, never reads the real time and never lets
// anything but its seed decide what comes next. So it cannot show a data race,
// and a strand that blocks on anything but a Park blocks the whole World.
//
//	       its turn             Park
//	ready ----------> running --------> parked
//	  ^                |   |              |
//	  | Spawn          |   | Goexit       | Unpark, the end of a context
//	  |     job over   |   v              |
//	idle <-------------+ (gone)           +------> ready
package coro

import (
	"runtime"
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/seam"
)

// A World owns strands and alarms, and an instant that moves only when no
// strand can. It is not safe for concurrent use: call it from the goroutine
// that runs it, and while it runs from its strands and alarms only.
type World struct {
	start   time.Time
	now     time.Duration // since start
	moves   uint64        // how often a clock has moved
	steps   uint64
	hash    fnv
	chooser Chooser
	after   func() // nil: nothing
	quiet   func() // nil: nothing
	halted  bool
	create  func(body func()) coroutine

	spawned uint64    // the identity of the latest strand
	ready   queue     // begun or not
	parked  list      // in park order
	watched list      // those of parked whose context can end, in park order
	idle    []*strand // without a job, kept for their coroutines
	alarms  alarms

	processes []*Process
	armed     uint64 // the number of the latest alarm

	running bool    // between enter and leave
	current *strand // whose turn it is, nil while an alarm runs

	// While it runs: see drive.go.
	drives bool          // strands drive the World, too
	goal   *actor        // whose end is that of Do; else nil
	end    time.Duration // up to which time goes by
	open   bool          // a strand's turn is over, and the step is not
	turn   *strand       // whose turn it is, for those who yield; nil: the loop's
	exited []*strand     // by Goexit, to be buried
	failed *StrandPanic  // what the turn ended with
	thrown *thrown       // what came out of an alarm

	strict bool
	home   uint64 // in strict mode, the goroutine that called enter
}

var (
	_ seam.Driver = (*World)(nil)
	_ clock.Clock = (*World)(nil)
)

// New returns a World at the instant start, in which nothing happens yet. A
// World can live for 292 years; an alarm beyond them never rings. Once strands
// have begun, it needs a Close.
func New(seed uint64, start time.Time, opts ...Option) *World {
	w := &World{start: start.Round(0), hash: newFNV(), create: newSwitch}
	random := splitmix(seed)
	w.chooser = &random
	w.parked.init()
	w.watched.init()
	for _, o := range opts {
		o(w)
	}
	return w
}

// An Option changes how a World works. The default is that the seed chooses,
// that strands switch by iter.Pull, or as WithHandoff under the race detector,
// and that calls are not checked for their goroutine.
type Option func(*World)

// WithFIFO makes strands run in the order in which they became ready, and
// before alarms that are due at the same instant. The seed then decides
// nothing.
func WithFIFO() Option { return WithChooser(first{}) }

// WithChooser lets c decide instead of the seed.
func WithChooser(c Chooser) Option { return func(w *World) { w.chooser = c } }

// WithAfter calls f after each step, on the World's loop. It may call Halt,
// Unpark and whatever an alarm may, but takes no step of its own.
func WithAfter(f func()) Option { return func(w *World) { w.after = f } }

// WithHandoff switches strands by channels between goroutines instead of
// iter.Pull. It is slower, and lives the same life for the same seed.
func WithHandoff() Option { return func(w *World) { w.create = newHandoff } }

// WithStrict checks that each call, while the World runs, comes from the
// goroutine whose turn it is, and panics if it comes from one that a strand
// started. It makes a step many times slower.
func WithStrict() Option { return func(w *World) { w.strict = true } }

// WithQuiet calls f when nothing can happen anymore at an instant, before time
// goes on, as WithAfter does. It must make nothing ready.
func WithQuiet(f func()) Option { return func(w *World) { w.quiet = f } }

// Now is the present instant. It has no monotonic reading.
func (w *World) Now() time.Time {
	w.guard("Now")
	return w.start.Add(w.now)
}

// Age is how much time there has been since the start.
func (w *World) Age() time.Duration { return w.now }

// Spawn makes j a new strand, which is ready but does not run before its turn.
// In a World that chooses by its seed a later job may have its first turn
// before an earlier one, as on a pool where two are taken up side by side;
// WithFIFO keeps their order.
func (w *World) Spawn(j seam.Job) { w.spawn(nil, j) }

// spawn is Spawn for a process. A dead one spawns nothing.
func (w *World) spawn(p *Process, j seam.Job) {
	w.guard("Spawn")
	if p != nil && p.dead {
		return
	}
	s := w.vacant()
	w.spawned++
	s.id, s.p, s.job, s.turns, s.told = w.spawned, p, j, 0, 0
	w.enqueue(s)
}

// enqueue makes s ready, or lets it wait for that until its process thaws.
func (w *World) enqueue(s *strand) {
	if s.p.frozen() {
		s.p.held = append(s.p.held, s)
		return
	}
	w.ready.push(s)
}

// vacant takes the strand that last became idle, for its coroutine is warm, or
// makes one without a coroutine.
func (w *World) vacant() *strand {
	last := len(w.idle) - 1
	if last < 0 {
		s := &strand{w: w}
		s.inParked.s, s.inWatched.s = s, s
		return s
	}
	s := w.idle[last]
	w.idle[last] = nil
	w.idle = w.idle[:last]
	return s
}

// Steps is how many turns strands had and alarms rang.
func (w *World) Steps() uint64 { return w.steps }

// Hash is a hash of the life so far: of each step its strand (zero for an alarm)
// and its instant, and of what was noted in between. Two Worlds with the same
// hash did the same things in the same order.
func (w *World) Hash() uint64 { return uint64(w.hash) }

// Note adds v to the hash.
func (w *World) Note(v uint64) { w.hash.add(v) }

// breath is after how many steps the Go scheduler has a turn. Coroutines switch
// without it; but a garbage collection that has begun waits for it, and until it
// is over every pointer is written with care.
const breath = 256

// mark notes a step of the strand id.
func (w *World) mark(id uint64) {
	w.steps++
	if w.steps%breath == 0 {
		runtime.Gosched()
	}
	w.hash.add(id)
	w.hash.add(uint64(w.now))
}

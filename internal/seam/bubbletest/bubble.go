// Package bubbletest runs strands as goroutines inside a testing/synctest
// bubble: for handlers that wait for what the simulation does not know, such as
// a channel, a goroutine of their own or a native timer.
//
// One strand at a time gets its turn, in an order that its seed alone decides,
// and the next one only when all goroutines of the bubble wait: so the same
// seed lives the same life, as far as strands wait by Park or at instants of
// their own. What goroutines do that wake at one instant natively is theirs.
//
// With WithBatch all that can go on does so at once. That repeats nothing, and
// lets the race detector see what serial turns hide from it.
package bubbletest

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/seam"
)

// A Bubble is driver and clock in one. Make and use it inside of synctest.Test;
// it needs a Close.
type Bubble struct {
	base  time.Time // of the bubble's clock
	start time.Time // what Now read then
	batch bool
	pick  func(at time.Duration, n int) int
	after func()
	quiet func()

	poke chan struct{} // one slot: somebody became ready while the loop slept

	mu      sync.Mutex // guards the following
	ids     uint64
	ready   []*turn
	parked  []*turn
	dead    []*turn             // of processes that were killed: they wait to be unwound
	strands map[uint64]*Process // by the number of the goroutine; of those that have a process
	killed  bool                // some process is
	alarms  []*alarm
	parts   []*Process
	panics  []*Panic
	running bool
	closing bool
	ended   bool
	halted  bool
	steps   uint64
	hash    uint64
}

var (
	_ seam.Driver   = (*Bubble)(nil)
	_ seam.Admitter = (*Bubble)(nil)
	_ clock.Clock   = (*Bubble)(nil)
)

// A turn is what a strand waits for.
type turn struct {
	id   uint64
	p    *Process // with which it is frozen; nil: with none
	of   *Process // whose strand it is; nil: nobody's
	job  seam.Job // to be begun; nil: go on
	park *park
	c    chan struct{} // one slot, so that the loop never waits
	err  error         // how the wait ended
	kill bool

	native bool // it comes back from the user's code; id is its key
}

// A Panic is a panic of a strand. Run, Idle and Do panic with it.
type Panic struct {
	Value any
	Stack []byte
}

// Error tells all of it, the stack included.
func (p *Panic) Error() string {
	return fmt.Sprintf("bubble: a strand panicked: %v\n\n%s", p.Value, p.Stack)
}

// Unwrap returns the value, if it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// An Option changes how a Bubble works. The default is a turn at a time, in the
// order of becoming ready.
type Option func(*Bubble)

// WithBatch lets all strands that are ready go on at once.
func WithBatch() Option { return func(b *Bubble) { b.batch = true } }

// WithChooser sets who chooses among n strands and alarms that could be next.
func WithChooser(pick func(at time.Duration, n int) int) Option {
	return func(b *Bubble) { b.pick = pick }
}

// WithAfter has f called after every step, when all goroutines wait.
func WithAfter(f func()) Option { return func(b *Bubble) { b.after = f } }

// WithQuiet has f called when nothing more can happen at an instant, before time
// goes on. It must make nothing ready.
func WithQuiet(f func()) Option { return func(b *Bubble) { b.quiet = f } }

// New returns a Bubble whose clock reads start.
func New(start time.Time, opts ...Option) *Bubble {
	b := &Bubble{
		base: clock.System().Now(), start: start.Round(0), poke: make(chan struct{}, 1), hash: 14695981039346656037,
		strands: map[uint64]*Process{},
		pick:    func(time.Duration, int) int { return 0 }, after: func() {}, quiet: func() {},
	}
	for _, o := range opts {
		o(b)
	}
	return b
}

// Age is how long the Bubble has lived.
func (b *Bubble) Age() time.Duration { return clock.System().Now().Sub(b.base) }

// Now is the present instant. It has no monotonic reading.
func (b *Bubble) Now() time.Time { return b.start.Add(b.Age()) }

// Spawn makes j a new strand, which does not run before its turn.
func (b *Bubble) Spawn(j seam.Job) { b.spawn(nil, j) }

func (b *Bubble) spawn(p *Process, j seam.Job) {
	b.mu.Lock()
	defer b.wake()
	defer b.mu.Unlock()
	if p != nil && p.dead {
		return
	}
	b.ids++
	b.enqueue(&turn{id: b.ids, p: p, of: p, job: j})
}

// wake tells a loop that sleeps to look around.
func (b *Bubble) wake() {
	select {
	case b.poke <- struct{}{}:
	default:
	}
}

// Steps is how many turns strands had and alarms rang.
func (b *Bubble) Steps() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.steps
}

// Hash is the FNV-64a of the life so far, as coro.World's. With WithBatch it
// says nothing.
func (b *Bubble) Hash() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hash
}

// Note makes v part of the hash.
func (b *Bubble) Note(v uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note(v)
}

func (b *Bubble) note(v uint64) {
	for range 8 {
		b.hash = (b.hash ^ v&0xff) * 1099511628211
		v >>= 8
	}
}

// Halt ends Run, Idle and Do after the present step.
func (b *Bubble) Halt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.halted = true
}

// step lets one of the things happen that can at this instant, or with
// WithBatch all, and waits until every goroutine waits. It reports whether there
// was one.
func (b *Bubble) step() bool {
	synctest.Wait() // nobody is on the way to becoming ready
	turns, rung := b.choose()
	if len(turns)+len(rung) == 0 {
		b.quiet()
		return false
	}
	for _, t := range turns {
		b.begin(t)
	}
	for _, a := range rung {
		a.f()
	}
	synctest.Wait()
	b.after()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.panics) > 0 {
		p := b.panics[0]
		b.panics = b.panics[1:]
		panic(p)
	}
	return true
}

// choose takes what is to happen next off the lists.
func (b *Bubble) choose() (turns []*turn, rung []*alarm) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wakeDone()
	slices.SortStableFunc(b.ready, before) // whoever came first
	at := b.Age()
	b.putOff(at)
	due := 0
	for due < len(b.alarms) && b.alarms[due].at <= at {
		due++
	}
	n := len(b.ready) + min(due, 1)
	switch {
	case n == 0:
		return nil, nil
	case b.batch:
		turns, rung = b.ready, slices.Clone(b.alarms[:due])
		b.ready, b.alarms = nil, slices.Delete(b.alarms, 0, due)
	default:
		if i := b.pick(at, n); i < len(b.ready) {
			turns = []*turn{b.ready[i]}
			b.ready = slices.Delete(b.ready, i, i+1)
		} else {
			rung = []*alarm{b.alarms[0]}
			b.alarms = slices.Delete(b.alarms, 0, 1)
		}
	}
	for _, t := range turns {
		b.mark(t.id, at)
	}
	for _, a := range rung {
		a.gone = true
		b.mark(0, at)
	}
	return turns, rung
}

// before puts what is ready in an order that goroutines that ran side by side
// have no part in.
func before(x, y *turn) int {
	switch {
	case x.native == y.native:
		return cmp.Compare(x.id, y.id)
	case x.native:
		return 1
	}
	return -1
}

func (b *Bubble) mark(id uint64, at time.Duration) {
	b.steps++
	b.note(b.steps)
	b.note(id)
	b.note(uint64(at))
}

// begin gives a strand its turn.
func (b *Bubble) begin(t *turn) {
	if t.job == nil {
		t.c <- struct{}{}
		return
	}
	go b.run(t.job, t.of)
}

func (b *Bubble) run(j seam.Job, of *Process) {
	if of != nil {
		defer b.belongs(of)()
	}
	defer func() {
		if v := recover(); v != nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.panics = append(b.panics, &Panic{v, debug.Stack()})
		}
	}()
	j.Run()
}

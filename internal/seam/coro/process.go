package coro

import (
	"errors"
	"runtime"
	"slices"
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/seam"
)

// ErrKilled is returned by Park to a strand that waits for a Process which is
// killed, and is none of it.
var ErrKilled = errors.New("coro: the process is killed")

// A Process is a part of a World that can be killed, frozen, and set its clock:
// driver and clock of its own. What its strands spawn by it belongs to it.
type Process struct {
	w      *World
	dead   bool
	jumped time.Duration // its wall clock, against the World's
	lost   time.Duration // while it was suspended, up to sleeps: no time to it
	sleeps time.Duration // until then it is suspended
	thaw   time.Duration // it is frozen before that instant
	held   []*strand     // would be ready, but for that

	age  time.Duration // of the World and jumped, when Now was asked last
	read time.Time     // what it said
}

var (
	_ seam.Stacker  = (*Process)(nil)
	_ clock.Elapser = (*Process)(nil)
	_ seam.Mover    = (*Process)(nil)
)

// Process returns a new part of the World.
func (w *World) Process() *Process {
	p := &Process{w: w, age: w.now, read: w.start.Add(w.now)}
	w.processes = append(w.processes, p)
	return p
}

// Now is the present instant as the process's clock reads it.
func (p *Process) Now() time.Time {
	p.w.guard("Now")
	if age := p.w.now + p.jumped; age != p.age {
		p.age, p.read = age, p.w.start.Add(age)
	}
	return p.read
}

// Elapsed is how much time there has been for the process.
func (p *Process) Elapsed() time.Duration {
	return p.w.now - p.lost + max(0, p.sleeps-p.w.now)
}

// Moves implements seam.Mover.
func (p *Process) Moves() uint64 { return p.w.moves + 1 }

// Jump sets the process's clock on by d, or back if d is negative.
func (p *Process) Jump(d time.Duration) {
	p.jumped += d
	p.w.moves++
}

// AfterFunc is that of the World, for a call that a dead process does not make.
func (p *Process) AfterFunc(d time.Duration, f func()) clock.Timer { return p.w.alarm(p, d, f) }

// Spawn is that of the World, for a strand of this process.
func (p *Process) Spawn(j seam.Job) { p.w.spawn(p, j) }

// NewPark returns a place for one strand to wait for something of the
// process's.
func (p *Process) NewPark() seam.Park { return &park{w: p.w, p: p} }

// Close is that of the World: it ends strands that have no job.
func (p *Process) Close() { p.w.Close() }

// Stacks tells none: they would cost a simulation more than all else.
func (p *Process) Stacks() []string { return nil }

// Dead reports whether the process is killed.
func (p *Process) Dead() bool { return p.dead }

// Kill ends the process as a power failure does: nothing of it runs anymore,
// not even deferred functions, before the World is closed. Strands that wait for
// it from outside are woken with ErrKilled. A strand of the process that kills
// it does not return from this.
func (p *Process) Kill() {
	if p.dead {
		return
	}
	p.dead = true
	w := p.w
	w.guard("Kill")
	w.ready.each(p.takes, func(s *strand) { w.parked.push(&s.inParked) })
	for _, s := range p.held {
		w.parked.push(&s.inParked)
	}
	p.held = nil
	w.alarms.each(func(a *alarm) bool { return a.p == p }, func(a *alarm) { a.i = gone })
	for n := w.parked.root.next; n != &w.parked.root; {
		s := n.s
		n = n.next
		switch {
		case s.p == p:
			s.inWatched.remove()
		case s.waits != nil && s.waits.p == p:
			s.err = ErrKilled
			w.wake(s)
		}
	}
	if s := w.current; s != nil && s.p == p {
		w.park(s)
		runtime.Goexit() // the World is being closed
	}
}

func (p *Process) takes(s *strand) bool { return s.p == p }

// Freeze keeps everything of the process from running for d. If it is suspended
// its clock goes on meanwhile, but that is no time to the process: what it waits
// for comes later by as much. Else it has just stood still, and alarms that came
// due meanwhile are late. One that is frozen already is not frozen again.
//
// The strand whose turn it is goes on to its next wait, and what strands from
// outside do is not kept from them.
func (p *Process) Freeze(d time.Duration, suspended bool) {
	w := p.w
	w.guard("Freeze")
	if p.dead || p.frozen() || d <= 0 {
		return
	}
	p.thaw = w.now + d
	w.ready.each(p.takes, func(s *strand) { p.held = append(p.held, s) })
	w.alarm(nil, d, p.release)
	if suspended {
		p.lost += d
		p.sleeps = p.thaw
		var own []*alarm
		w.alarms.each(func(a *alarm) bool { return a.p == p }, func(a *alarm) { own = append(own, a) })
		for _, a := range own {
			a.at = later(a.at, d)
			w.alarms.push(a)
		}
	}
}

// release ends a freeze.
func (p *Process) release() {
	for _, s := range p.held {
		p.w.ready.push(s)
	}
	p.held = nil
}

// Frozen is for how much longer the process is frozen; zero: it is not.
func (p *Process) Frozen() time.Duration { return max(0, p.thaw-p.w.now) }

// frozen reports whether nothing of the process runs now. No process is never
// frozen.
func (p *Process) frozen() bool { return p != nil && p.w.now < p.thaw }

// lives reports whether a strand may go on. Those of no process may, until the
// World is closed.
func (s *strand) lives() bool { return s.p == nil || !s.p.dead }

// each takes the strands out that are wanted, and calls f for each.
func (q *queue) each(wanted func(*strand) bool, f func(*strand)) {
	line := slices.Clone(q.line[q.head:])
	q.line, q.head = q.line[:0], 0
	for _, s := range line {
		if wanted(s) {
			f(s)
		} else {
			q.push(s)
		}
	}
}

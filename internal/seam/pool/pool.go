// Package pool runs strands as reused goroutines: the driver of production.
//
// It never decides what runs, never drops or delays a job, and never catches a
// panic: who spawns a job has seen to that. It reads no clock.
//
//	         Spawn, or a worker that         takes the
//	         sees more jobs wait             oldest job
//	(none) ------------------> starting ---------------> busy
//	                               ^                     |  | Goexit, or no job
//	                               |      no job         |  | and no seat
//	                             idle <------------------+  +----------> (none)
//
// Workers are woken in a chain: few are starting at any time, and each that
// takes a job sees to the next one before it runs its own. So a burst of short
// jobs is run by few goroutines, and a job that blocks holds none back.
package pool

import (
	"runtime"
	"sync"

	"github.com/bgloop/bgloop/internal/seam"
)

// seats is how many workers may be idle, for each processor.
const seats = 16

// A Pool is a seam.Driver on goroutines. Its methods may be called from any
// goroutine, also from a job. It owns its workers: a worker ends when it finds
// neither a job nor a free seat, when its job ends by runtime.Goexit, or after
// Close.
type Pool struct {
	chain int    // how many may be starting, at least one
	keep  int    // how many may be idle
	work  func() // life, as a value made once: starting it costs no closure

	mu sync.Mutex // guards the following
	// Jobs wait only while a worker is starting, which is the invariant that
	// makes each of them begin.
	jobs      queue
	starting  int
	returning int             // of those, how many are about to return from a job
	idle      []chan struct{} // where each idle worker waits, the latest last
	closed    bool
}

var _ seam.Relay = (*Pool)(nil)

// New returns a pool without a goroutine; the first Spawn starts one. It is
// made for the GOMAXPROCS of this moment: as many workers may be starting, and
// sixteen times as many may be idle.
func New() *Pool {
	procs := runtime.GOMAXPROCS(0)
	p := &Pool{chain: procs, keep: procs * seats}
	p.work = p.life
	return p
}

// Spawn runs j on a worker and returns at once. Jobs are taken up in the order
// they were spawned; those taken up by different workers run side by side.
func (p *Pool) Spawn(j seam.Job) {
	p.mu.Lock()
	p.jobs.push(j)
	wake, start := p.another()
	p.mu.Unlock()
	p.launch(wake, start)
}

// SpawnLast is Spawn for a job that is about to return: its worker counts as
// starting from now on, so that no other is woken for j alone.
func (p *Pool) SpawnLast(j seam.Job) {
	p.mu.Lock()
	p.jobs.push(j)
	if p.jobs.n == 1 && p.starting < p.chain {
		p.starting++
		p.returning++
		p.mu.Unlock()
		return
	}
	wake, start := p.another()
	p.mu.Unlock()
	p.launch(wake, start)
}

// Close ends the idle workers, and each busy one when it finds no further job.
// It waits for none of them. Spawn still works, but its workers do not linger.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, seat := range idle {
		close(seat)
	}
}

// life is what a worker does. A job that ends by Goexit ends its worker here,
// and nothing is to be put right: the worker was counted nowhere while busy.
func (p *Pool) life() {
	var seat chan struct{} // made when first needed: most of a burst never sit
	woken := true
	for {
		p.mu.Lock()
		switch {
		case woken:
			p.starting--
		case p.returning > 0: // by this one, or by another that will find less
			p.returning--
			p.starting--
		}
		if j := p.jobs.pop(); j != nil {
			wake, start := p.another()
			p.mu.Unlock()
			p.launch(wake, start)
			j.Run()
			woken = false
			continue
		}
		if p.closed || len(p.idle) == p.keep {
			p.mu.Unlock()
			return
		}
		if seat == nil {
			seat = make(chan struct{}, 1) // one slot: who wakes must not wait
		}
		p.idle = append(p.idle, seat)
		p.mu.Unlock()
		if _, woken = <-seat; !woken {
			return
		}
	}
}

// another claims a worker, if more jobs wait than workers are starting, and not
// enough are: the seat of an idle one, or leave to start one. p.mu is held.
func (p *Pool) another() (wake chan struct{}, start bool) {
	if p.jobs.n <= p.starting || p.starting >= p.chain {
		return nil, false
	}
	p.starting++
	last := len(p.idle) - 1
	if last < 0 {
		return nil, true
	}
	wake, p.idle[last] = p.idle[last], nil
	p.idle = p.idle[:last]
	return wake, false
}

// launch does what another claimed, without the lock.
func (p *Pool) launch(wake chan struct{}, start bool) {
	switch {
	case wake != nil:
		wake <- struct{}{}
	case start:
		go p.work()
	}
}

package clock

import (
	"sync"
	"time"
)

// Precise returns a clock that reads as System does and calls with less delay.
// The runtime lets a program that has nothing to do sleep in whole milliseconds,
// so that a timer of System's is late by half of one in the middle; one of
// Precise's on Linux by a tenth of that. With many timers, of which one in a
// hundred of System's is late by a whole millisecond and more, that is a fifth of
// it. It costs more: each instant at which something is due is a system call or
// two, and wakes a thread.
//
// While any of its timers is armed, a Precise holds one descriptor, a timerfd,
// and one goroutine, which calls the functions one after the other: one that
// blocks delays the rest. When the last timer was called or stopped both are
// given back, so it need not be closed. Setting the system's clock moves none of
// its timers.
//
// Where there is no timerfd, on other systems, in a testing/synctest bubble, or
// while the process may open no more files, its timers are those of System.
func Precise() Clock { return newPrecise(openTimerfd) }

func newPrecise(open func() (waker, error)) *precise {
	return &precise{start: time.Now(), open: open}
}

// A waker lets one goroutine wait for an instant that others set.
type waker interface {
	// set puts the end of the wait d from now, in the place of what was set
	// before.
	set(d time.Duration)
	// wait returns once that has come, or when the waker is closed. It may
	// return early.
	wait()
	close()
}

type precise struct {
	start time.Time
	open  func() (waker, error)

	mu     sync.Mutex // guards the following
	timers heap
	armed  uint64 // timers armed so far
	waker  waker  // nil: none is armed
	awake  bool   // its goroutine will look at the timers before it waits
}

func (p *precise) Now() time.Time { return time.Now() }

func (p *precise) AfterFunc(d time.Duration, f func()) Timer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.wake() {
		return System().AfterFunc(d, f)
	}
	t := &preciseTimer{p: p, armed: armed{f: f}}
	p.timers.push(entry{at: later(time.Since(p.start), max(d, 0)), seq: p.armed, t: &t.armed})
	p.armed++
	if t.i == 0 && !p.awake {
		p.waker.set(d)
	}
	return t
}

// wake sees to it that there is a waker, and a goroutine that waits for it.
func (p *precise) wake() bool {
	if p.waker != nil {
		return true
	}
	w, err := p.open()
	if err != nil {
		return false
	}
	p.waker, p.awake = w, false
	go p.run(w)
	return true
}

// run calls what is due until nothing is armed anymore.
func (p *precise) run(w waker) {
	over := false
	defer func() {
		if !over { // a function has ended this goroutine
			go p.run(w)
		}
	}()
	for !over {
		w.wait()
		over = p.callDue(w)
	}
}

// callDue calls what is due, and reports whether w is not needed anymore.
func (p *precise) callDue(w waker) (over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.waker == w {
		p.awake = true
		if len(p.timers) == 0 {
			p.rest()
			break
		}
		if left := p.timers[0].at - time.Since(p.start); left > 0 {
			p.awake = false
			w.set(left)
			return false
		}
		p.call(p.timers.remove(0).t.f)
	}
	return true
}

// call calls f with p.mu released. If f ends the goroutine, the next one looks
// at the timers at once.
func (p *precise) call(f func()) {
	p.mu.Unlock()
	returned := false
	defer func() {
		p.mu.Lock()
		if !returned && p.waker != nil {
			p.waker.set(0)
		}
	}()
	f()
	returned = true
}

// rest gives the waker up, and with it its goroutine.
func (p *precise) rest() {
	p.waker.close()
	p.waker = nil
}

type preciseTimer struct {
	p *precise
	armed
}

func (t *preciseTimer) Stop() bool {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	if t.i == out {
		return false
	}
	t.p.timers.remove(t.i)
	if len(t.p.timers) == 0 && !t.p.awake {
		t.p.rest()
	}
	return true
}

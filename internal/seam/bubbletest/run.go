package bubbletest

import (
	"errors"
	"slices"
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/seam"
)

// Errors of Do.
var (
	// ErrGoexit says that the function ended by runtime.Goexit.
	ErrGoexit = errors.New("bubble: the function ended by runtime.Goexit")
	// ErrHalted says that Halt was called.
	ErrHalted = errors.New("bubble: halted")
)

// Run lets everything happen that can up to the instant until, that one
// included; then Now is until. Only one Run, Idle or Do is under way at a time.
func (b *Bubble) Run(until time.Time) {
	defer b.enter()()
	end := until.Round(0).Sub(b.start)
	for !b.isHalted() && (b.step() || b.sleep(end)) {
	}
}

// RunFor is Run until d from now. A negative d counts as zero.
func (b *Bubble) RunFor(d time.Duration) { b.Run(b.Now().Add(d)) }

// Idle is Run without the passing of time.
func (b *Bubble) Idle() {
	defer b.enter()()
	for !b.isHalted() && b.step() {
	}
}

// Do runs f as a strand until it is over; time passes as needed. If nothing can
// happen anymore before that, the bubble is in a deadlock, which synctest
// reports with all stacks.
func (b *Bubble) Do(f func()) error {
	over, returned := make(chan struct{}), false
	b.Spawn(seam.JobFunc(func() {
		defer b.wake()
		defer close(over)
		f()
		returned = true
	}))
	defer b.enter()()
	for {
		select {
		case <-over:
			if !returned {
				return ErrGoexit
			}
			return nil
		default:
		}
		if b.isHalted() {
			return ErrHalted
		}
		if !b.step() {
			b.sleep(1<<63 - 1)
		}
	}
}

func (b *Bubble) enter() (leave func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running {
		panic("bubble: Run, Idle or Do inside of one")
	}
	b.running = true
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.running = false
	}
}

func (b *Bubble) isHalted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.halted
}

// sleep lets time pass to the earliest alarm, or to end if that is earlier, or
// until something natively woken gives the loop something to do. It reports
// whether there may be more to do.
func (b *Bubble) sleep(end time.Duration) bool {
	now, next := b.Age(), end
	b.mu.Lock()
	if len(b.alarms) > 0 {
		next = min(next, b.alarms[0].at)
	}
	b.mu.Unlock()
	if next <= now && end <= now {
		return false
	}
	if next < 1<<63-1 {
		defer clock.System().AfterFunc(next-now, b.wake).Stop()
	}
	<-b.poke
	return true
}

// AfterFunc has f called by the loop when d has passed. Alarms of one instant
// ring in the order they were armed.
func (b *Bubble) AfterFunc(d time.Duration, f func()) clock.Timer { return b.alarm(nil, d, f) }

func (b *Bubble) alarm(p *Process, d time.Duration, f func()) *alarm {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.Age()
	if d = max(d, 0); d > 1<<63-1-at {
		d = 1<<63 - 1 - at
	}
	a := &alarm{b: b, p: p, at: at + d, f: f}
	if p != nil && p.dead {
		a.gone = true
		return a
	}
	i, _ := slices.BinarySearchFunc(b.alarms, a, func(x, y *alarm) int {
		if x.at <= y.at {
			return -1
		}
		return 1
	})
	b.alarms = slices.Insert(b.alarms, i, a)
	b.wake()
	return a
}

type alarm struct {
	b    *Bubble
	p    *Process // nil: of none
	at   time.Duration
	f    func()
	gone bool // guarded by Bubble.mu
}

// Stop implements clock.Timer.
func (a *alarm) Stop() bool {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	if a.gone {
		return false
	}
	a.gone = true
	a.b.alarms = slices.DeleteFunc(a.b.alarms, func(o *alarm) bool { return o == a })
	return true
}

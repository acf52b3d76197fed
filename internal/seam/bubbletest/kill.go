package bubbletest

import (
	"errors"
	"runtime"
	"slices"
)

// ErrKilled is returned by Park to a strand that waits for a Process which is
// killed, and is none of it.
var ErrKilled = errors.New("bubble: the process is killed")

// Kill ends the process as a power failure does, as far as goroutines let it.
// Its strands that wait in Park, or come to it, or to any call that lets in, do
// not return from there, and run no deferred functions before Close. What has
// not begun is dropped, and alarms are stopped. Strands that wait for it from
// outside, and are not woken by what is still under way, get ErrKilled. A strand of the process that kills it does
// not return from this.
//
// Which strand a call comes from is known of jobs that the process was given.
// Goroutines that a job starts itself are not stopped by a Park.
func (p *Process) Kill() {
	b := p.b
	b.mu.Lock()
	if p.dead {
		b.mu.Unlock()
		return
	}
	p.dead, b.killed, p.thaw = true, true, 0
	b.ready = append(b.ready, p.held...)
	p.held = nil
	b.ready = slices.DeleteFunc(b.ready, func(t *turn) bool { return b.dies(t, p) })
	b.parked = slices.DeleteFunc(b.parked, func(t *turn) bool { return b.dies(t, p) })
	for _, a := range b.alarms {
		a.gone = a.gone || a.p == p
	}
	b.alarms = slices.DeleteFunc(b.alarms, func(a *alarm) bool { return a.gone })
	if b.isDead() {
		b.bury()
	}
	b.mu.Unlock()
	b.wake()
}

// dies reports whether a strand is of p, which is killed. One that has begun is
// kept to be unwound.
func (b *Bubble) dies(t *turn, p *Process) bool {
	if t.of != p {
		return false
	}
	if t.job == nil {
		b.dead = append(b.dead, t)
	}
	return true
}

// bury keeps the calling strand, which is of a dead process, until Close unwinds
// it. It releases Bubble.mu, and does not return.
func (b *Bubble) bury() {
	t := &turn{c: make(chan struct{}, 1)}
	b.dead = append(b.dead, t)
	b.mu.Unlock()
	<-t.c
	runtime.Goexit()
}

// belongs notes whose strand the calling goroutine is, until the function that it
// returns is called.
func (b *Bubble) belongs(p *Process) (over func()) {
	id := goid()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.strands[id] = p
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.strands, id)
	}
}

// isDead reports whether the calling goroutine is a strand of a dead process.
func (b *Bubble) isDead() bool {
	p := b.strands[goid()]
	return p != nil && p.dead
}

// goid is the number of the calling goroutine. The runtime tells it only in a
// stack trace, "goroutine 7 [running]".
func goid() (id uint64) {
	var buf [64]byte
	for _, c := range buf[len("goroutine "):runtime.Stack(buf[:], false)] {
		if c < '0' || c > '9' {
			break
		}
		id = id*10 + uint64(c-'0')
	}
	return id
}

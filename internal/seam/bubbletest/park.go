package bubbletest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing/synctest"

	"github.com/bgloop/bgloop/internal/seam"
)

// ErrClosed is returned by Park to the deferred functions of a strand that
// Close unwinds.
var ErrClosed = errors.New("bubble: closed")

// NewPark returns a place for one strand to wait.
func (b *Bubble) NewPark() seam.Park { return b.newPark(nil) }

func (b *Bubble) newPark(p *Process) seam.Park {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ids++
	return &park{b: b, p: p, id: b.ids}
}

type park struct {
	b  *Bubble
	p  *Process // nil: of none
	id uint64

	token  bool // guarded by Bubble.mu, as is waiter
	waiter *turn
	ctx    context.Context //nolint:containedctx // what can end the wait
}

// Park implements seam.Park.
func (p *park) Park(ctx context.Context) error {
	b := p.b
	b.mu.Lock()
	switch {
	case b.closing:
		b.mu.Unlock()
		return ErrClosed
	case b.killed && b.isDead():
		b.bury() // and is not heard of again
	case p.token:
		p.token = false
		b.mu.Unlock()
		return nil
	}
	if ctx != nil && ctx.Done() != nil {
		if err := ctx.Err(); err != nil {
			b.mu.Unlock()
			return err
		}
		defer context.AfterFunc(ctx, b.wake)() // the loop looks which wait has ended
		p.ctx = ctx
	}
	t := &turn{id: p.id, p: p.p, of: b.strands[goid()], park: p, c: make(chan struct{}, 1)}
	p.waiter = t
	b.parked = append(b.parked, t)
	if p.p != nil && p.p.dead {
		b.wake() // the loop looks who waits for the dead
	}
	b.mu.Unlock()
	<-t.c
	if t.kill {
		runtime.Goexit()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p.waiter, p.ctx = nil, nil
	if p.token {
		p.token = false
		return nil
	}
	return t.err
}

// Admit implements seam.Admitter: with serial turns, who comes back from a wait
// of its own waits for its turn.
func (b *Bubble) Admit(key uint64) { b.admit(nil, key) }

func (b *Bubble) admit(p *Process, key uint64) {
	b.mu.Lock()
	switch {
	case b.closing:
		b.mu.Unlock()
		return
	case p != nil && p.dead:
		b.bury()
	case b.batch && !b.frozen(p):
		b.mu.Unlock()
		return
	}
	t := &turn{id: key, p: p, of: p, c: make(chan struct{}, 1), native: true}
	b.enqueue(t)
	b.mu.Unlock()
	b.wake()
	<-t.c
	if t.kill {
		runtime.Goexit()
	}
}

// Unpark implements seam.Park.
func (p *park) Unpark() {
	p.b.mu.Lock()
	p.token = true
	if p.waiter != nil {
		p.b.rouse(p.waiter, nil)
	}
	p.b.mu.Unlock()
	p.b.wake()
}

// rouse makes a parked strand ready, once.
func (b *Bubble) rouse(t *turn, err error) {
	i := slices.Index(b.parked, t)
	if i < 0 {
		return
	}
	t.err = err
	b.parked = slices.Delete(b.parked, i, i+1)
	b.enqueue(t)
}

// wakeDone makes those ready whose contexts have ended, or who wait for a process
// that is dead: nobody is on the way to wake them.
func (b *Bubble) wakeDone() {
	for _, t := range slices.Clone(b.parked) {
		switch ctx := t.park.ctx; {
		case ctx != nil && ctx.Err() != nil:
			b.rouse(t, ctx.Err())
		case t.p != nil && t.p.dead:
			b.rouse(t, ErrKilled)
		}
	}
}

// Close does nothing inside of Run, Idle or Do: no strand is kept without a job.
// Outside it ends everything that lives in the Bubble: strands that wait in
// Park are unwound, those that have not begun are dropped, alarms are stopped.
// With serial turns one strand is unwound after the other. What waits natively is
// left to end by itself.
func (b *Bubble) Close() {
	b.mu.Lock()
	if b.running {
		b.mu.Unlock()
		return
	}
	b.closing = true
	turns := append(append(b.ready, b.parked...), b.dead...)
	for _, p := range b.parts {
		turns = append(turns, p.held...)
		p.held = nil
	}
	b.ready, b.parked, b.dead, b.alarms = nil, nil, nil, nil
	b.mu.Unlock()
	for _, t := range turns {
		if t.job == nil {
			t.kill = true
			t.c <- struct{}{}
			if !b.batch {
				synctest.Wait()
			}
		}
	}
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closing = b.ended
}

// End is a Close after which nothing begins anymore: a strand that comes back
// from a native wait is let through, and its Park returns ErrClosed.
func (b *Bubble) End() {
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
	b.Close()
}

package bubbletest

import (
	"cmp"
	"slices"
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/seam"
)

// A Process is a part of a Bubble that can be killed, frozen, and set its clock:
// driver and clock of its own. What its strands do natively goes on, also when it
// is frozen or killed, up to their next call.
type Process struct {
	b *Bubble

	// Bubble.mu guards the following.
	dead   bool
	jumped time.Duration // its wall clock, against the Bubble's
	lost   time.Duration // while it was suspended, up to sleeps: no time to it
	sleeps time.Duration // until then it is suspended
	thaw   time.Duration // it is frozen before that instant
	held   []*turn       // would be ready, but for that
}

var (
	_ seam.Stacker  = (*Process)(nil)
	_ seam.Admitter = (*Process)(nil)
	_ clock.Elapser = (*Process)(nil)
)

// Process returns a new part of the Bubble.
func (b *Bubble) Process() *Process {
	p := &Process{b: b}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.parts = append(b.parts, p)
	return p
}

// Now is the present instant as the process's clock reads it.
func (p *Process) Now() time.Time {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	return p.b.Now().Add(p.jumped)
}

// Elapsed is how much time there has been for the process.
func (p *Process) Elapsed() time.Duration {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	age := p.b.Age()
	return age - p.lost + max(0, p.sleeps-age)
}

// Jump sets the process's clock on by d, or back if d is negative.
func (p *Process) Jump(d time.Duration) {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	p.jumped += d
}

// AfterFunc is that of the Bubble, for a call that comes late while the process
// is frozen.
func (p *Process) AfterFunc(d time.Duration, f func()) clock.Timer { return p.b.alarm(p, d, f) }

// Spawn is that of the Bubble, for a strand of this process.
func (p *Process) Spawn(j seam.Job) { p.b.spawn(p, j) }

// NewPark returns a place for one strand of the process to wait.
func (p *Process) NewPark() seam.Park { return p.b.newPark(p) }

// Admit implements seam.Admitter. In a batch, too, who comes back while the
// process is frozen waits.
func (p *Process) Admit(key uint64) { p.b.admit(p, key) }

// Close is that of the Bubble.
func (p *Process) Close() { p.b.Close() }

// Stacks tells none: a dump would stop all goroutines, and name each anew.
func (p *Process) Stacks() []string { return nil }

// Freeze gives no strand of the process a turn for d, and lets none of its
// alarms ring. If it is suspended its clock goes on meanwhile, but that is no
// time to the process: its alarms come later by as much. One that is frozen
// already is not frozen again.
//
// Strands whose turn it is go on to their next wait.
func (p *Process) Freeze(d time.Duration, suspended bool) {
	b := p.b
	b.mu.Lock()
	if d <= 0 || p.dead || b.frozen(p) {
		b.mu.Unlock()
		return
	}
	p.thaw = b.Age() + d
	b.ready = slices.DeleteFunc(b.ready, func(t *turn) bool {
		if t.p == p {
			p.held = append(p.held, t)
		}
		return t.p == p
	})
	if suspended {
		p.lost += d
		p.sleeps = p.thaw
		for _, a := range b.alarms {
			if a.p == p {
				a.at += min(d, 1<<63-1-a.at)
			}
		}
		b.inOrder()
	}
	b.mu.Unlock()
	b.AfterFunc(d, p.release)
}

// release ends a freeze.
func (p *Process) release() {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	p.b.ready = append(p.b.ready, p.held...)
	p.held = nil
}

// Frozen is for how much longer the process is frozen; zero: it is not.
func (p *Process) Frozen() time.Duration {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	return max(0, p.thaw-p.b.Age())
}

// frozen reports whether nothing of a process runs now. No process never is.
func (b *Bubble) frozen(p *Process) bool { return p != nil && b.Age() < p.thaw }

// enqueue makes a strand ready, or lets it wait for that until its process
// thaws.
func (b *Bubble) enqueue(t *turn) {
	if b.frozen(t.p) {
		t.p.held = append(t.p.held, t)
		return
	}
	b.ready = append(b.ready, t)
}

// putOff makes alarms late that are due while their process is frozen.
func (b *Bubble) putOff(at time.Duration) {
	late := false
	for _, a := range b.alarms {
		if a.at > at {
			break
		}
		if b.frozen(a.p) {
			a.at, late = a.p.thaw, true
		}
	}
	if late {
		b.inOrder()
	}
}

// inOrder sorts the alarms: those of one instant stay as they were.
func (b *Bubble) inOrder() {
	slices.SortStableFunc(b.alarms, func(x, y *alarm) int { return cmp.Compare(x.at, y.at) })
}

package sim

import (
	"context"
	"errors"
	"time"

	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/store"
)

// errDisk is how an append fails that is a fault.
var errDisk = errors.New("sim: the store fails, which is a fault")

// A disk is what a process keeps when it is killed.
type disk struct {
	*store.Memory
	p *Proc
	t *term
}

// Load implements store.Store: who loads goes by what is kept.
func (d *disk) Load(ctx context.Context, f func(store.Record) error) error {
	l := d.t.ledger
	l.mu.Lock()
	l.stored = true
	l.mu.Unlock()
	return d.Memory.Load(ctx, f)
}

// mount gives the process what is left of its store.
func (p *Proc) mount(t *term) *disk {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.memory == nil {
		p.memory = new(store.Memory)
	}
	d := &disk{p.memory, p, t}
	d.Sync = d.sync
	return d
}

// sync is where an append is written and not yet durable: faults meet it here.
func (d *disk) sync(context.Context, []store.Record) error {
	p, s := d.p, d.p.s
	if s.happens(faultStoreSlow, p.faults) {
		wait := s.lasts(faultStoreSlow, p.faults, deafFault)
		p.told("waits %v for its store", wait)
		d.t.sleep(wait)
	}
	if s.happens(faultStoreFails, p.faults) {
		p.told("cannot write its store")
		return errDisk
	}
	if s.happens(faultStoreKill, p.faults) {
		if s.below(p.faults.of(faultStoreKill), 2) == 0 {
			p.restart(d.t.world) // and does not come back
		}
		s.world.Spawn(seam.JobFunc(func() { p.restart(d.t.world) })) // when it is durable
	}
	return nil
}

// sleep lets a strand of the process wait, which dies with it.
func (t *term) sleep(d time.Duration) {
	park := t.world.NewPark()
	t.world.AfterFunc(d, park.Unpark)
	_ = park.Park(nil) //nolint:staticcheck // nothing ends this wait but the time
}

// crash leaves of the store what a power failure does: of what was written and
// was not durable, the beginning or nothing.
func (p *Proc) crash() {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	n := p.memory.Unsynced()
	kept := n - int(p.s.choices.Span(p.faults.of(faultKill), p.s.since(), uint64(n)+1))
	p.memory = p.memory.Crash(kept)
}

// A debt is an activation that is durable and not over as the process is killed.
type debt struct {
	act  uint64
	key  rowKey
	what string
}

// acknowledged are the debts: what runs, and nobody has canceled; and what waits
// and was accepted before something that has begun, since nothing begins before
// all that was decided until then is durable.
func (l *ledger) acknowledged() (list []debt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.stored || l.draining {
		return nil
	}
	for _, id := range l.live {
		if i := l.insts.row(id); !i.returned && !i.canceled && i.ctx != nil && l.keeps(i.act, i.task) {
			list = append(list, debt{i.act, i.task.key, "ran"})
		}
	}
	for id, a := range l.acts.open() {
		if a.fired && !a.running && id <= l.durable && a.task != nil && l.keeps(id, a.task) {
			list = append(list, debt{id, a.task.key, "waited"})
		}
	}
	return list
}

// keeps reports whether the store is to keep an activation of the task.
func (l *ledger) keeps(act uint64, t *taskRow) bool {
	return t.reg.Trigger != nil && !t.reg.Volatile && act > t.forgotten
}

// checkRestored: what was acknowledged before the process was killed is there
// again. What is not registered anymore may stay in the store.
func (l *ledger) checkRestored(debts []debt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range debts {
		if t := l.tasks[d.key]; t == nil || !l.keeps(d.act, t) {
			continue
		}
		if a := l.acts.row(d.act); a == nil || !a.fired {
			l.broken(Durability, "activation %d of %s %s when the process was killed, and is lost", d.act, d.key, d.what)
		}
	}
}

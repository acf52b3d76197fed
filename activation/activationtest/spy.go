package activationtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// A book holds what the armings of one story did.
type book struct {
	t testing.TB

	mu      sync.Mutex // guards the following
	entries []*entry
	parcels []*parcel
}

// An entry is one arming.
type entry struct {
	arming   bool
	armed    bool // OnArm's functions have run
	disarmed bool // OnDisarm's have
	gone     int  // functions of Port.Go that run
	slots    int  // places that are held
	reports  int  // of a condition
	holds    bool // the last of them
}

// A parcel is details that own something, on their way.
type parcel struct {
	activation.Dropper
	b              *book
	handed, dropps int
}

// Drop counts.
func (p *parcel) Drop() {
	p.b.do(func() { p.dropps++ })
	p.Dropper.Drop()
}

func (b *book) do(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *book) open() *entry {
	e := &entry{arming: true}
	b.do(func() { b.entries = append(b.entries, e) })
	return e
}

// wrap makes details that own something a parcel.
func (b *book) wrap(details any) any {
	d, owns := details.(activation.Dropper)
	if !owns {
		return details
	}
	p := &parcel{Dropper: d, b: b}
	b.do(func() { b.parcels = append(b.parcels, p) })
	return p
}

// handled unwraps what reached the handler.
func (b *book) handled(details any) any {
	p, ok := details.(*parcel)
	if !ok {
		return details
	}
	b.do(func() { p.handed++ })
	return p.Dropper
}

// last is the newest arming.
func (b *book) last() (e *entry) {
	b.do(func() { e = b.entries[len(b.entries)-1] })
	return e
}

// atRest reports whether all that was armed has ended.
func (b *book) atRest() (rest bool) {
	b.do(func() {
		rest = true
		for _, e := range b.entries {
			rest = rest && (e.disarmed || !e.armed) && e.gone == 0
		}
		for _, p := range b.parcels {
			rest = rest && p.handed+p.dropps > 0
		}
	})
	return rest
}

// oneLives reports whether one arming lives, and no other has anything left.
func (b *book) oneLives() bool {
	live := 0
	b.do(func() {
		for _, e := range b.entries {
			if e.armed && (!e.disarmed || e.gone > 0) {
				live++
			}
		}
	})
	return live == 1
}

// balance says what does not add up at the end.
func (b *book) balance() {
	b.t.Helper()
	b.do(func() {
		for _, e := range b.entries {
			if e.slots > 0 {
				b.t.Errorf("%d places of Port.Reserve were neither fired nor released", e.slots)
			}
		}
		for _, p := range b.parcels {
			if p.handed+p.dropps != 1 {
				b.t.Errorf("details %T: reached a handler %d times, were dropped %d times; want one of them once", p.Dropper, p.handed, p.dropps)
			}
		}
	})
}

// A spiedTrigger is the trigger under test.
type spiedTrigger struct {
	activation.Trigger
	b *book
}

func (t *spiedTrigger) Arm(p activation.Port) error {
	e := t.b.open()
	s := &spy{p, t.b, e}
	p.OnArm(func() { t.b.do(func() { e.armed = true }) })
	err := t.Trigger.Arm(s)
	p.OnDisarm(func() { t.b.do(func() { e.disarmed = true }) })
	t.b.do(func() { e.arming = false })
	return err
}

// A spiedCondition is the condition under test.
type spiedCondition struct {
	activation.Condition
	b *book
}

func (c *spiedCondition) Arm(report func(bool), p activation.Port) error {
	e := c.b.open()
	s := &spy{p, c.b, e}
	p.OnArm(func() { c.b.do(func() { e.armed = true }) })
	err := c.Condition.Arm(func(holds bool) {
		c.b.do(func() { e.reports++; e.holds = holds })
		report(holds)
	}, s)
	p.OnDisarm(func() { c.b.do(func() { e.disarmed = true }) })
	c.b.do(func() { e.arming = false })
	return err
}

// A spy is a Port that notes what is done with it.
type spy struct {
	activation.Port
	b *book
	e *entry
}

func (s *spy) Branch() activation.Port { return &spy{s.Port.Branch(), s.b, s.e} }

func (s *spy) Go(f func(context.Context) error) {
	s.Port.Go(func(ctx context.Context) error {
		s.b.do(func() { s.e.gone++ })
		defer s.b.do(func() { s.e.gone-- })
		return f(ctx)
	})
}

// active complains of what is done inside Arm.
func (s *spy) active(call string) {
	var arming bool
	s.b.do(func() { arming = s.e.arming })
	if arming {
		s.b.t.Errorf("Port.%s was called inside Arm, which must only record", call)
	}
}

func (s *spy) Fire(ctx context.Context, details any) (activation.Receipt, error) {
	s.active("Fire")
	return s.Port.Fire(ctx, s.b.wrap(details))
}

func (s *spy) After(d time.Duration, f func()) func() bool {
	s.active("After")
	return s.Port.After(d, f)
}

func (s *spy) Reserve(ctx context.Context) (activation.Slot, error) {
	s.active("Reserve")
	slot, err := s.Port.Reserve(ctx)
	if err != nil {
		return slot, err
	}
	s.b.do(func() { s.e.slots++ })
	return &spiedSlot{Slot: slot, s: s}, nil
}

// A spiedSlot notes whether a place is used.
type spiedSlot struct {
	activation.Slot
	s    *spy
	used sync.Once
}

func (l *spiedSlot) use() { l.used.Do(func() { l.s.b.do(func() { l.s.e.slots-- }) }) }

func (l *spiedSlot) Fire(ctx context.Context, details any) (activation.Receipt, error) {
	l.use()
	return l.Slot.Fire(ctx, l.s.b.wrap(details))
}

func (l *spiedSlot) Release() {
	l.use()
	l.Slot.Release()
}

package app

import (
	"slices"
	"sync"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// A draft is terms that are being recorded, in one piece with room for what most
// triggers record.
type draft struct {
	engine.Terms
	scopes    [1]engine.Scope
	schedules [1]engine.Scoped[activation.Schedule]
}

func (d *draft) begin(r *tasks.Registration) {
	d.Reg, d.Scopes, d.Schedules = *r, d.scopes[:], d.schedules[:0]
	d.Reg.Name = ""
}

// A termsCache holds the terms that were last registered, for who comes next on
// the same: a program has many tasks, and few kinds of them.
type termsCache struct {
	mu     sync.Mutex // guards the following
	recent [8]*engine.Terms
	next   int
	spare  *draft // empty, of one that was not needed; may be nil
}

// draft begins the terms of a registration.
func (c *termsCache) draft(r *tasks.Registration) *draft {
	c.mu.Lock()
	d := c.spare
	c.spare = nil
	c.mu.Unlock()
	if d == nil {
		d = new(draft)
	}
	d.begin(r)
	return d
}

// shared returns terms that say the same as d, and have the trigger's text: d's
// own if there are none, or if what it says is for one task alone. Otherwise d
// is not to be used anymore.
func (c *termsCache) shared(d *draft, share bool) *engine.Terms {
	if !share || len(d.Exclusive) > 0 || !d.Simple() {
		d.Trigger = d.Reg.Trigger.String()
		return &d.Terms
	}
	if same := c.find(d); same != nil {
		return same
	}
	d.Trigger = d.Reg.Trigger.String() // nobody else's code runs under a lock
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recent[c.next] = &d.Terms
	c.next = (c.next + 1) % len(c.recent)
	return &d.Terms
}

func (c *termsCache) find(d *draft) *engine.Terms {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, same := range c.recent {
		if same != nil && alike(same, &d.Terms) {
			*d = draft{}
			c.spare = d
			return same
		}
	}
	return nil
}

// alike reports whether simple terms say the same.
func alike(a, b *engine.Terms) bool {
	return a.OneShot == b.OneShot && a.Payload == b.Payload && a.Reg.EntryPoint == b.Reg.EntryPoint && same(a.Reg.Trigger, b.Reg.Trigger) &&
		slices.EqualFunc(a.Schedules, b.Schedules, sameSchedule) && slices.Equal(a.Topics, b.Topics) &&
		settings(&a.Reg) == settings(&b.Reg)
}

func sameSchedule(a, b engine.Scoped[activation.Schedule]) bool {
	return a.Scope == b.Scope && same(a.Source, b.Source)
}

// settings are what a registration says beside its name, trigger and
// conditions.
func settings(r *tasks.Registration) [12]any {
	return [...]any{
		r.KeepOnConditionLoss, r.TimeLimit, r.Grace, r.Keep, r.Overlap, r.Missed, r.Retry, r.OnAbandon, r.OnLoop,
		r.Priority, r.Key, r.Volatile,
	}
}

func settingNames() [12]string {
	return [...]string{
		"keep on condition loss", "time limit", "grace", "keep", "overlap", "missed", "retry", "on abandon", "on loop",
		"priority", "key", "volatile",
	}
}

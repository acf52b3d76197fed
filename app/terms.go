package app

import (
	"slices"
	"sync"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// newTerms are the terms of a registration of which nothing is recorded yet, in
// one piece with room for what most triggers record.
func newTerms(r *tasks.Registration) *engine.Terms {
	t := new(struct {
		engine.Terms
		scopes    [1]engine.Scope
		schedules [1]engine.Scoped[activation.Schedule]
	})
	t.Reg, t.Scopes, t.Schedules = *r, t.scopes[:], t.schedules[:0]
	t.Reg.Name = ""
	return &t.Terms
}

// A termsCache holds the terms that were last registered, for who comes next on
// the same: a program has many tasks, and few kinds of them.
type termsCache struct {
	mu     sync.Mutex // guards the following
	recent [8]*engine.Terms
	next   int
}

// shared returns terms that say the same as t, and have the trigger's text: t
// itself if there are none, or if what it says is for one task alone.
func (c *termsCache) shared(t *engine.Terms, share bool) *engine.Terms {
	if !share || len(t.Exclusive) > 0 || !t.Simple() {
		t.Trigger = t.Reg.Trigger.String()
		return t
	}
	c.mu.Lock()
	i := slices.IndexFunc(c.recent[:], func(o *engine.Terms) bool { return o != nil && alike(o, t) })
	if i >= 0 {
		defer c.mu.Unlock()
		return c.recent[i]
	}
	c.mu.Unlock()
	t.Trigger = t.Reg.Trigger.String() // now: nobody else's code runs under a lock
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recent[c.next] = t
	c.next = (c.next + 1) % len(c.recent)
	return t
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

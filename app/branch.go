package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
)

// A branch is the port as a trigger, or one of several parts of it, sees it.
type branch struct {
	*port
	scope int
}

// Branch implements activation.Port.
func (b *branch) Branch() activation.Port {
	inner := &branch{port: b.port}
	b.record("Branch", true, func() {
		inner.scope = len(b.spec.Scopes)
		b.spec.Scopes = append(b.spec.Scopes, engine.Scope{Parent: b.scope})
	})
	return inner
}

// Schedule implements activation.Port.
func (b *branch) Schedule(s activation.Schedule) {
	b.record("Schedule", s != nil, func() {
		if len(b.spec.Schedules) == engine.MostSchedules {
			b.misuse = errors.Join(b.misuse, fmt.Errorf("%w: more than %d schedules", ErrArm, engine.MostSchedules))
			return
		}
		b.spec.Schedules = append(b.spec.Schedules, engine.Scoped[activation.Schedule]{Scope: b.scope, Source: s})
	})
}

// Listen implements activation.Port.
func (b *branch) Listen(topic string) {
	b.record("Listen", topic != "", func() {
		b.spec.Topics = append(b.spec.Topics, engine.Scoped[string]{Scope: b.scope, Source: topic})
	})
}

// Filter implements activation.Port.
func (b *branch) Filter(f activation.Filter) {
	b.record("Filter", f != nil, func() {
		s := &b.spec.Scopes[b.scope]
		s.Filters = append(s.Filters, f)
	})
}

// Window implements activation.Port.
func (b *branch) Window(d time.Duration, cancel bool) {
	b.record("Window", d > 0, func() {
		s := &b.spec.Scopes[b.scope]
		s.Window, s.WindowCancels = d, cancel
	})
}

// Reserve implements activation.Port.
func (b *branch) Reserve(ctx context.Context) (activation.Slot, error) {
	return b.reserve(ctx, b.scope)
}

// Wanted implements activation.Port: a trigger always matters.
func (b *branch) Wanted(f func(bool)) {
	b.record("Wanted", f != nil, func() {
		b.onArm = append(b.onArm, func() { f(true) })
		b.onDisarm = append(b.onDisarm, func() { f(false) })
	})
}

// Fire implements activation.Port.
func (b *branch) Fire(ctx context.Context, details any) (activation.Receipt, error) {
	return b.fire(ctx, &b.spec, b.scope, details)
}

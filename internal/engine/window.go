package engine

import (
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/tasks"
)

// window is when the innermost window closes that a firing has opened.
func (t *Task) window(of int) (closes time.Time, cancels, ok bool) {
	for s := t.scope(of); s != nil; s = t.parent(s) {
		if s.Window > 0 {
			return s.asked.Add(s.Window), s.WindowCancels, true
		}
	}
	return time.Time{}, false, false
}

// openWindow makes a good for as long as the window is open that its firing
// opened.
func (e *Engine) openWindow(a *Act, scope int) {
	if closes, cancels, ok := a.Task.window(scope); ok {
		a.cancels = cancels
		a.expiry.kind, a.expiry.of = kindExpiry, a
		e.plan.arm(&a.expiry, nanos(closes))
	}
}

// widenWindow makes a good for as long as any of its firings is.
func (e *Engine) widenWindow(a *Act, scope int) {
	until, bounded := e.plan.at(&a.expiry)
	closes, _, ok := a.Task.window(scope)
	switch {
	case !bounded:
	case !ok:
		e.plan.disarm(&a.expiry)
	case nanos(closes) > until:
		e.openWindow(a, scope)
	}
}

// expired reports whether a is no longer good.
func (e *Engine) expired(a *Act) bool {
	at, bounded := e.plan.at(&a.expiry)
	return bounded && at <= nanos(e.now)
}

// expire: the window is over that an activation was good for. What has not
// started ends; what has is canceled, if the trigger asked for that.
func (e *Engine) expire(a *Act) {
	t := a.Task
	if i := slices.Index(t.pending.items(), a); i >= 0 {
		e.endEntry(t.pending.take(i), tooLate(a))
		e.advance(t)
		return
	}
	if a.cancels && a.last != nil {
		e.cancel(a.last, activation.SystemPolicy)
	}
}

// tooLate is the outcome of what was not started while its window was open.
func tooLate(a *Act) error {
	return &tasks.Canceled{Reason: activation.SystemPolicy, Err: a.lastErr}
}

package engine

import (
	"slices"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/tasks"
)

// expire: the window is over that an activation was good for. What has not
// started ends; what has is canceled, if the trigger asked for that.
func (e *Engine) expire(a *Act) {
	t := a.Task
	if i := slices.Index(t.pending.items(), a); i >= 0 {
		e.endEntry(t.pending.take(i), &tasks.Canceled{Reason: activation.SystemPolicy, Err: a.lastErr})
		e.advance(t)
		return
	}
	if t.spec.WindowCancels && a.last != nil {
		e.cancel(a.last, activation.SystemPolicy)
	}
}

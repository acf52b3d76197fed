package source

import (
	"context"

	"github.com/bgloop/bgloop/activation"
)

type level[S any] struct {
	*Feed[S]
	text  string
	holds func(S) bool
}

// Condition holds while holds says so of the state. It reports every change.
// Until the state is known it does not hold, and after an error neither: let the
// opposite be a condition of its own, not condition.Not of this one, which would
// hold then. The text is the condition's identity.
// holds is called on the goroutine of the watch and must not block; Register
// answers ErrNoFunc if it is nil.
func (f *Feed[S]) Condition(text string, holds func(S) bool) activation.Condition {
	return &level[S]{f, text, holds}
}

func (l *level[S]) String() string { return l.text }

func (l *level[S]) Arm(report func(bool), p activation.Port) error {
	if l.holds == nil {
		return ErrNoFunc
	}
	if state, known := l.State(); known {
		report(l.holds(state))
	}
	return l.arm(p, func(_ context.Context, s S, known bool) error {
		report(known && l.holds(s))
		return nil
	})
}

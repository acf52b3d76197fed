package source

import (
	"context"

	"github.com/bgloop/bgloop/activation"
)

type edge[S any] struct {
	*Feed[S]
	text string
	is   func(before, after S) bool
}

// Trigger makes a task due at each edge that is says yes to. The details are
// the state after it, of type S. By default firings merge while one waits: the
// newest state is handed over, and the count is kept. An edge that the App cannot
// take, as when its store fails or does not know the type S, fails the source, as
// observers are told, and is fired after a pause, unless there is no difference
// anymore. The text is the trigger's identity. is is called on the goroutine of
// the watch and must not block; Register answers ErrNoFunc if it is nil.
func (f *Feed[S]) Trigger(text string, is func(before, after S) bool) activation.Trigger {
	return &edge[S]{f, text, is}
}

func (e *edge[S]) String() string { return e.text }

func (e *edge[S]) Arm(p activation.Port) error {
	if e.is == nil {
		return ErrNoFunc
	}
	var before S
	based := false // there is a before
	return e.arm(p, func(ctx context.Context, after S, known bool) error {
		if !known {
			return nil
		}
		if based && e.is(before, after) {
			if _, err := p.Fire(ctx, after); err != nil {
				return activation.UnlessOver(err)
			}
		}
		before, based = after, true
		return nil
	})
}

package trigger

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/bgloop/bgloop/activation"
)

// ErrNoChan is returned by Register for a nil channel.
var ErrNoChan = errors.New("trigger: channel is nil")

type channel[T any] struct{ c <-chan T }

// Chan makes a task due for each value received from c, with the value as its
// details. It receives only when there is a place for the value in the task's
// pending list, so that a slow task slows the sender down and nothing is lost.
// While it waits for a value it holds that place: of several in an Any, each
// needs one, which is what a zero Keep gives them.
// When c is closed the source is exhausted; the registration stays. A nil c is
// refused with ErrNoChan.
func Chan[T any](c <-chan T) activation.Trigger { return channel[T]{c} }

func (t channel[T]) String() string { return fmt.Sprintf("chan(%v)", reflect.TypeFor[T]()) }

func (t channel[T]) Arm(p activation.Port) error {
	if t.c == nil {
		return ErrNoChan
	}
	p.Payload()
	p.Go(func(ctx context.Context) error {
		for {
			if done, err := t.pass(ctx, p); done {
				return err
			}
		}
	})
	return nil
}

// pass takes a place, then a value, and brings them together.
func (t channel[T]) pass(ctx context.Context, p activation.Port) (done bool, err error) {
	slot, err := p.Reserve(ctx)
	if err != nil {
		return true, nil // the App stops or the registration ends
	}
	defer slot.Release()
	select {
	case v, open := <-t.c:
		if !open {
			return true, nil
		}
		_, err = slot.Fire(ctx, v)
		return err != nil, activation.UnlessOver(err)
	case <-ctx.Done():
		return true, nil
	}
}

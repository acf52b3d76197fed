package trigger

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"

	"github.com/bgloop/bgloop/activation"
)

// ErrNoTrigger is returned by Register for a combinator without a trigger.
var ErrNoTrigger = errors.New("trigger: trigger is nil")

// An Application is the trigger that the program itself pulls, with details of
// type T; take them with tasks.Typed. One object serves one registration at a
// time. Its methods may be called from any goroutine, handlers included.
type Application[T any] struct {
	port atomic.Pointer[activation.Port]
}

// NewApplication returns an application trigger that serves nobody yet.
func NewApplication[T any]() *Application[T] { return new(Application[T]) }

// String is the trigger's kind and the type of its details.
func (t *Application[T]) String() string {
	return fmt.Sprintf("application(%v)", reflect.TypeFor[T]())
}

// Arm is for Register.
func (t *Application[T]) Arm(p activation.Port) error {
	p.Payload()
	p.Exclusive(t)
	p.OnArm(func() { t.port.Store(&p) }) // for ever: the port itself knows when the registration has ended
	return nil
}

// Request asks for an activation with the details v. The receipt's Result is
// Allowed if it was accepted, latched included; CurrentlyRunning if there is no
// place for it, with tasks.Keep's default while one request waits;
// DisabledByPolicy if the task is paused or the App stops. With an error, which
// is activation.ErrUnbound or activation.ErrNotRunning, it is UnknownError. The
// activation's context takes its values from ctx; canceling ctx does not cancel
// it.
func (t *Application[T]) Request(ctx context.Context, v T) (activation.Receipt, error) {
	p := t.port.Load()
	if p == nil {
		if d, owns := any(v).(activation.Dropper); owns {
			d.Drop() // there is no App to do it
		}
		return activation.Receipt{Result: activation.UnknownError}, fmt.Errorf("%w: %s", activation.ErrUnbound, t)
	}
	return (*p).Fire(ctx, v)
}

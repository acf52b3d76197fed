package tasks

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

// ErrDetails is the failure of a Typed handler whose details have another type.
var ErrDetails = errors.New("tasks: details have another type")

// A Handler answers activations of a task.
//
// Run is called on a goroutine of its own for each attempt. Returning nil says
// that the work is done, or goes on under a deferral; returning an error fails
// the attempt. A panic or runtime.Goexit fails it too, with a *Panic, and harms
// nothing else. When ctx ends, Run should return soon: context.Cause(ctx) is
// the activation.Reason.
type Handler interface {
	Run(ctx context.Context, in *Instance) error
}

// A HandlerFunc is a function used as a Handler.
type HandlerFunc func(ctx context.Context, in *Instance) error

// Run calls f.
func (f HandlerFunc) Run(ctx context.Context, in *Instance) error { return f(ctx, in) }

// A Middleware makes a Handler of a Handler, to do something around it.
type Middleware func(Handler) Handler

// Typed makes a Handler of a function that wants its details as a T. Details of
// another type fail the instance with ErrDetails; no details are the zero T.
func Typed[T any](f func(ctx context.Context, in *Instance, details T) error) Handler {
	return typed[T](f)
}

type typed[T any] func(ctx context.Context, in *Instance, details T) error

// Run implements Handler.
func (f typed[T]) Run(ctx context.Context, in *Instance) error {
	details := in.Details()
	v, ok := details.(T)
	if !ok && details != nil {
		return fmt.Errorf("%w: task %q: got %T, want %v", ErrDetails, in.Name(), details, reflect.TypeFor[T]())
	}
	return f(ctx, in, v)
}

// DetailsType is T, for an App with a store: it makes details of what it stored.
func (typed[T]) DetailsType() reflect.Type { return reflect.TypeFor[T]() }

// TypeName gives the names under which the Background Task Helper registers a
// handler type: the type's short name, and its full name as the entry point.
// Two types of equal short name have the same task name. A pointer type has
// the names of what it points to.
func TypeName[T any]() (name, entryPoint string) {
	t := reflect.TypeFor[T]()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name(), t.PkgPath() + "." + t.Name()
}

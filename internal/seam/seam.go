// Package seam is the wall between a task's code and who runs it: goroutines in
// production, coroutines in simulation. Everything that differs between the
// two is a Driver; what a handler's instance can do is a Run, which app
// implements once for both.
package seam

import (
	"context"
	"log/slog"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/deferral"
)

// A Job is work for a strand. A pointer that is one costs no allocation to
// spawn, as a closure would.
type Job interface {
	Run()
}

// JobFunc makes a function a Job.
type JobFunc func()

// Run calls f.
func (f JobFunc) Run() { f() }

// A Driver runs strands: goroutines or coroutines.
type Driver interface {
	// Spawn runs j on a strand of its own and returns at once. Jobs begin in
	// the order they were spawned; one that blocks holds none of the others
	// back. A job may end by runtime.Goexit.
	Spawn(j Job)

	// NewPark returns a place for one strand to wait.
	NewPark() Park

	// Close ends the strands that have no job. Spawn still works afterwards.
	Close()
}

// An Admitter is a Driver whose strands may come back from waits that it knows
// nothing of. Who has called a user's function asks to be let in before it goes
// on; key puts those who ask at the same time in order.
type Admitter interface {
	Admit(key uint64)
}

// A Stacker is a Driver that tells the stacks of its strands itself, so that
// nobody dumps all goroutines.
type Stacker interface {
	Driver
	Stacks() []string
}

// A Relay is a Driver whose strands can hand their place on.
type Relay interface {
	Driver

	// SpawnLast is Spawn for a strand that is about to return from its job: it
	// must not wait for anything anymore, run code of a user's or end by
	// runtime.Goexit. Its place may serve j next, without another being woken.
	SpawnLast(j Job)
}

// A Planned is a value that code under test panics with because the test wants
// it to. Nobody asks where it comes from, so no stack is taken.
type Planned interface{ Planned() }

// A Rearmer is a timer of a Driver's clock that can be set anew at next to no
// cost.
type Rearmer interface {
	// Rearm has the timer's function called when d has elapsed, and not when it
	// was to be called before. It may be called after that call, too.
	Rearm(d time.Duration)
}

// A Mover is a Driver's clock that says at less cost than by a reading whether it
// has moved. Its readings are not monotonic.
type Mover interface {
	// Moves is never zero, and another number than before if the clock reads
	// another time or time has elapsed.
	Moves() uint64
}

// A Park is where one strand waits. An Unpark before the Park is remembered,
// several count as one.
type Park interface {
	// Park waits for Unpark and returns nil, or for the end of ctx and returns
	// ctx's error. Where both are so, it returns nil.
	Park(ctx context.Context) error

	// Unpark wakes the strand. It never blocks.
	Unpark()
}

// Info is what an instance knows of itself.
type Info struct {
	Group, Task          string
	Registration         uint64
	Activation, Instance uint64
	Attempt              int
	Due, Deadline        time.Time
	Details              any
	Merged               uint64 // firings that became this activation
}

// A Run is the record behind a *tasks.Instance.
type Run interface {
	Info() Info
	Key() (group, task string) // of Info: what every dispatch asks for
	Details() any              // the same
	ID() uint64                // Info's Instance
	Log() *slog.Logger
	Take(why string) (*deferral.Deferral, error)
	Progress(n uint64) error
	OnCanceled(f func(activation.Reason)) error
	Sleep(d time.Duration) error
	Await(f func(context.Context) error) error
	Go(f func(context.Context) error) error
}

package activation

import (
	"context"
	"time"
)

// A Trigger makes a task due.
//
// Arm is called once for each registration, from inside Register, and says on
// the Port what the trigger needs. It must not block, and it must not act:
// what it records takes effect only once the registration has been accepted,
// so a refused registration leaves nothing to undo. An error refuses the
// registration.
//
// String is the trigger's identity: two triggers with equal texts are taken to
// be the same trigger.
type Trigger interface {
	Arm(Port) error
	String() string
}

// A Port is the side of the App that a trigger or a condition sees. Combinators
// wrap it.
//
// Schedule, Listen, Filter, Branch, Window, OneShot, Payload, Exclusive, OnArm,
// OnDisarm, Go and Wanted may be called only inside Arm. The others may be called from any
// goroutine, from the moment OnArm's functions run until OnDisarm's do.
type Port interface {
	// Fire makes the task due, with the given details. The activation's
	// context takes its values from ctx. A refusal is a Result and a nil
	// error; the error is ErrNotRunning or ErrUnbound.
	Fire(ctx context.Context, details any) (Receipt, error)

	// Reserve waits for a place in the task's pending list and holds it, so
	// that a source need not take what it cannot hand over. It returns ctx's
	// error if that ends first, ErrNotRunning when the App stops, and
	// ErrUnbound when the registration ends.
	Reserve(ctx context.Context) (Slot, error)

	// Schedule adds a source of firings in time.
	Schedule(Schedule)

	// Listen adds the App's raising of a topic as a source of firings: "event/"
	// and a name for App.Raise, "done/any/", "done/ok/" or "done/failed/" and
	// the name of a task of the same group for its completions, whose details
	// are an event.Event, and "clock/jump" with a time.Duration.
	Listen(topic string)

	// Filter adds a judge that is asked about every firing of whatever source
	// that is recorded on this Port or on a Branch of it.
	Filter(Filter)

	// Branch returns a Port for one of several sources of a trigger: what is
	// recorded on it is the task's as well, but its filters are asked about its
	// own firings only, before those of this Port.
	Branch() Port

	// Window says that a firing of whatever source that is recorded on this Port
	// or on a Branch of it is good for d from its due time, as the filters of
	// inner branches make it: an activation that has not started by then ends with
	// SystemPolicy. With cancel, what has started and is active then is
	// canceled with it too. Of several windows, one within another, the
	// innermost counts; an activation of several firings is good for as long as
	// any of them is.
	Window(d time.Duration, cancel bool)

	// OneShot says that the first accepted firing is the last: the task is
	// unregistered when that activation is over, whatever its outcome.
	OneShot()

	// Payload says that firings carry details that must not be merged away: a
	// zero tasks.Keep then means Every(1), or as many as sources have said so.
	Payload()

	// Exclusive says that the object key serves one registration at a time: a
	// second registration that says so while the first stands is refused.
	Exclusive(key any)

	// OnArm adds a function that runs once the registration is accepted,
	// before Register returns, on its goroutine.
	OnArm(f func())

	// OnDisarm adds a function that runs when the registration has ended, or
	// when the App has stopped. The functions run in the order they were added.
	OnDisarm(f func())

	// Go adds a goroutine that the App starts when it runs, stops by
	// canceling ctx, and waits for. If f returns an error it is told as an
	// event and f is started again after a pause: one second, doubling up to
	// one minute. If f returns nil the source is exhausted.
	Go(f func(ctx context.Context) error)

	// Wanted adds a function that is told when the condition starts to matter
	// (something waits or runs) and when it ceases to. It is for conditions.
	// A condition that asks is taken not to hold each time it starts to
	// matter, until its next report.
	Wanted(f func(bool))

	// Now is the App's time.
	Now() time.Time

	// After calls f on a goroutine of the App's once d has passed. It is the
	// only timer that a trigger or a condition has. stop reports whether it
	// kept f from running. A d of zero or less is due at once.
	After(d time.Duration, f func()) (stop func() bool)
}

// A Slot is a reserved place in a task's pending list. Exactly one of Fire and
// Release has an effect, once; the later calls answer as below.
type Slot interface {
	// Fire uses the place. It is refused only by stopping, with
	// DisabledByPolicy, or, with ErrUnbound, when the registration has ended
	// or the place was used or released before.
	Fire(ctx context.Context, details any) (Receipt, error)

	// Release gives the place back. Releasing twice does nothing.
	Release()
}

// A Dropper is implemented by details that own something, such as a
// connection. Drop is called exactly once, on a goroutine of the App's, for
// details that were accepted and reach no handler, or were refused.
type Dropper interface {
	Drop()
}

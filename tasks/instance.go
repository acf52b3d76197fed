package tasks

import (
	"context"
	"log/slog"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/internal/seam"
)

// An Instance is one attempt to run an activation, as its handler sees it. It
// is never reused: kept beyond its end, its methods answer ErrOver. They may be
// called from any goroutine, unless they say otherwise.
type Instance struct {
	run seam.Run
}

// NewInstance returns the Instance of a record; see Init.
func NewInstance(r seam.Run) *Instance { return &Instance{run: r} }

// Init makes i the Instance of a record. It is for the hosts of this module:
// nobody else can name a seam.Run.
func (i *Instance) Init(r seam.Run) { i.run = r }

// Name is the task's name, by which a handler dispatches.
func (i *Instance) Name() string { _, task := i.run.Key(); return task }

// Group is the ID of the task's group, empty for a task of the App itself.
func (i *Instance) Group() string { group, _ := i.run.Key(); return group }

// TaskID is the registration's ID, which Replace changes.
func (i *Instance) TaskID() uint64 { return i.run.Info().Registration }

// ID is the instance's own: a fresh one for each attempt.
func (i *Instance) ID() uint64 { return i.run.ID() }

// Activation is the ID of the activation, the same in all its attempts: use it
// to recognize work that was done before.
func (i *Instance) Activation() uint64 { return i.run.Info().Activation }

// Attempt counts the attempts of the activation, from 1.
func (i *Instance) Attempt() int { return i.run.Info().Attempt }

// Due is when the activation was due, which is not later than its start. It is
// the zero time once the instance is over.
func (i *Instance) Due() time.Time { return i.run.Info().Due }

// Deadline is when the time limit will cancel the instance, and false if there
// is no limit, or the instance is over. It is not in the context: there a virtual time would mislead
// packages that compare it with the real one.
func (i *Instance) Deadline() (time.Time, bool) {
	d := i.run.Info().Deadline
	return d, !d.IsZero()
}

// Details is what the trigger handed over; nil for triggers of time.
func (i *Instance) Details() any { return i.run.Details() }

// Merged is how many firings became this activation, at least 1.
func (i *Instance) Merged() uint64 { return i.run.Info().Merged }

// Log is the App's logger with the task, activation, instance and attempt.
func (i *Instance) Log() *slog.Logger { return i.run.Log() }

// Progress tells observers how far the instance is; the number means what the
// task says it means. After the end it does nothing.
func (i *Instance) Progress(n uint64) { _ = i.run.Progress(n) }

// Deferral says that the instance goes on after its handler has returned, until
// Complete. There may be several. It does not extend the time limit. It returns
// ErrOver once the instance is over.
func (i *Instance) Deferral(why string) (*deferral.Deferral, error) { return i.run.Take(why) }

// Canceled calls f, on a goroutine of its own, when the instance is canceled;
// at once if it has been. It returns ErrOver once the instance is over.
func (i *Instance) Canceled(f func(activation.Reason)) error { return i.run.OnCanceled(f) }

// Sleep pauses the calling goroutine for d by the App's clock and returns nil;
// or it returns the activation.Reason as soon as the instance is canceled, or
// ErrOver as soon as it is over. A d of zero or less returns at once. It may be
// called by the handler and by functions given to Go or Await only.
func (i *Instance) Sleep(d time.Duration) error { return i.run.Sleep(d) }

// Go runs f on a goroutine of its own and holds a deferral until f returns. An
// error or a panic of f fails the instance. It returns ErrOver, and does not
// run f, once the instance is over.
func (i *Instance) Go(f func(ctx context.Context) error) error { return i.run.Go(f) }

// Await runs f, which may block on anything, on a goroutine of its own and
// waits for it; it is how a handler waits for the outside world. It returns
// f's error, or, as soon as the instance is canceled, the activation.Reason; f
// then goes on under a deferral until it heeds its ctx, so what f writes is to
// be read only if Await has not returned the reason. What heeds a ctx by itself
// may as well be called without Await. A panic of f is returned as a *Panic. It
// returns ErrOver, and does not run f, once the instance is over.
func (i *Instance) Await(f func(ctx context.Context) error) error { return i.run.Await(f) }

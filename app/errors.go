package app

import (
	"errors"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// Errors of registering. Nothing has changed then. Register also returns the
// errors of tasks.Registration.Validate and of the trigger's and the
// conditions' Arm.
var (
	// ErrRegistered: a task of that name stands. (The Background Task Helper
	// returns null.)
	ErrRegistered = engine.ErrRegistered
	// ErrExclusive: the trigger serves another registration.
	ErrExclusive = engine.ErrExclusive
	// ErrNeedsHost: the registration has an entry point, and there is no task
	// host to run it.
	ErrNeedsHost = errors.New("app: an entry point needs a task host")
	// ErrTooOften: the trigger's interval is below the App's minimum.
	ErrTooOften = errors.New("app: interval is below the minimum")
	// ErrArm: the trigger or a condition used its Port wrongly.
	ErrArm = errors.New("app: trigger or condition broke the rules of Arm")
)

// Errors of running.
var (
	// ErrRunning: the App runs already.
	ErrRunning = errors.New("app: running")
	// ErrStopped: the App is stopping or has stopped. An App runs once.
	ErrStopped = engine.ErrStopped
	// ErrNotRunning: the App does not run yet, or not anymore.
	ErrNotRunning = activation.ErrNotRunning
	// ErrInHandler: the call would wait for the instance that makes it.
	ErrInHandler = activation.ErrInHandler
)

// Errors of an App with a store: see WithStore.
var (
	// ErrStore: the store fails, and so it is not known whether what was done
	// is durable; a firing may run all the same.
	ErrStore = engine.ErrStore
	// ErrNotDurable: the details of a firing cannot be stored: they own
	// something, or their type is none that the App can make again, or JSON
	// cannot hold them.
	ErrNotDurable = errors.New("app: details cannot be stored")
	// ErrRecord is returned by Run and Start: the store holds something that
	// this version of the App did not write.
	ErrRecord = errors.New("app: record in the store cannot be read")
)

// Errors of activations, for callers that import no other package of ours.
var (
	// ErrUnbound: what was fired is registered nowhere.
	ErrUnbound = activation.ErrUnbound
	// ErrShared: details that own something cannot be raised to several tasks.
	ErrShared = errors.New("app: details of an event own something")
	// ErrRefused: the receipt that was waited for is of a refused firing.
	ErrRefused = activation.ErrRefused
	// ErrUnknownTask: no handler answers the task.
	ErrUnknownTask = tasks.ErrUnknownTask
)

package app

import (
	"context"
	"log/slog"
	"reflect"
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// DefaultGrace is how long a canceled instance may take to end, unless
// WithGrace or its registration says otherwise. It is the model's.
const DefaultGrace = 5 * time.Second

// An Option sets something of an App for its whole life.
type Option func(*App)

// WithClock sets the App's time. The default, and what nil means, is clock.System.
func WithClock(c clock.Clock) Option {
	return func(a *App) {
		if c != nil {
			a.clock = c
		}
	}
}

// WithLogger sets where the App writes what nobody else is told: handlers that
// panicked, observers that panicked, tasks that no handler answers. The default,
// and what nil means, is slog.Default.
func WithLogger(l *slog.Logger) Option {
	return func(a *App) {
		if l != nil {
			a.log = l
		}
	}
}

// WithTimeLimit sets the limit of tasks that set none. The default, and what
// zero and negative mean, is no limit; the model's is 30 seconds.
func WithTimeLimit(d time.Duration) Option { return func(a *App) { a.limit = d } }

// WithGrace sets the grace of tasks that set none. The default, and what zero
// means, is DefaultGrace; negative means none: instances are abandoned when
// they are canceled.
func WithGrace(d time.Duration) Option {
	return func(a *App) {
		if d == 0 {
			d = DefaultGrace
		}
		a.grace = d
	}
}

// WithMinimumInterval refuses triggers that come more often than every d, with
// ErrTooOften. The default, and what zero and negative mean, is no minimum; the
// model's is 15 minutes. It concerns triggers that have an interval:
// Every, After and AfterCompletion.
func WithMinimumInterval(d time.Duration) Option { return func(a *App) { a.minimum = d } }

// WithBaseContext sets the context whose values the handlers of firings that
// have no caller see. Its end means nothing. The default, and what nil
// means, is context.Background.
func WithBaseContext(ctx context.Context) Option {
	return func(a *App) {
		if ctx != nil {
			a.base = ctx
		}
	}
}

// WithOnBackgroundActivated puts f in the place of App.OnBackgroundActivated,
// as an override does: it is called for every activation of a task of the
// App's own, and calls App.OnBackgroundActivated where it wants the dispatch
// to handlers by name.
func WithOnBackgroundActivated(f tasks.HandlerFunc) Option {
	return func(a *App) { a.SetOnBackgroundActivated(f) }
}

// DefaultLoopThreshold is how long a handler on the loop may hold it, unless
// WithLoopThreshold says otherwise, before that is told as an event.
const DefaultLoopThreshold = 100 * time.Millisecond

// WithLoopThreshold sets how long a handler of a task with OnLoop may hold the
// loop before an event names it, with its stack. It is noticed within twice
// that time. The default, and what zero means, is DefaultLoopThreshold;
// negative means that nobody looks.
func WithLoopThreshold(d time.Duration) Option {
	return func(a *App) {
		if d == 0 {
			d = DefaultLoopThreshold
		}
		a.threshold = d
	}
}

// WithCap bounds how many instances may be active at once in the whole App.
// What is due waits then, by priority and age. The default, and what zero and
// negative mean, is no bound.
func WithCap(n int) Option { return func(a *App) { a.cap = n } }

// WithGroupCap is WithCap for the tasks of one group.
func WithGroupCap(id string, n int) Option { return func(a *App) { a.groupCaps[id] = n } }

// WithKeyCap is WithCap for the tasks whose registration has this Key, in
// whatever group.
func WithKeyCap(key string, n int) Option { return func(a *App) { a.keyCaps[key] = n } }

// WithoutLatency keeps no histograms of how long things took: Explanation.Latency
// stays empty. They take half a kilobyte to one for each task that has run.
func WithoutLatency() Option { return func(a *App) { a.noLatency = true } }

// WithDebug makes a looplab/fsm machine follow every instance, and every
// deferral keep the stack that took it. It costs microseconds per instance.
func WithDebug() Option { return func(a *App) { a.debug = true } }

// WithWitness sets who is told every input and every event by the owner. It is
// for the recorder and the simulation: outside this module an engine.Witness
// cannot be named.
func WithWitness(w engine.Witness) Option { return func(a *App) { a.witness = w } }

// WithStore makes the App keep in s what is to survive the end of the process,
// however sudden: registrations, with their phase, pause and counters; pending
// activations, with their details, the count of merged firings, the attempts
// made and when the next is due; and activations that are running. The default
// is no store. Load is called by Run and Start, and one App at a time uses s.
//
// Every task is kept, but those whose registration says Volatile.
//
// Handlers, triggers and conditions are code, so the program registers the same
// names again at each start. If the trigger's text is the same, the phase goes
// on where it was, and due times that passed meanwhile were missed: Missed says
// what becomes of them. If the clock was set back since, what counts from an
// instant that is now in the future counts from as much earlier, as it does while
// the App runs. If the text is another, the phase begins anew. What was pending is
// pending again in both cases. What is registered while the App runs is given
// what the store has of it then. A registration that is not made again stays in
// the store; see Snapshot.Unclaimed and the event Unclaimed. Unregister forgets
// it; Replace forgets it and begins anew. A one-shot whose activation is over is
// forgotten, and if it is registered again fires again. Apply leaves alone what
// is only in the store.
//
// Activations are delivered at least once. One that was accepted is durable
// before it starts and before its firing is answered; it is forgotten when it
// is over, before its outcome is told. One that was running when the process
// ended is run again, with the same Instance.Activation, by which a handler can
// recognize work that was done, and the next Instance.Attempt; it is no failure
// that counts for Retry, and tasks.ErrLost is the error of the attempt. One that
// Stop canceled, or that was pending then, ends with activation.Terminating in
// this run, and is run again in the next as well. IDs of activations and of
// instances are not used twice; those of registrations are of this run.
//
// Details are stored as JSON, so that what JSON leaves out is lost. Their type
// is one of: the plain types bool, string, the numbers, []byte, []string,
// map[string]string, time.Time, time.Duration; that of a handler made by
// tasks.Typed; or one given to WithDetails. A firing with others is refused with
// ErrNotDurable, as are details that own something. Values of a context are not
// kept: those of WithBaseContext take their place.
//
// While s fails, nothing that is durable starts, and firings by a caller are
// refused with ErrStore; those of time are accepted and wait. What could not be
// stored is stored later: the App tries again after 100 ms, doubling up to one
// minute, and once more when it stops. Events StoreFailed and StoreRecovered
// tell of it.
func WithStore(s store.Store) Option {
	return func(a *App) {
		if s != nil {
			a.journal = newJournal(a, s)
		}
	}
}

// WithDetails says that details of these values' types can be stored: JSON makes
// the same of them again. See WithStore.
func WithDetails(values ...any) Option {
	return func(a *App) {
		for _, v := range values {
			if v != nil { // can always be stored
				a.kinds.learn(reflect.TypeOf(v))
			}
		}
	}
}

// WithDriver sets who runs strands. It is for the simulation: outside this
// module a seam.Driver cannot be named.
func WithDriver(d seam.Driver) Option { return func(a *App) { a.driver = d } }

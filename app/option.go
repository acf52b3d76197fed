package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/tasks"
)

// DefaultGrace is how long a canceled instance may take to end, unless
// WithGrace or its registration says otherwise. It is the model's.
const DefaultGrace = 5 * time.Second

// An Option sets something of an App for its whole life.
type Option func(*App)

// WithClock sets the App's time. The default is clock.System.
func WithClock(c clock.Clock) Option { return func(a *App) { a.clock = c } }

// WithLogger sets where the App writes what nobody else is told: handlers that
// panicked, observers that panicked, tasks that no handler answers. The default
// is slog.Default.
func WithLogger(l *slog.Logger) Option { return func(a *App) { a.log = l } }

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
// ErrTooOften. The default, and what zero means, is no minimum; the model's is
// 15 minutes. It concerns triggers that have an interval: Every and After.
func WithMinimumInterval(d time.Duration) Option { return func(a *App) { a.minimum = d } }

// WithBaseContext sets the context whose values the handlers of firings that
// have no caller see. Its end means nothing. The default is
// context.Background.
func WithBaseContext(ctx context.Context) Option { return func(a *App) { a.base = ctx } }

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

// WithDebug makes a looplab/fsm machine follow every instance, and every
// deferral keep the stack that took it. It costs microseconds per instance.
func WithDebug() Option { return func(a *App) { a.debug = true } }

// WithWitness sets who is told every input and every event by the owner. It is
// for the recorder and the simulation: outside this module an engine.Witness
// cannot be named.
func WithWitness(w engine.Witness) Option { return func(a *App) { a.witness = w } }

// WithDriver sets who runs strands. It is for the simulation: outside this
// module a seam.Driver cannot be named.
func WithDriver(d seam.Driver) Option { return func(a *App) { a.driver = d } }

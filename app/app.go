package app

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/looplab/fsm"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/pool"
)

// An App runs background tasks in this process. Make one with New. An App runs
// once: after it has stopped, make another.
type App struct {
	registry

	clock              clock.Clock
	log                *slog.Logger
	limit              time.Duration
	grace              time.Duration
	minimum            time.Duration
	base               context.Context //nolint:containedctx // its values are handed on, as in http.Server.BaseContext
	debug              bool
	noLatency          bool
	cap                int
	groupCaps, keyCaps map[string]int
	threshold          time.Duration
	driver             seam.Driver
	moved              bool             // the clock, by somebody: it is no real one
	relay              seam.Relay       // the same; nil: it is none
	admit              func(key uint64) // nil: the driver lets in who comes
	terms              termsCache
	witness            engine.Witness // nil: none
	kinds              kinds
	journal            *journal // nil: there is no store

	mail  mailbox
	waits sync.Pool // of *waiting

	// What follows belongs to the owner.
	eng       *engine.Engine
	life      *fsm.FSM
	now       time.Time
	read      time.Time       // when the clock was read last
	stopwatch clock.Stopwatch // tells the time since; nil: it cannot
	elapser   clock.Elapser   // nil: the clock is none
	elapsed   time.Duration   // at now, if it is one
	mover     seam.Mover      // the clock, if it can say whether it has moved
	moves     uint64          // how often it had, when it was read last
	alarm     alarm
	observers []*Observer
	idlers    []seam.Park
	last      bool       // the owner is a strand that is about to return
	runs      int64      // instances that are not over, see idle.go
	awake     bool       // it has run or stopped: there may be strands
	held      []seam.Job // what was to be run before that
	report    *Report
	entries   map[*engine.Instance]int // in report
	culprits  []*engine.Instance       // for whose abandonment it stops
	hurry     bool                     // do not wait for callbacks anymore
	dumps     dumps
	closing   engine.Timer // bounds the wait for callbacks
	closed    bool

	// What follows is read and written by anybody.
	loop    handlerLoop
	busy    atomic.Int64 // strands that work, see idle.go
	sources atomic.Int64 // strands of triggers
	watched atomic.Bool  // somebody waits for busy or sources to be zero
	heard   atomic.Bool  // somebody is told all events, or all inputs
	silent  atomic.Bool  // it has stopped: nobody is called anymore
	done    latch        // open when the App has stopped

	groupsMu sync.Mutex // guards the following
	groups   map[string]*Group
}

// New returns an App that does not run yet. A nil option is left out.
func New(opts ...Option) *App {
	a := &App{
		clock:     clock.System(),
		log:       slog.Default(),
		grace:     DefaultGrace,
		base:      context.Background(),
		groups:    map[string]*Group{},
		groupCaps: map[string]int{},
		keyCaps:   map[string]int{},
		threshold: DefaultLoopThreshold,
		entries:   map[*engine.Instance]int{},
		life:      newLife(),
	}
	a.registry.init(a, "")
	for _, o := range opts {
		if o != nil {
			o(a)
		}
	}
	if a.driver == nil {
		a.driver = pool.New()
	}
	if d, ok := a.driver.(seam.Admitter); ok {
		a.admit = d.Admit
	}
	a.eng = engine.New(engine.Config{
		TimeLimit: a.limit, Grace: a.grace, Shadow: a.debug, NoLatency: a.noLatency,
		Cap: a.cap, GroupCaps: a.groupCaps, KeyCaps: a.keyCaps, Durable: a.journal != nil,
	})
	a.hear()
	a.relay, _ = a.driver.(seam.Relay)
	a.elapser, _ = a.clock.(clock.Elapser)
	a.mover, _ = a.clock.(seam.Mover)
	a.moved = a.mover == nil && !clock.Monotonic(a.clock.Now())
	a.loop.a = a
	a.beWatched()
	return a
}

// Clock is the App's time.
func (a *App) Clock() clock.Clock { return a.clock }

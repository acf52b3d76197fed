package sim

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/store"
)

// An Env is what an App is built from.
type Env struct {
	// Clock is the process's time: what faults set on and back.
	Clock clock.Clock
	// Store is what a kill leaves, for app.WithStore. Who does not use it starts
	// anew each time.
	Store store.Store
	// Log writes into the story.
	Log *slog.Logger

	options []app.Option
}

// Options are those that make an App live in the simulation. Give them to
// app.New, before your own.
func (e Env) Options() []app.Option { return e.options }

// A Proc is a process that runs an App: what stands still, is suspended, is
// killed and comes back.
type Proc struct {
	s      *S
	name   string
	prefix string // of lines of the story, if there are several
	build  func(Env) *app.App
	faults *streams
	memory *store.Memory

	// What follows is of the process that runs, and another after a kill.
	world  process
	ledger *ledger
	app    *app.App
	down   bool // it is killed, and not yet started again
}

// App builds an App, starts it, and makes it part of the life. build must hand
// on env.Options() to app.New, and make everything that a process would make
// when it starts; it is called again after a kill. It must not keep the App from
// starting, by Start or Run.
func (s *S) App(build func(Env) *app.App) *Proc {
	p := &Proc{s: s, build: build, name: "process"}
	if n := len(s.procs); n > 0 {
		p.name = fmt.Sprintf("process %d", n+1)
		p.prefix = p.name + ": "
	}
	p.faults = s.newStreams(p.name)
	s.mu.Lock()
	s.procs = append(s.procs, p)
	s.mu.Unlock()
	p.start()
	p.weather()
	return p
}

// App is the process's App as it runs now, or as it was killed.
func (p *Proc) App() *app.App { return p.app }

func (p *Proc) start() {
	p.world = p.s.world.Process()
	p.ledger = newLedger(p)
	p.down = false
	log := slog.New(slog.DiscardHandler)
	if p.s.story != nil {
		log = slog.New(slog.NewTextHandler((*journal)(p), &slog.HandlerOptions{ReplaceAttr: timeless}))
	}
	p.app = p.build(Env{
		Clock: p.world, Store: p.mount(), Log: log,
		options: []app.Option{
			app.WithClock(p.world), app.WithDriver(p.world), app.WithWitness((*witness)(p.ledger)), app.WithLogger(log),
		},
	})
	p.app.Use(p.middleware)
	if err := p.app.Start(context.Background()); err != nil {
		p.s.fail("start", fmt.Errorf("the App does not start: %w", err))
	}
}

// A journal is where the log of a process's App goes: into the story.
type journal Proc

// Write implements io.Writer.
func (j *journal) Write(line []byte) (int, error) {
	j.s.tell("%slog: %s", j.prefix, bytes.TrimSpace(line))
	return len(line), nil
}

// timeless leaves out the real time.
func timeless(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// Kill ends the process as a power failure does: nothing of it runs anymore.
// Calls to its App answer as if it had stopped. It is started again after a
// time, with what its store has kept. A handler that kills its own process does
// not return from this.
//
// In a bubble nothing can be killed: there Kill does nothing but log that.
func (p *Proc) Kill(down time.Duration) {
	if p.s.conf.mode != onCoroutines {
		p.s.conf.noKill()
		return
	}
	if p.down {
		return
	}
	p.down = true
	dead, acts := p.app, p.ledger.acknowledged()
	p.crash()
	p.s.tell("%s is killed", p.name)
	p.s.world.Spawn(seam.JobFunc(func() {
		stopDead(dead)
		p.s.sleep(down)
		p.s.tell("%s starts again", p.name)
		p.start()
		p.ledger.checkRestored(acts)
	}))
	p.ledger = newLedger(p)
	p.world.Kill()
}

// stopDead lets calls to the App of a dead process answer that it has stopped.
func stopDead(a *app.App) {
	defer func() { _ = recover() }() // it died in the middle of something
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, _ = a.Stop(ctx)
}

// restart kills the process, as a fault, and starts it again soon.
func (p *Proc) restart() { p.Kill(p.s.lasts(faultKill, p.faults, shortFault)) }

// stop stops the App in good order, once it is up.
func (p *Proc) stop() {
	for p.down {
		p.s.sleep(time.Minute)
	}
	_, _ = p.app.Stop(context.Background())
	p.ledger.ending()
}

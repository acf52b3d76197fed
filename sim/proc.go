package sim

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
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
	memory *store.Memory // guarded by S.mu
	now    atomic.Pointer[term]
}

// A term is a process from a start on, or from a kill. It does not change.
type term struct {
	world  process
	ledger *ledger
	app    *app.App        // as it runs, or as it was killed
	begins bool            // its App is being made and started
	down   bool            // it is killed, and not yet started again
	ends   context.Context //nolint:containedctx // in a bubble: ends with the process, or with the life
	end    func()          // ends it
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
	p.now.Store(&term{})
	s.mu.Lock()
	s.procs = append(s.procs, p)
	s.mu.Unlock()
	p.start()
	p.weather()
	return p
}

// App is the process's App as it runs now, or as it was killed.
func (p *Proc) App() *app.App { return p.now.Load().app }

func (p *Proc) start() {
	s := p.s
	t := &term{world: s.world.Process(), app: p.App(), begins: true, end: func() {}}
	t.ledger = newLedger(p, t.world)
	if s.ends != nil {
		t.ends, t.end = context.WithCancel(s.ends)
	}
	p.now.Store(t)
	log := slog.New(slog.DiscardHandler)
	if s.story != nil {
		log = slog.New(slog.NewTextHandler((*journal)(p), &slog.HandlerOptions{ReplaceAttr: timeless}))
	}
	a := p.build(Env{
		Clock: t.world, Store: p.mount(t), Log: log,
		options: []app.Option{
			app.WithClock(t.world), app.WithDriver(t.world), app.WithWitness((*witness)(t.ledger)), app.WithLogger(log),
		},
	})
	built := *t
	built.app = a
	p.now.Store(&built)
	a.Use(built.middleware)
	if err := a.Start(context.Background()); err != nil {
		s.fail("start", fmt.Errorf("the App does not start: %w", err))
	}
	begun := built
	begun.begins = false
	p.now.CompareAndSwap(&built, &begun) // unless it was killed
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
// In a bubble that is so of what goes through the App. A handler that waits
// natively, or a goroutine of its own, is not to be stopped: its context ends,
// and what it does goes on up to its next call, from which it does not return.
// What does not end with its context, and is not woken by anybody, is a
// "deadlock" when the life is over. In a batch, what runs side by side with Kill
// may have been before it.
func (p *Proc) Kill(down time.Duration) { p.kill(p.now.Load().world, down) }

// kill ends the process that lives in a part of the world, if it still does.
func (p *Proc) kill(world process, down time.Duration) {
	t := p.now.Load()
	for t.begins && t.ends != nil { // in a batch, on a strand beside this one
		p.s.sleep(0)
		t = p.now.Load()
	}
	dead := *t
	dead.down, dead.begins, dead.ledger = true, false, newLedger(p, world)
	if t.down || t.world != world || !p.now.CompareAndSwap(t, &dead) {
		return
	}
	p.crash()
	acts := t.ledger.acknowledged() // after that: in a batch, what ends meanwhile is not kept
	p.s.tell("%s is killed", p.name)
	p.s.world.Spawn(seam.JobFunc(func() {
		stopDead(dead.app)
		p.s.sleep(down)
		p.s.tell("%s starts again", p.name)
		p.start()
		if t := p.now.Load(); !t.down { // as it may be at once, in a batch
			t.ledger.checkRestored(acts)
		}
	}))
	t.end()
	t.world.Kill()
}

// stopDead lets calls to the App of a dead process answer that it has stopped.
func stopDead(a *app.App) {
	defer func() { _ = recover() }() // it died in the middle of something
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, _ = a.Stop(ctx)
}

// restart is kill as a fault, after which it is started again soon.
func (p *Proc) restart(world process) { p.kill(world, p.s.lasts(faultKill, p.faults, shortFault)) }

// stop stops the App in good order, once it is up. In a batch a kill may come in
// between: what is open then is the next life's.
func (p *Proc) stop() {
	for {
		t := p.now.Load()
		if t.down || t.begins {
			p.s.sleep(time.Minute)
			continue
		}
		_, _ = t.app.Stop(context.Background())
		if p.now.Load() == t {
			t.ledger.ending()
			return
		}
	}
}

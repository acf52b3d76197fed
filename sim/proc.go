package sim

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
)

// An Env is what an App is built from.
type Env struct {
	// Clock is the simulation's time.
	Clock clock.Clock
	// Log writes into the story.
	Log *slog.Logger

	options []app.Option
}

// Options are those that make an App live in the simulation. Give them to
// app.New, before your own.
func (e Env) Options() []app.Option { return e.options }

// A Proc is a process that runs an App: what is killed and comes back.
type Proc struct {
	s     *S
	build func(Env) *app.App
	app   *app.App
}

// App builds an App, starts it, and makes it part of the life. build must hand
// on env.Options() to app.New, and make everything that the process would make
// anew when it starts; it may be called again.
func (s *S) App(build func(Env) *app.App) *Proc {
	p := &Proc{s: s, build: build}
	s.procs = append(s.procs, p)
	p.start()
	return p
}

// App is the process's App as it runs now.
func (p *Proc) App() *app.App { return p.app }

func (p *Proc) start() {
	log := slog.New(slog.DiscardHandler)
	p.app = p.build(Env{
		Clock: p.s.world, Log: log,
		options: []app.Option{app.WithClock(p.s.world), app.WithDriver(p.s.world), app.WithLogger(log)},
	})
	if err := p.app.Start(context.Background()); err != nil {
		p.s.fail("start", fmt.Errorf("the App does not start: %w", err))
	}
}

// stop stops the App in good order.
func (p *Proc) stop() { _, _ = p.app.Stop(context.Background()) }

package app

import (
	"context"
	"time"

	"github.com/bgloop/bgloop/internal/engine"
)

// How long a source of firings that failed pauses before it is started again.
const (
	firstPause   = time.Second
	longestPause = time.Minute
)

// A source is the strand of a function given to Port.Go.
type source struct {
	p     *port
	f     func(context.Context) error
	pause time.Duration // after the next failure
}

// startSources gives each function of the trigger's a strand. The owner calls
// it.
func (p *port) startSources() {
	if len(p.gos) == 0 {
		return
	}
	p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(p.a.base))
	for _, f := range p.gos {
		(&source{p: p, f: f, pause: firstPause}).start()
	}
}

func (s *source) start() {
	s.p.a.sources.Add(1)
	s.p.a.driver.Spawn(s)
}

// Run implements seam.Job.
func (s *source) Run() {
	s.finish(protect(func() error { return s.f(s.p.ctx) }, s.finish))
}

func (s *source) finish(err error) {
	a := s.p.a
	if s.p.ctx.Err() == nil {
		a.post(&engine.Input{Op: engine.SourceEnded, Task: s.p.task, Err: err})
		if err != nil {
			s.p.After(s.pause, s.start)
			s.pause = min(2*s.pause, longestPause)
		}
	}
	if a.sources.Add(-1) == 0 && a.watched.Load() {
		a.do(func() {})
	}
}

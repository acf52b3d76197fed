package sim

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bgloop/bgloop/internal/seam/bubbletest"
)

// A bubbleWorld is a world of goroutines in a bubble.
type bubbleWorld struct{ *bubbletest.Bubble }

// Process implements world.
func (w bubbleWorld) Process() process { return w.Bubble.Process() }

// A mutex is one where strands are goroutines, and nothing where they are
// coroutines.
type mutex struct {
	on bool
	mu sync.Mutex
}

// Lock locks, if that is needed.
func (m *mutex) Lock() {
	if m.on {
		m.lock()
	}
}

// Unlock unlocks.
func (m *mutex) Unlock() {
	if m.on {
		m.unlock()
	}
}

// lock and unlock are apart so that the others are inlined.
//
//go:noinline
func (m *mutex) lock() { m.mu.Lock() }

//go:noinline
func (m *mutex) unlock() { m.mu.Unlock() }

// inBubble lives the scenario in a bubble of its own.
func (s *S) inBubble(scenario func(*S)) (o outcome) {
	s.mu.on = true
	over := false // and what still waits is to end by itself
	defer func() {
		if v := recover(); v != nil {
			o = s.wreck(v, over)
		}
	}()
	synctest.Test(s.conf.bubbles, func(*testing.T) {
		ends, end := context.WithCancel(context.Background())
		defer end()
		s.ends = ends
		opts := []bubbletest.Option{bubbletest.WithAfter(s.afterStep), bubbletest.WithQuiet(s.quiet)}
		if s.conf.mode == inBatch {
			opts = append(opts, bubbletest.WithBatch())
		} else {
			opts = append(opts, bubbletest.WithChooser((*turns)(s).Choose))
		}
		b := bubbletest.New(s.conf.start, opts...)
		s.world = bubbleWorld{b}
		s.play(scenario)
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		o, over = s.outcome(), true
		b.End()
	})
	return o
}

// wreck is what is left of a life whose goroutines wait for ever.
func (s *S) wreck(v any, over bool) outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.failure == nil {
		how := "while it was lived"
		if over {
			how = "when it was over"
		}
		s.failure = &Failure{
			Invariant: "deadlock", way: how, Step: s.world.Steps(), At: s.start.Add(s.last),
			Err: fmt.Errorf("goroutines wait for ever %s: %w", how, panicked(v)),
		}
	}
	return s.outcome()
}

// untilItsEnd is ctx, for a handler that is to end with its process: what waits
// natively cannot be unwound.
func (t *term) untilItsEnd(ctx context.Context) (context.Context, func()) {
	if t.ends == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(t.ends, cancel)
	return ctx, func() { stop(); cancel() }
}

// isClosed reports whether the life is over.
func (s *S) isClosed() bool {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	return closed
}

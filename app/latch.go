package app

import (
	"context"
	"slices"
	"sync"

	"github.com/bgloop/bgloop/internal/seam"
)

// A latch is closed, then open for ever.
type latch struct {
	mu    sync.Mutex // guards the following
	open  bool
	parks []seam.Park
}

// release opens the latch, in the order of the waiting.
func (l *latch) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = true
	for _, p := range l.parks {
		p.Unpark()
	}
	l.parks = nil
}

// wait waits for the latch to open, or returns ctx's error.
func (l *latch) wait(ctx context.Context, d seam.Driver) error {
	l.mu.Lock()
	if l.open {
		l.mu.Unlock()
		return nil
	}
	p := d.NewPark()
	l.parks = append(l.parks, p)
	l.mu.Unlock()
	err := p.Park(ctx)
	if err == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parks = slices.DeleteFunc(l.parks, func(o seam.Park) bool { return o == p })
	return err
}

package activationtest

import (
	"context"
	"errors"
	"sync"

	"github.com/bgloop/bgloop/activation"
)

// ErrBroken is how Dial.Watch ends after Break.
var ErrBroken = errors.New("activationtest: the dial is broken")

// A Dial is a state that a test sets. Its Watch is a source.Watch, for a feed
// whose real one the test cannot move. Make one with NewDial. Its methods may be
// called from any goroutine.
type Dial[T any] struct {
	mu      sync.Mutex // guards the following
	state   T
	broken  bool
	changed chan struct{} // closed when they change
}

// NewDial returns a dial that shows a state.
func NewDial[T any](state T) *Dial[T] {
	return &Dial[T]{state: state, changed: make(chan struct{})}
}

// Get is what the dial shows.
func (d *Dial[T]) Get() T {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

// Set sets the dial, and mends it. Who watches need not have been told yet.
func (d *Dial[T]) Set(state T) { d.turn(func() { d.state, d.broken = state, false }) }

// Break ends the Watch that goes on, or else the next one, with ErrBroken. The
// one after that works again.
func (d *Dial[T]) Break() { d.turn(func() { d.broken = true }) }

func (d *Dial[T]) turn(how func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	how()
	close(d.changed)
	d.changed = make(chan struct{})
}

// Watch tells what the dial shows, and each change, until ctx ends: of changes in
// quick succession the last one.
func (d *Dial[T]) Watch(ctx context.Context, _ activation.Port, tell func(T)) error {
	for {
		d.mu.Lock()
		state, broken, changed := d.state, d.broken, d.changed
		d.broken = false
		d.mu.Unlock()
		if broken {
			return ErrBroken
		}
		tell(state)
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

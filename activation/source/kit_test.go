package source_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/activation/source"
)

// A board is a number that everybody can see.
type board struct {
	mu      sync.Mutex // guards the following
	n       int
	broken  bool
	changed chan struct{} // closed when they change
}

func newBoard() *board { return &board{changed: make(chan struct{})} }

func (b *board) set(n int, broken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n, b.broken = n, broken
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *board) read() (int, bool, chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() { b.broken = false }()
	return b.n, b.broken, b.changed
}

func (b *board) watch(ctx context.Context, _ activation.Port, tell func(int)) error {
	for {
		n, broken, changed := b.read()
		if broken {
			return errors.New("the board is broken")
		}
		tell(n)
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// Triggers and conditions of a feed keep their promises.
func TestFeed_Kit(t *testing.T) {
	b := newBoard()
	f := source.NewFeed(nil, b.watch)
	t.Run("trigger", func(t *testing.T) {
		activationtest.Trigger(t, activationtest.Source{
			New:     func(testing.TB) activation.Trigger { return f.Trigger("changed", differ) },
			Provoke: func(testing.TB) { n, _, _ := b.read(); b.set(n+1, false) },
			Fail:    func(testing.TB) { n, _, _ := b.read(); b.set(n, true) },
			Check: func(t testing.TB, details any) {
				if _, ok := details.(int); !ok {
					t.Errorf("details: got %T, want an int", details)
				}
			},
		})
	})
	t.Run("condition", func(t *testing.T) {
		set := func(_ testing.TB, on bool) {
			n := 0
			if on {
				n = 1
			}
			b.set(n, false)
			for { // until it has been told to all who hear
				if told, known := f.State(); !known || told == n {
					return
				}
				runtime.Gosched()
			}
		}
		activationtest.Condition(t, activationtest.State{
			New:  func(testing.TB) activation.Condition { return f.Condition("positive", positive) },
			Set:  set,
			Fail: func(testing.TB) { n, _, _ := b.read(); b.set(n, true) },
		})
	})
}

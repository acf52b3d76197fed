package source

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/bgloop/bgloop/activation"
)

// A Watch follows a state. It tells the state as it is when it begins, and then
// each time it has changed, until ctx ends; calls of tell come one after the
// other. It runs on a goroutine of the App's, by the rules of Port.Go: an error
// makes it begin anew after a pause, and nil while ctx lives means that nothing
// more will come. Of the Port it uses Now and After.
type Watch[S any] func(ctx context.Context, p activation.Port, tell func(S)) error

// Errors of Arm, returned by Register.
var (
	// ErrNoWatch: a Feed that was given no Watch.
	ErrNoWatch = errors.New("source: watch is nil")

	// ErrNoFunc: a Trigger or Condition that was given no function.
	ErrNoFunc = errors.New("source: function is nil")
)

// A Feed is a state that is watched. One feed may serve any number of
// registrations, of several Apps too: while at least one of them runs there is
// one watch, and the others wait to take it over when its registration ends.
// Its methods may be called from any goroutine.
//
// An edge is a difference between one state that was told and the next; the
// first one is none. What changes and changes back while nobody watches, at a
// takeover or in the pause after an error, is not noticed; what is different
// after it is an edge. After an error another registration takes over at once,
// if there is one; until the state is told again it is not known, and the
// conditions do not hold.
type Feed[S any] struct {
	check func() error
	watch Watch[S]
	turn  chan struct{} // holds one token while somebody watches

	mu    sync.Mutex // guards the following, and keeps what is told in order
	state S
	known bool
	taps  []*tap[S]
}

// NewFeed returns a feed of what w tells. check is asked by Register and says
// what keeps w from working here, such as an error that is
// errors.ErrUnsupported; a nil check means that nothing does. With a nil w
// Register returns ErrNoWatch.
func NewFeed[S any](check func() error, w Watch[S]) *Feed[S] {
	return &Feed[S]{check: check, watch: w, turn: make(chan struct{}, 1)}
}

// A tap is where a registration hears of the state: first as it is, if it is
// known, then whenever it is told, or not known anymore. Its error ends the
// registration's goroutine, and no other's.
type tap[S any] struct {
	hear func(ctx context.Context, state S, known bool) error
	ctx  context.Context //nolint:containedctx // that of the registration's goroutine
	fail context.CancelCauseFunc
}

func (t *tap[S]) tell(s S, known bool) {
	if err := t.hear(t.ctx, s, known); err != nil {
		t.fail(err)
	}
}

// arm connects a registration for as long as it stands and its App runs.
func (f *Feed[S]) arm(p activation.Port, hear func(ctx context.Context, state S, known bool) error) error {
	if f.watch == nil {
		return ErrNoWatch
	}
	if f.check != nil {
		if err := f.check(); err != nil {
			return err
		}
	}
	p.Go(func(ctx context.Context) error {
		mine, fail := context.WithCancelCause(ctx)
		defer fail(nil)
		t := &tap[S]{hear, ctx, fail}
		defer f.remove(t)
		f.add(t)
		return f.follow(ctx, mine, p)
	})
	return nil
}

func (f *Feed[S]) add(t *tap[S]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.taps = append(f.taps, t)
	if f.known {
		t.tell(f.state, true)
	}
}

// remove takes a tap away. A state that nobody keeps up to date is forgotten.
func (f *Feed[S]) remove(t *tap[S]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.taps = slices.DeleteFunc(f.taps, func(o *tap[S]) bool { return o == t })
	if len(f.taps) == 0 {
		f.known = false
	}
}

// follow watches once it is its turn, until ctx ends, which is no error, or mine,
// whose cause it returns. When both end, ctx does first.
func (f *Feed[S]) follow(ctx, mine context.Context, p activation.Port) error {
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return nil
	case <-mine.Done():
		return ended(ctx, mine)
	}
	defer func() { <-f.turn }()
	failed := true // in a panic
	defer func() {
		if failed && mine.Err() == nil {
			var none S
			f.tell(none, false)
		}
	}()
	err := f.watch(mine, p, func(s S) { f.tell(s, true) })
	failed = err != nil
	if mine.Err() != nil {
		return ended(ctx, mine)
	}
	return err
}

// ended says why mine has ended.
func ended(ctx, mine context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(mine)
}

func (f *Feed[S]) tell(s S, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state, f.known = s, known
	for _, t := range f.taps {
		t.tell(s, known)
	}
}

// State is the state as last told, and whether it is known: somebody watches it.
func (f *Feed[S]) State() (state S, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state, f.known
}

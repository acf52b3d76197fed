package condition

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// Errors of Arm, returned by Register.
var (
	ErrNoFunc   = errors.New("condition: function is nil")
	ErrInterval = errors.New("condition: interval is not positive")
)

type polled struct {
	name  string
	holds func(context.Context) bool
	every time.Duration
}

// Func is a condition that asks a function, for what cannot tell of itself. The
// function is called on a goroutine of the App's, once as soon as an activation
// of the task waits or runs, and then every so often until none does; never
// otherwise. So an activation that finds the task at rest starts only after the
// function has said yes since; one that had to wait for an instance to end goes
// by the last answer, which is not older than the interval. One call at a time is made for each registration; ctx ends with the
// registration or the App. If the function panics, that is told as an event and
// it is asked again after the interval. A nil function is refused with
// ErrNoFunc, an interval that is not positive with ErrInterval.
func Func(name string, holds func(context.Context) bool, every time.Duration) activation.Condition {
	return &polled{name, holds, every}
}

func (c *polled) String() string { return fmt.Sprintf("func(%s, every %v)", c.name, c.every) }

func (c *polled) Arm(tell func(bool), p activation.Port) error {
	switch {
	case c.holds == nil:
		return ErrNoFunc
	case c.every <= 0:
		return fmt.Errorf("%w: %v", ErrInterval, c.every)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &poll{polled: c, tell: tell, port: p, ctx: ctx}
	p.Wanted(l.want)
	p.OnDisarm(func() { l.want(false); cancel() })
	return nil
}

// A poll asks the function for one registration.
type poll struct {
	*polled
	tell func(bool)
	port activation.Port
	ctx  context.Context

	mu     sync.Mutex // guards the following
	wanted bool
	asking bool
	anew   bool // it came to matter again while the function was being asked
	stop   func() bool
}

// want starts the asking, or ends it.
func (l *poll) want(wanted bool) {
	l.mu.Lock()
	if l.stop != nil {
		l.stop()
		l.stop = nil
	}
	l.wanted, l.anew = wanted, wanted && l.asking
	l.mu.Unlock()
	l.resume()
}

// resume asks, unless that is not wanted or goes on already.
func (l *poll) resume() {
	l.mu.Lock()
	begin := l.wanted && !l.asking
	l.asking = l.asking || begin
	l.mu.Unlock()
	for again := begin; again; {
		again = l.ask()
	}
}

// ask asks once, and reports whether to ask again at once. An answer that is not
// about what matters now is not told.
func (l *poll) ask() (again bool) {
	answered := false
	defer func() { again = l.rest(answered) }()
	holds := l.holds(l.ctx)
	answered = true
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wanted && !l.anew {
		l.tell(holds)
	}
	return false
}

// rest waits for the next time.
func (l *poll) rest(answered bool) (again bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if answered && l.wanted && l.anew {
		l.anew = false
		return true
	}
	l.asking, l.anew = false, false
	if l.wanted {
		l.stop = l.port.After(l.every, l.resume)
	}
	return false
}

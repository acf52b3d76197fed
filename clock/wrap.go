package clock

import (
	"sync/atomic"
	"time"

	bb "github.com/benbjohnson/clock"
)

// Wrap makes a Clock of a benbjohnson clock, its New or its Mock. Each call of
// an AfterFunc runs on a goroutine of its own. Wrap(nil) is nil.
//
// A Mock's timers run on its reading: Add and Set fire what they pass, Set to
// an earlier time delays. Besides, a Mock fires a timer armed with zero or less
// at its next Add only, and may fire one for which Stop returned true; a
// wrapped Mock does neither. Each timer it fires takes it a millisecond of real
// time, so arm few, or use a Virtual.
func Wrap(c bb.Clock) Clock {
	if c == nil {
		return nil
	}
	return wrapped{c}
}

type wrapped struct{ c bb.Clock }

func (w wrapped) Now() time.Time { return w.c.Now() }

func (w wrapped) AfterFunc(d time.Duration, f func()) Timer {
	t := &wrappedTimer{f: f}
	if d <= 0 {
		go t.fire()
		return t
	}
	t.inner = w.c.AfterFunc(d, t.fire)
	return t
}

// A wrappedTimer decides by itself, once, whether it fires or is stopped: Mock
// picks a timer and fires it under two locks, with room for a Stop in between.
type wrappedTimer struct {
	f     func()
	inner *bb.Timer   // nil if due at once; not for fire, which may run before it is set
	over  atomic.Bool // fired or stopped
}

func (t *wrappedTimer) fire() {
	if t.over.CompareAndSwap(false, true) {
		t.f()
	}
}

func (t *wrappedTimer) Stop() bool {
	if !t.over.CompareAndSwap(false, true) {
		return false
	}
	if t.inner != nil {
		t.inner.Stop()
	}
	return true
}

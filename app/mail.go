package app

import (
	"sync/atomic"
	"time"

	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
)

// A letter asks the owner of the engine for one thing, when somebody else is it.
type letter struct {
	before *letter // in the mail: the one that was sent before it
	run    *run    // it is over,
	next   *run    // and this one's turn on the loop has come; or
	do     func()  // something with the owner's state; or
	in     *engine.Input
	wait   *waiting // who waits for the answer; nil: nobody; or only says when it was sent
}

// A mailbox says who owns the engine, and keeps the letters to the owner.
type mailbox struct {
	// top is nil if there is no owner, taken if there is one and nobody has sent a
	// letter, else the newest letter.
	top   atomic.Pointer[letter]
	taken letter
}

func (m *mailbox) free() bool { return m.top.Load() == nil }

// empty reports whether there is an owner who has no letter.
func (m *mailbox) empty() bool { return m.top.Load() == &m.taken }

// take makes the caller the owner, if there is none.
func (m *mailbox) take() bool { return m.top.CompareAndSwap(nil, &m.taken) }

// giveUp ends the ownership, unless a letter was sent.
func (m *mailbox) giveUp() bool { return m.top.CompareAndSwap(&m.taken, nil) }

// send sends a letter to the owner, or reports that there was none and the
// caller is it.
func (m *mailbox) send(l *letter) (owner bool) {
	for {
		if l.before = m.top.Load(); l.before == nil {
			if m.take() {
				return true
			}
		} else if m.top.CompareAndSwap(l.before, l) {
			return false
		}
	}
}

// collect takes all letters out, and returns the oldest; each has the next one in
// its before. Only the owner may call it.
func (m *mailbox) collect() (first *letter) {
	for l := m.top.Swap(&m.taken); l != &m.taken; {
		l.before, first, l = first, l, l.before
	}
	return first
}

// A waiting strand has asked another owner.
type waiting struct {
	letter letter
	in     engine.Input
	answer answer
	state  atomic.Uint32
	park   seam.Park
	sent   time.Time // if nobody waits: when the letter was sent, on a clock that somebody moves
}

// The states of one that waits.
const (
	looking = iota // it looks whether it is answered
	asleep         // it has to be woken
	answered
)

// sleep waits for the answer. It returns false if there will be none: in a
// simulation, where the process is killed. The letter may still lie there then.
func (w *waiting) sleep() (answer, bool) {
	for range patience {
		if w.state.Load() == answered {
			return w.answer, true
		}
	}
	if w.state.CompareAndSwap(looking, asleep) && w.park.Park(nil) != nil { //nolint:staticcheck // nil: nothing else ends this wait but the answer
		return answer{}, false
	}
	return w.answer, true
}

// tell gives the answer. The owner calls it, and has no business with w then.
func (w *waiting) tell(r answer) {
	w.answer = r
	if w.state.Swap(answered) == asleep {
		w.park.Unpark()
	}
}

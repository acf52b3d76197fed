package coro

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrGoexit is returned by Do if its function ended by runtime.Goexit, as
// t.FailNow does.
var ErrGoexit = errors.New("coro: the function ended by runtime.Goexit")

// ErrHalted is returned by Do if Halt was called before its function was over.
var ErrHalted = errors.New("coro: the World was halted")

// Halt makes Run, Idle and Do return after the present step, and at once from
// then on. Only Close still lets a strand go on.
func (w *World) Halt() { w.halted = true }

// Do runs f as a strand, and the World with it, until f is over: time passes as
// needed, and what is still ready then stays so. It returns a *DeadlockError if
// f waits and nothing can happen any more, in which case f's strand stays
// parked; a World with an alarm that rearms itself for ever has no such end.
//
// Do runs the World on the caller's goroutine, as Run does.
func (w *World) Do(f func()) error {
	w.enter("Do")
	defer w.leave()
	a := &actor{f: f}
	w.Spawn(a)
	w.live(a, forever)
	switch {
	case a.returned:
		return nil
	case a.over:
		return ErrGoexit
	case w.halted:
		return ErrHalted
	}
	return w.deadlock()
}

// An actor is a job whose end shows.
type actor struct {
	f              func()
	over, returned bool
}

func (a *actor) Run() {
	defer func() { a.over = true }()
	a.f()
	a.returned = true
}

// A DeadlockError says that nothing can happen in a World any more.
type DeadlockError struct {
	// At is the instant at which it stands still.
	At time.Time
	// Parked are the strands that wait, the longest waiting first.
	Parked []Parked
}

// A Parked is a strand that waits.
type Parked struct {
	// Strand tells which one it is; they are counted from 1 by Spawn.
	Strand uint64
	// Job is the type of its job.
	Job string
	// Since is when it began to wait.
	Since time.Time
	// Stack is where it waits.
	Stack []byte
}

// Error lists the strands with their stacks.
func (e *DeadlockError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "coro: deadlock at %v: strands that wait: %d", e.At, len(e.Parked))
	for _, p := range e.Parked {
		fmt.Fprintf(&b, "\n\nstrand %d, %s, since %v:\n%s", p.Strand, p.Job, p.Since, p.Stack)
	}
	return b.String()
}

// deadlock asks every parked strand for its stack, which costs nothing before
// it is needed.
func (w *World) deadlock() *DeadlockError {
	e := &DeadlockError{At: w.start.Add(w.now)}
	for n := w.parked.root.next; n != &w.parked.root; n = n.next {
		s := n.s
		s.asked = true
		w.current = s
		s.co.resume()
		w.current = nil
		e.Parked = append(e.Parked, Parked{
			Strand: s.id,
			Job:    fmt.Sprintf("%T", s.job),
			Since:  w.start.Add(s.since),
			Stack:  s.stack,
		})
		s.stack = nil
	}
	return e
}

package coro

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/bgloop/bgloop/internal/digest"
	"github.com/bgloop/bgloop/internal/seam"
)

// A strand is a job and the coroutine that runs it. When the job is over, both
// serve the next one.
type strand struct {
	w  *World
	id uint64   // of the job, never the same again
	p  *Process // of the job; nil: of none
	co coroutine

	job    seam.Job
	begun  bool       // the job had a turn
	turns  uint64     // of the job, so far
	told   digest.Sum // to the job, see Remember
	exited bool       // the job ended by Goexit; the coroutine is in its last yield
	killed bool       // the next turn ends the job by Goexit

	inParked, inWatched node
	since               time.Duration   // when it parked
	ctx                 context.Context // what can end the wait, else nil
	err                 error           // how ctx ended, or what else woke it
	waits               *park           // where, while it is parked

	chained bool // it drives the World, or has resumed another

	asked bool // the next turn only leaves the stack
	stack []byte

	goid uint64 // in strict mode
}

// A StrandPanic is a panic in a strand. It is what Run, Idle, Do and Close
// panic with, on the goroutine that called them.
type StrandPanic struct {
	// Strand tells which one it was; they are counted from 1 by Spawn.
	Strand uint64
	// Value is what the strand panicked with.
	Value any
	// Stack is the strand's, taken where it panicked.
	Stack []byte
}

// Error tells all of it, the stack included.
func (p *StrandPanic) Error() string {
	return fmt.Sprintf("coro: strand %d: panic: %v\n\n%s", p.Strand, p.Value, p.Stack)
}

// Unwrap returns the value, if it is an error.
func (p *StrandPanic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// life is the body of the coroutine: one job after another. A Goexit must not
// reach the coroutine's end, or it would end the World's goroutine too; so it
// is held here, half-way, until bury.
func (s *strand) life() {
	w, over := s.w, false
	defer func() {
		if !over && !s.exited {
			w.open = true
			w.exit(s)
		}
	}()
	if w.strict {
		s.goid = goid()
	}
	_ = room(-1)
	for !over {
		s.run()
		s.job, s.begun = nil, false
		w.idle = append(w.idle, s)
		over = !w.rest(s)
	}
}

// room makes the coroutine's stack as large as an App needs it, while there is
// little on it that has to be moved. It is called with -1: what counts is that the
// frame is large.
//
//go:noinline
func room(n int) byte {
	if n < 0 {
		return 0
	}
	var frame [6 << 10]byte
	return frame[n]
}

func (s *strand) run() {
	defer func() {
		if v := recover(); v != nil {
			s.w.failed = &StrandPanic{Strand: s.id, Value: v, Stack: debug.Stack()}
		}
	}()
	s.job.Run()
}

// bury lets a Goexit finish. It would take the goroutine that stops the
// coroutine along, so that is one made for it; bury waits for its end.
func bury(co coroutine) {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		co.stop()
	}()
	<-gone
}

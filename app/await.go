package app

import (
	"context"
	"runtime"
	"slices"

	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/tasks"
)

// A strand runs a function of the handler's under a deferral.
type strand struct {
	r *run
	h *handle
	d *deferral.Deferral
	f func(context.Context) error

	// What is told what f returned. A failure is noted before the deferral is
	// completed, since the instance may be over then. Who waits for f is woken
	// after that: a handler that returns at once leaves no deferral open.
	before, after func(error)
}

func (h *handle) spawnStrand(why string, s *strand) error {
	h.letIn()
	d, err := h.Take(why)
	if err != nil {
		return err
	}
	s.r, s.h, s.d = h.r, h, d
	h.r.shift(1, 1)
	h.r.a.driver.Spawn(s)
	return nil
}

// Run implements seam.Job.
func (s *strand) Run() { s.r.run(s) }

// run is a frame that shows whose strand it is: see stackOf.
//
//go:noinline
func (r *run) run(s *strand) {
	err := protect(func() error { return asked(s.f((*runContext)(s.h))) }, s.finish)
	s.h.letIn()
	s.finish(err)
	runtime.KeepAlive(r) // so that the frame still holds it meanwhile
}

func (s *strand) finish(err error) {
	if s.before != nil {
		s.before(err)
	}
	s.r.shift(-1, -1)
	s.d.Complete()
	if s.after != nil {
		s.after(err)
	}
}

// Go implements seam.Run.
func (h *handle) Go(f func(context.Context) error) error {
	return h.spawnStrand("Go", &strand{f: f, before: h.r.failed})
}

// failed notes the failure of a function given to Go. After the handler's
// return it fails the instance at once, as the handler's own would have.
func (r *run) failed(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	r.note(err)
	returned := r.returned
	r.mu.Unlock()
	if returned {
		r.a.post(&engine.Input{Op: engine.Returned, Inst: r.is, Err: err})
	}
}

// A waiter is a strand in Await.
type waiter struct {
	park seam.Park

	// run.mu guards the following.
	done bool  // f has returned
	err  error // f's
	why  error // why the wait is over before that
}

// Await implements seam.Run.
func (h *handle) Await(f func(context.Context) error) error {
	h.letIn()
	r := h.r
	w := &waiter{park: r.a.driver.NewPark()}
	r.mu.Lock()
	err := h.mayWait()
	if err == nil {
		r.waiters = append(r.waiters, w)
	}
	r.mu.Unlock()
	if err != nil {
		return err
	}
	err = h.spawnStrand("Await", &strand{f: f, after: func(err error) {
		r.mu.Lock()
		w.done, w.err = true, err
		r.mu.Unlock()
		w.park.Unpark()
	}})
	if err == nil {
		err = w.park.Park(nil) //nolint:staticcheck // finish and f's end unpark it; an error is as in Sleep
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiters = slices.DeleteFunc(r.waiters, func(o *waiter) bool { return o == w })
	switch {
	case err != nil:
		return err
	case w.done:
		return w.err
	}
	return w.why
}

// mayWait is why the handler's code may not wait now, with r.mu held.
func (h *handle) mayWait() error {
	why := h.why()
	if why == nil && h.r.onLoop {
		return tasks.ErrOnLoop
	}
	return why
}

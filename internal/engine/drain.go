package engine

import (
	"github.com/bgloop/bgloop/activation"
)

// drain is the first phase of stopping: nothing new starts, what is pending
// ends, what runs is canceled and given its grace.
func (e *Engine) drain(r activation.Reason) {
	if e.draining {
		return
	}
	e.draining = true
	for _, t := range e.byID() {
		e.silence(t)
		e.endPending(t, r)
		e.denyPlaces(t, activation.ErrNotRunning)
		e.sayWanted(t)
	}
	for _, i := range e.Instances() {
		e.cancel(i, r)
	}
	e.checkDrained()
}

// drainNow abandons what is still active.
func (e *Engine) drainNow() {
	e.drain(activation.Terminating)
	for _, i := range e.Instances() {
		e.abandon(i)
	}
}

// checkDrained ends the App's life when nothing is active anymore.
func (e *Engine) checkDrained() {
	if !e.draining || e.stopped || len(e.insts) > 0 {
		return
	}
	e.stopped = true
	e.do(Effect{Do: Drained})
}

package app

import (
	"context"
	"slices"

	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
)

// What works is counted: in App.busy each callback and each observer that has
// something to tell, in App.runs each instance. One all of whose strands are in
// Sleep is taken off again in App.busy.

// works is how many that are. The owner calls it.
func (a *App) works() int64 { return a.runs + a.busy.Load() }

// rest says that one of those in App.busy has ended.
func (a *App) rest() { a.rested(a.busy.Add(-1)) }

// rested lets the owner look whether somebody waits for rest, if App.busy is so
// low that there may be.
func (a *App) rested(busy int64) {
	if busy <= 0 && a.watched.Load() {
		a.do(func() {})
	}
}

// shift changes the number of the instance's strands, and of those that work.
func (r *run) shift(strands, awake int) {
	r.mu.Lock()
	before := r.resting
	r.count(strands, awake)
	after := r.resting
	ended := r.lastEnd()
	r.mu.Unlock()
	if ended {
		r.a.post(&engine.Input{Op: engine.Over, Inst: r.is})
	}
	if !before && after {
		r.a.rested(r.a.busy.Load())
	}
}

// lastEnd reports, once and with r.mu held, whether an abandoned instance that
// holds its slot has ended. It may have done so while it was being abandoned.
func (r *run) lastEnd() bool {
	ended := r.strands == 0 && r.holds && !r.told
	r.told = r.told || ended
	return ended
}

// count is shift with r.mu held. An instance without a strand works: a deferral
// is held by somebody unknown.
func (r *run) count(strands, awake int) {
	r.strands += strands
	r.awake += awake
	resting := r.awake <= 0 && r.strands > 0
	if r.forgotten || resting == r.resting {
		return
	}
	r.resting = resting
	if resting {
		r.a.busy.Add(-1)
	} else {
		r.a.busy.Add(1)
	}
}

// forget ends the counting of the instance. The owner calls it, with r.mu held if
// anybody else has to do with the record.
func (r *run) forget() {
	if r.forgotten {
		return
	}
	r.forgotten = true
	r.a.runs--
	if r.resting {
		r.resting = false
		r.a.busy.Add(1)
	}
}

// WaitIdle waits until the App has nothing to do at the present instant: no
// call is unanswered, nothing is due, every instance is over or sleeps in
// Instance.Sleep with all its strands, and observers have been told everything.
// What is latched or waits for a later time is idle. It returns ctx's error if
// that ends first, and ErrInHandler when called with an instance's context.
//
// It does not wait for the goroutines of triggers: what one of them has received,
// as a value of trigger.Chan, and not fired yet, nobody knows of. In a
// testing/synctest bubble, synctest.Wait waits for those.
//
// With a clock that a test moves, move and then WaitIdle makes every test
// deterministic.
func (a *App) WaitIdle(ctx context.Context) error {
	if a.inHandler(ctx) {
		return ErrInHandler
	}
	p := a.driver.NewPark()
	a.own(func() {
		a.idlers = append(a.idlers, p)
		a.watch()
	})
	err := p.Park(ctx)
	if err != nil {
		a.own(func() {
			a.idlers = slices.DeleteFunc(a.idlers, func(o seam.Park) bool { return o == p })
			a.watch()
		})
	}
	return err
}

// watch notes whether somebody waits for rest.
func (a *App) watch() {
	a.watched.Store(len(a.idlers) > 0 || a.life.Is(stopping))
}

// checkIdle releases those who wait for it. The owner calls it when it has
// handled every letter it knows of.
func (a *App) checkIdle() {
	if len(a.idlers) == 0 || a.works() > 0 && !a.closed {
		return
	}
	if at, ok := a.eng.Next(); ok && a.eng.Running() && !at.After(a.clock.Now()) {
		return // a Tick is on its way
	}
	if !a.mail.empty() {
		return // it will be looked at again after those
	}
	for _, p := range a.idlers {
		p.Unpark()
	}
	a.idlers = a.idlers[:0]
	a.watch()
}

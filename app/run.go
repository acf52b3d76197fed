package app

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/mutant"
	"github.com/bgloop/bgloop/tasks"
)

// A run is the record behind a handle, and the strand its handler runs on: a
// seam.Job over whatever Driver the App has. When its activation is over it may
// serve another, under another handle.
type run struct {
	// The owner writes the first 64 bytes, and the handler's strand only reads them.
	a       *App
	is      *engine.Instance
	h       *handle   // of the instance, or the first attempt of an activation that waits
	start   time.Time // of an attempt that is timed
	onLoop  bool
	limited bool // it has a time limit, as it was when it started
	timed   bool // as it was when it started
	next    *run // in the loop's queue

	// The strand writes the next 64, if nobody else has to do with the record. What
	// both write is one line of the cache then.
	ending    letter        // says that it is over
	begun     time.Duration // how long after start its handler began
	owes      bool          // the loop's strand has yet to say that it is over
	returned  bool          // the handler has; mu guards this and the following
	deferred  bool          // the group is in use
	past      bool          // it is over or abandoned
	holds     bool          // it was abandoned, and holds its slot until it ends
	told      bool          // the engine has been told that it ended
	resting   bool          // counted in App.busy, as one less
	forgotten bool          // no longer counted in App.runs and App.busy; only the owner sets it

	group  deferral.Group
	rested atomic.Pointer[notice] // of the sleeper that was left last; may be nil

	mu       sync.Mutex // guards the following
	err      error      // the first failure
	ended    error      // why the context is: the Reason or ErrOver
	deadline time.Time
	strands  int // the handler, Go and Await
	awake    int // of those, not in Sleep
	sleepers []*sleeper
	waiters  []*waiter
	onCancel []func(activation.Reason)
	left     []deferral.Open // what was open when it was canceled, then when it was abandoned
}

func newRecord(a *App) *run {
	r := &run{a: a}
	r.ending.run = r
	return r
}

// record is what serves the first attempt of an activation.
func (a *App) record(x *engine.Act) *run {
	r, ok := x.Host.(*run)
	if !ok {
		r = newRecord(a)
		x.Host = r
	}
	if r.h == nil {
		r.h = newHandle(r, x.Task, x.ID)
	}
	return r
}

func (a *App) startRun(i *engine.Instance) { a.launch(a.newRun(i)) }

// newRun prepares the record of an instance, which counts as busy from now on.
func (a *App) newRun(i *engine.Instance) *run {
	r := a.record(i.Act)
	if i.Attempt > 1 {
		r = newRecord(a)
		r.h = newHandle(r, i.Task, i.Act.ID)
	}
	h := r.h
	h.id, h.details = i.ID, i.Act.Details
	h.begin(i.Act.Origin, i.Attempt)
	if n := i.Act.Merged; n != 1 {
		h.extra().merged = n
	}
	if r.is != i { // it is the same each time, and stale handles may be looking
		r.is = i
	}
	if r.timed = i.Timed; r.timed {
		r.start = a.now
	}
	r.strands, r.awake, r.deadline = 1, 1, i.Deadline
	i.Host = r
	r.onLoop, r.limited = i.Task.Reg.OnLoop, i.Task.Limited()
	a.runs++
	return r
}

// launch gives it a strand, or its place in the loop's queue. Nothing starts
// before there may be strands.
func (a *App) launch(r *run) {
	if r.onLoop {
		a.loop.put(r)
	} else {
		a.hand(r)
	}
}

// Run is the handler's strand.
func (r *run) Run() {
	if r.timed {
		r.begun = r.a.clock.Now().Sub(r.start)
	}
	if r.is.Life.Do(tasks.MoveStart) != nil { // it was canceled before it began
		r.a.post(&engine.Input{Op: engine.Unbegun, Inst: r.is})
		r.handlerReturned(nil, false)
		return
	}
	err := protect(r.activate, func(err error) { r.handlerReturned(err, false) })
	r.h.letIn()
	r.handlerReturned(err, true)
}

func (r *run) activate() error {
	if p, ok := r.h.details.(*packed); ok {
		if err := p.open(&r.a.kinds); err != nil {
			return fmt.Errorf("%w: task %q", err, r.is.Task.Key.Name)
		}
		r.h.details = p.value
	}
	return asked(r.a.outermost.Run((*runContext)(r.h), &r.h.in))
}

// began says that its turn on the loop has come. The owner calls it.
func (r *run) began() {
	r.a.step(&engine.Input{Op: engine.Began, Inst: r.is})
	if !r.is.Deadline.IsZero() {
		r.readDeadline()
	}
}

// readDeadline notes a deadline that has changed. The owner calls it.
func (r *run) readDeadline() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deadline = r.is.Deadline
}

// handlerReturned notes the handler's end. If work goes on under deferrals the
// engine is told so, else the instance is over.
func (r *run) handlerReturned(err error, last bool) {
	if last && r.h.endAlone() { // as most do
		if err != nil { // else its memory stays the owner's
			r.err = err
		}
		r.leave(last)
		return
	}
	r.mu.Lock()
	r.returned = true
	r.note(err)
	err = r.err
	if !r.past && (!r.deferred || r.group.ReturnedAlone()) {
		r.strands--
		r.awake--
		r.endWith(last)
		return
	}
	r.mu.Unlock()
	switch {
	case !r.group.Held():
	case err == nil && !r.a.heard.Load(): // nobody is to be told; if it was canceled meanwhile, the move is refused
		_ = r.is.Life.Do(tasks.MoveDefer)
	default:
		r.a.post(&engine.Input{Op: engine.Returned, Inst: r.is, Err: err})
	}
	r.shift(-1, -1)
	r.group.Returned()
}

func (r *run) note(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Over is called by whoever brings the deferrals to zero.
func (r *run) Over() {
	if r.a.mail.free() {
		_ = room(-1) // it is about to be the owner
	}
	r.mu.Lock()
	if mutant.On(mutant.DeferralLeak) && r.ended != nil {
		r.mu.Unlock()
		return
	}
	r.endWith(false)
}

// room makes the goroutine's stack as large as the owner of the engine needs it.
// One that was made to complete a deferral has a small stack, and the fewer
// calls are on it when it grows, the less there is to move. It is called with
// -1: what counts is that the frame is large.
//
//go:noinline
func room(n int) byte {
	if n < 0 {
		return 0
	}
	var frame [2 << 10]byte
	return frame[n]
}

// endWith tells the engine, once, that the instance is over. It releases r.mu.
// With last it is the last thing that the strand does; on the loop the strand
// goes on, and tells the engine with the beginning of the next turn.
func (r *run) endWith(last bool) {
	if r.told { // it was abandoned meanwhile, and had ended by then
		r.mu.Unlock()
		return
	}
	r.past, r.told = true, true
	if r.ended == nil { // else somebody may still ask why
		r.h.state.Or(over)
	}
	r.finish(tasks.ErrOver)
	owes := last && r.onLoop
	owner := !owes && r.a.mail.take() // now, to be counted no more under the same lock
	if owner {
		r.forget()
	}
	r.mu.Unlock()
	switch {
	case owes:
		r.owes = true
	case owner:
		r.a.look()
		r.a.conclude(r, last)
	default:
		r.a.send(&r.ending)
	}
}

// leave tells the engine that the run is over, which may serve another from then
// on.
func (r *run) leave(last bool) {
	if last && r.onLoop {
		r.owes = true
		return
	}
	r.a.over(r, last)
}

// settleUp tells the engine that a run is over. The owner calls it.
func (r *run) settleUp() {
	switch {
	case !r.told: // nobody else has to do with it
		r.past, r.told = true, true
		r.forget()
	case !r.forgotten:
		r.mu.Lock()
		r.forget()
		r.mu.Unlock()
	}
	r.a.step(&engine.Input{Op: engine.Over, Inst: r.is, Err: r.err, On: r.timed, For: r.begun})
}

// recycle makes the record of an instance that is over ready for another, if
// nobody can need it anymore. The owner calls it.
func (a *App) recycle(i *engine.Instance) {
	r := runOf(i)
	if !a.eng.Recycle(i) {
		return
	}
	r.h = nil
	r.err, r.ended, r.left, r.onCancel = nil, nil, nil, nil
	r.deferred, r.returned, r.past, r.holds, r.told, r.resting, r.forgotten, r.onLoop = false, false, false, false, false, false, false, false
}

// end is for an instance whose outcome has been told while deferrals are open.
func (r *run) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finish(tasks.ErrOver)
}

// abandon makes the instance's deferrals inert. Its strands go on; if it holds
// its slot until the last of them has ended, the engine is told then.
func (r *run) abandon() []deferral.Open {
	r.mu.Lock()
	open := r.group.Abandon() // with r.mu held, as Take makes the group
	r.h.share()
	r.left, r.past, r.holds = open, true, r.is.Task.Reg.OnAbandon != tasks.FreeSlot
	r.finish(tasks.ErrOver)
	r.forget()
	ended := r.lastEnd()
	r.mu.Unlock()
	if ended {
		r.a.later(&letter{in: &engine.Input{Op: engine.Over, Inst: r.is}})
	}
	return open
}

// cancel tells the instance why it is to end.
func (r *run) cancel(reason activation.Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.h.share()
	if r.onLoop {
		r.a.loop.skip(r)
	}
	r.left = r.group.Open()
	r.finish(reason)
	for _, f := range r.onCancel {
		r.a.spawn(&errand{r.a, nil, "Canceled", func() { f(reason) }, false})
	}
	r.onCancel = nil
}

// finish ends the context and wakes who waits; the first cause wins.
func (r *run) finish(cause error) {
	if r.ended == nil {
		r.ended = cause
	}
	r.h.endContext(r.ended)
	for _, s := range r.sleepers {
		s.rouse(r)
	}
	clear(r.sleepers)
	r.sleepers = r.sleepers[:0]
	for _, w := range r.waiters {
		w.why = r.ended
		w.park.Unpark()
	}
	r.waiters = nil
}

// open lists the deferrals that were open when it was canceled or abandoned.
func (r *run) open() []deferral.Open {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.left
}

func (r *run) openDeferrals() string {
	var whys []string
	for _, o := range r.open() {
		whys = append(whys, o.Why)
	}
	return strings.Join(whys, ", ")
}

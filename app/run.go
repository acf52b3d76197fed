package app

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/tasks"
)

// A run is the record behind a *tasks.Instance, and the strand its handler runs
// on. It implements seam.Run once, over whatever Driver the App has, seam.Job,
// and, as *runContext, the handler's context.
type run struct {
	a      *App
	is     *engine.Instance
	group  deferral.Group
	handle tasks.Instance // what the handler is given
	onLoop bool

	mu        sync.Mutex // guards the following
	err       error      // the first failure
	returned  bool       // the handler has
	ended     error      // why the context is: the Reason or ErrOver
	past      bool       // it is over or abandoned
	deadline  time.Time
	holds     bool // it was abandoned, and holds its slot until it ends
	told      bool // the engine has been told that it ended
	busy      bool // counted in App.busy
	forgotten bool // never again counted in App.busy
	strands   int  // the handler, Go and Await
	awake     int  // of those, not in Sleep
	sleepers  []*sleeper
	waiters   []*waiter
	onCancel  []func(activation.Reason)
	left      []deferral.Open // what was open when it was canceled, then when it was abandoned
	ctx       context.Context //nolint:containedctx // made when first asked for, see context.go
	cancelIt  context.CancelCauseFunc
}

func (a *App) startRun(i *engine.Instance) {
	r := &run{a: a, is: i, busy: true, strands: 1, awake: 1, deadline: i.Deadline}
	r.group.Init(r, a.debug)
	r.handle.Init(r)
	i.Host = r
	if !i.Task.Reg.OnLoop {
		a.spawn(r)
		return
	}
	r.onLoop = true
	a.busy.Add(1)
	a.loop.put(r)
}

// Run is the handler's strand.
func (r *run) Run() {
	if r.is.Life.Do(tasks.MoveStart) != nil { // it was canceled before it began
		r.a.post(engine.Input{Op: engine.Unbegun, Inst: r.is})
		r.handlerReturned(nil)
		return
	}
	if r.onLoop {
		r.a.own(r.began)
	}
	r.handlerReturned(protect(r.activate, r.handlerReturned))
}

func (r *run) activate() error {
	return r.a.outermost.Run((*runContext)(r), &r.handle)
}

// began says that its turn on the loop has come. The owner calls it.
func (r *run) began() {
	r.a.step(engine.Input{Op: engine.Began, Inst: r.is})
	r.readDeadline()
}

// readDeadline notes a deadline that has changed. The owner calls it.
func (r *run) readDeadline() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deadline = r.is.Deadline
}

// handlerReturned notes the handler's end. If work goes on under deferrals the
// engine is told so, else the instance is over.
func (r *run) handlerReturned(err error) {
	r.mu.Lock()
	r.returned = true
	r.note(err)
	err = r.err
	if r.group.ReturnedAlone() { // as most do
		r.strands--
		r.awake--
		r.endWith(err)
		return
	}
	r.mu.Unlock()
	if r.group.Held() {
		r.a.post(engine.Input{Op: engine.Returned, Inst: r.is, Err: err})
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
	r.mu.Lock()
	r.endWith(r.err)
}

// endWith tells the engine that the instance is over. It releases r.mu.
func (r *run) endWith(err error) {
	r.past, r.told = true, true
	r.finish(tasks.ErrOver)
	counted := r.forget()
	r.mu.Unlock()
	r.a.post(engine.Input{Op: engine.Over, Inst: r.is, Err: err})
	if counted {
		r.a.rest()
	}
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
	open := r.group.Abandon()
	r.mu.Lock()
	r.left, r.past, r.holds = open, true, r.is.Task.Reg.OnAbandon != tasks.FreeSlot
	r.finish(tasks.ErrOver)
	ended := r.lastEnd()
	r.mu.Unlock()
	r.idle()
	if ended {
		r.a.later(letter{in: engine.Input{Op: engine.Over, Inst: r.is}})
	}
	return open
}

// cancel tells the instance why it is to end.
func (r *run) cancel(reason activation.Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
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
	r.endContext()
	for _, s := range r.sleepers {
		s.rouse(r)
	}
	r.sleepers = nil
	for _, w := range r.waiters {
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

// Info implements seam.Run.
func (r *run) Info() seam.Info {
	t, act := r.is.Task, r.is.Act
	r.mu.Lock()
	defer r.mu.Unlock()
	return seam.Info{
		Group: t.Key.Group, Task: t.Key.Name, Registration: t.ID,
		Activation: act.ID, Instance: r.is.ID, Attempt: r.is.Attempt,
		Due: act.Due, Deadline: r.deadline, Details: act.Details, Merged: act.Merged,
	}
}

// Key implements seam.Run.
func (r *run) Key() (group, task string) { k := &r.is.Task.Key; return k.Group, k.Name }

// Log implements seam.Run.
func (r *run) Log() *slog.Logger {
	t := r.is.Task.Key
	return r.a.log.With("task", taskName(t.Group, t.Name), "activation", r.is.Act.ID, "instance", r.is.ID, "attempt", r.is.Attempt)
}

// isOver says whether the instance is, or else, if it was canceled, why.
func (r *run) isOver() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.past {
		return tasks.ErrOver
	}
	return r.ended
}

// Take implements seam.Run.
func (r *run) Take(why string) (*deferral.Deferral, error) {
	if r.isOver() == tasks.ErrOver { //nolint:errorlint // the very value
		return nil, tasks.ErrOver
	}
	return r.group.Take(why)
}

// Progress implements seam.Run.
func (r *run) Progress(n uint64) error {
	if r.isOver() == tasks.ErrOver { //nolint:errorlint // the very value
		return tasks.ErrOver
	}
	r.a.post(engine.Input{Op: engine.Progress, Inst: r.is, N: n})
	return nil
}

// OnCanceled implements seam.Run.
func (r *run) OnCanceled(f func(activation.Reason)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.past {
		return tasks.ErrOver
	}
	switch why := r.ended.(type) { //nolint:errorlint // ours, never wrapped
	case nil:
		r.onCancel = append(r.onCancel, f)
	case activation.Reason:
		r.a.spawn(&errand{r.a, nil, "Canceled", func() { f(why) }, false})
	default:
		return tasks.ErrOver
	}
	return nil
}

// A strand runs a function of the handler's under a deferral.
type strand struct {
	r    *run
	d    *deferral.Deferral
	f    func(context.Context) error
	done func(error)
}

func (r *run) spawnStrand(why string, f func(context.Context) error, done func(error)) error {
	d, err := r.Take(why)
	if err != nil {
		return err
	}
	r.shift(1, 1)
	r.a.driver.Spawn(&strand{r, d, f, done})
	return nil
}

// Run implements seam.Job.
func (s *strand) Run() { s.r.run(s) }

// run is a frame that shows whose strand it is: see stackOf.
//
//go:noinline
func (r *run) run(s *strand) {
	err := protect(func() error { return s.f((*runContext)(r)) }, s.finish)
	s.finish(err)
	runtime.KeepAlive(r) // so that the frame still holds it meanwhile
}

func (s *strand) finish(err error) {
	s.done(err)
	s.r.shift(-1, -1)
	s.d.Complete()
}

// Go implements seam.Run.
func (r *run) Go(f func(context.Context) error) error { return r.spawnStrand("Go", f, r.failed) }

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
		r.a.post(engine.Input{Op: engine.Returned, Inst: r.is, Err: err})
	}
}

// A waiter is a strand in Await.
type waiter struct {
	park seam.Park
	done bool // guarded by run.mu
	err  error
}

// Await implements seam.Run.
func (r *run) Await(f func(context.Context) error) error {
	if r.onLoop {
		return tasks.ErrOnLoop
	}
	if err := r.isOver(); err != nil {
		return err
	}
	w := &waiter{park: r.a.driver.NewPark()}
	err := r.spawnStrand("Await", f, func(err error) {
		r.mu.Lock()
		w.done, w.err = true, err
		r.mu.Unlock()
		w.park.Unpark()
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	if r.ended != nil {
		w.park.Unpark()
	}
	r.waiters = append(r.waiters, w)
	r.mu.Unlock()
	_ = w.park.Park(nil) //nolint:staticcheck // finish and f's end unpark it
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiters = slices.DeleteFunc(r.waiters, func(o *waiter) bool { return o == w })
	if w.done {
		return w.err
	}
	return r.ended
}

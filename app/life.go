package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/looplab/fsm"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
)

// The App's own life.
const (
	fresh    = "new"
	running  = "running"
	stopping = "stopping"
	stopped  = "stopped"

	begin  = "begin"
	stop   = "stop"
	finish = "finish"
)

func newLife() *fsm.FSM {
	return fsm.NewFSM(fresh, fsm.Events{
		{Name: begin, Src: []string{fresh}, Dst: running},
		{Name: stop, Src: []string{fresh, running}, Dst: stopping},
		{Name: finish, Src: []string{stopping}, Dst: stopped},
	}, nil)
}

// move makes a move of the App's life, if it is allowed. The owner calls it.
func (a *App) move(event string) bool {
	return a.life.Can(event) && a.life.Event(context.Background(), event) == nil
}

// Run runs the App until ctx ends, and then stops it: see Stop. It returns nil
// if everything ended within its grace, else a *StopError; never ctx's error.
// It also returns when Stop is called, with the same result. The report of a Run
// that has returned is what Stop answers with from then on. It returns ErrRunning
// or ErrStopped, at once, if the App cannot run; and what went wrong when the
// store was read, if there is one: the App can be run again then.
func (a *App) Run(ctx context.Context) error {
	ctx = given(ctx)
	if err := a.start(ctx); err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) { // it ended while the store was read
			a.stop()
			_ = a.done.wait(context.Background(), a.driver)
			return a.result()
		}
		return err
	}
	if a.done.wait(ctx, a.driver) != nil {
		a.stop()
		_ = a.done.wait(context.Background(), a.driver)
	}
	return a.result()
}

// Start makes the App run and returns: registrations made so far take effect,
// sources start, time passes. It returns ErrRunning or ErrStopped if the App
// cannot run, ctx's error if ctx has ended, and what went wrong when the store
// was read, if there is one: the App can be started again then. A nil ctx, here
// as in Run, Stop and WaitIdle, is one that never ends.
func (a *App) Start(ctx context.Context) error {
	ctx = given(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	return a.start(ctx)
}

// given is ctx, or one that never ends.
func given(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

func (a *App) start(ctx context.Context) (err error) {
	var former *load
	if a.journal != nil {
		if former, err = a.journal.load(ctx); err != nil {
			return err
		}
	}
	a.own(func() {
		switch {
		case a.life.Is(running):
			err = ErrRunning
		case !a.move(begin):
			err = ErrStopped
		default:
			a.begin(former)
		}
	})
	if err == nil {
		a.warnUnanswered()
	}
	return err
}

func (a *App) begin(l *load) {
	a.awaken()
	in := &engine.Input{Op: engine.Begin}
	if a.journal != nil {
		a.journal.begin()
		in.Details = a.journal.resume(l)
	}
	a.step(in)
	if a.journal != nil {
		a.journal.tellUnclaimed()
	}
	for _, t := range a.eng.Tasks(nil) {
		if p := portOf(t); p != nil {
			p.startSources()
		}
	}
}

// warnUnanswered names the registrations that no handler answers.
func (a *App) warnUnanswered() {
	var all []*engine.Task
	a.own(func() { all = a.eng.Tasks(nil) })
	for _, t := range all {
		if r := taskOf(t).registry(); !r.answered(t.Key.Name) {
			a.log.Warn("bgloop: no handler for a registered task", "task", taskName(t.Key.Group, t.Key.Name))
		}
	}
	if a.journal == nil {
		return
	}
	var left []Unclaimed
	a.own(func() { left = a.journal.unclaimed() })
	for _, u := range left {
		a.log.Warn("bgloop: a task of a former run is not registered", "task", taskName(u.Group, u.Task), "trigger", u.Trigger, "pending", u.Pending)
	}
}

// Stop stops the App. From now on nothing starts: what is pending ends with
// activation.Terminating, what runs is canceled with it and given its grace,
// and what is not over then is abandoned. Stop returns when that is done and
// observers have been told everything, which may take another grace; if ctx
// ends first, it abandons at once what is left.
//
// The report says of each instance that was active how it ended. The error is
// nil, or a *StopError holding the same report if anything was abandoned. A
// second Stop, and one after Run has returned, returns the same. Stop before
// Run makes Run return ErrStopped.
func (a *App) Stop(ctx context.Context) (*Report, error) {
	if a.inHandler(ctx) {
		return nil, ErrInHandler
	}
	a.stop()
	if a.done.wait(ctx, a.driver) != nil {
		a.own(func() {
			a.hurry = true
			a.step(&engine.Input{Op: engine.DrainNow})
		})
		_ = a.done.wait(context.Background(), a.driver)
	}
	return a.report, a.result()
}

// stop begins the stopping.
func (a *App) stop() {
	a.own(a.beginStop)
}

func (a *App) beginStop() {
	if !a.move(stop) {
		return
	}
	a.watch()
	a.awaken()
	a.openReport()
	a.step(&engine.Input{Op: engine.Drain, Reason: activation.Terminating})
}

// checkStopped ends the App's life when no instance is left and the callbacks
// have ended, or the time for them is over. The owner calls it.
func (a *App) checkStopped() {
	switch {
	case !a.eng.Stopped() || a.closed:
	case a.hurry:
		a.close()
	case a.works()+a.sources.Load() == 0:
		if a.journal == nil || !a.journal.lastTry() {
			a.close()
		}
	case a.closing.Host == nil:
		a.closing.Host = a
		a.step(&engine.Input{Op: engine.Arm, Timer: &a.closing, For: max(a.grace, 0)})
		a.checkStopped() // without a grace the time is over now
	}
}

func (a *App) close() {
	a.closed = true
	a.move(finish)
	if a.alarm.timer != nil {
		a.alarm.timer.Stop()
	}
	if a.journal != nil {
		a.journal.close()
	}
	a.closeReport()
	a.silent.Store(true) // after the count of what this keeps from being called
	a.driver.Close()
	for _, p := range a.idlers {
		p.Unpark()
	}
	a.idlers = nil
	a.watch()
	a.done.release()
}

func (a *App) result() error {
	if a.report.late() {
		return &StopError{Report: a.report}
	}
	return nil
}

// String is the App's state, for people.
func (a *App) String() string {
	var s string
	a.own(func() { s = fmt.Sprintf("app(%s, %d active)", a.life.Current(), a.eng.Active()) })
	return s
}

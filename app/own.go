package app

import (
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
)

// A letter asks the owner of the engine for one thing, when somebody else is it.
type letter struct {
	in   engine.Input
	do   func()   // instead of in: something with the owner's state
	wait *waiting // who waits for the answer; may be nil
}

// A waiting strand has asked another owner.
type waiting struct {
	answer answer
	park   seam.Park
}

// An answer is what the engine replied.
type answer struct {
	engine.Reply
	outcome *handle // of Reply.Act, which is the owner's
}

// handOver is how many times an owner that finds new letters goes on by itself
// before a strand of its own takes over: a poster should not work for others
// for long.
const handOver = 2

// What App.owner says of the ownership. Letters wait only while it says mail.
const (
	free  = iota
	owned // by somebody
	mail  // the same, and letters wait
)

// take makes the caller the owner, if there is none.
func (a *App) take() bool {
	if !a.owner.CompareAndSwap(free, owned) {
		return false
	}
	a.look()
	return true
}

// patience is how often one who has to wait for the owner anyway looks whether
// there is none anymore, before it does so: a letter takes the owner less time
// than it takes to go to sleep and be woken.
const patience = 200

// takeSoon is take for one who would have to wait.
func (a *App) takeSoon() bool {
	for range patience {
		if a.owner.Load() == free && a.take() {
			return true
		}
	}
	return false
}

// post asks for something and does not wait.
func (a *App) post(in *engine.Input) {
	if a.take() {
		a.step(in)
		a.release(0)
		return
	}
	a.send(letter{in: *in})
}

// postLast is post for a strand that is about to return from its job. What is
// begun meanwhile may go on in its place.
func (a *App) postLast(in *engine.Input) {
	if a.relay == nil || !a.take() {
		a.post(in)
		return
	}
	a.last = true
	a.step(in)
	a.release(0)
}

// call asks for something and waits for the answer, which takes no user code.
func (a *App) call(in *engine.Input) answer {
	if a.journal != nil {
		kept := *in // so that without a store in stays where it is
		return a.journal.call(&kept)
	}
	if a.takeSoon() {
		r := a.ask(in)
		a.release(0)
		return r
	}
	return a.await(letter{in: *in})
}

// own runs f as the owner and waits for it.
func (a *App) own(f func()) {
	if a.takeSoon() {
		f()
		a.release(0)
		return
	}
	a.await(letter{do: f})
}

// do runs f as the owner and does not wait for it.
func (a *App) do(f func()) {
	if a.take() {
		f()
		a.release(0)
		return
	}
	a.send(letter{do: f})
}

func (a *App) await(l letter) answer {
	w := &waiting{park: a.driver.NewPark()}
	l.wait = w
	a.send(l)
	_ = w.park.Park(nil) //nolint:staticcheck // nil: nothing ends this wait but the answer
	return w.answer
}

// send gives a letter to the owner, or becomes it if there is none anymore.
func (a *App) send(l letter) {
	a.mu.Lock()
	for {
		if a.owner.Load() == mail || a.owner.CompareAndSwap(owned, mail) {
			a.inbox = append(a.inbox, l)
			a.mu.Unlock()
			return
		}
		if a.owner.CompareAndSwap(free, owned) {
			break
		}
	}
	a.mu.Unlock()
	a.look()
	a.handle(&l)
	a.release(0)
}

// release gives the ownership up once no letter is left. It handles those that
// came in the meantime, or lets the loop's strand do so.
func (a *App) release(rounds int) {
	for ; ; rounds++ {
		a.settle()
		last := a.last
		a.last = false // before somebody else is the owner
		if a.owner.CompareAndSwap(owned, free) {
			return
		}
		a.last = last
		if rounds == handOver && a.eng.Running() {
			a.last = false
			a.driver.Spawn((*backlog)(a))
			return
		}
		a.mu.Lock()
		batch := a.inbox
		a.inbox, a.spare = a.spare[:0], nil
		a.owner.Store(owned)
		a.mu.Unlock()
		a.look()
		for i := range batch {
			a.handle(&batch[i])
		}
		clear(batch)
		a.spare = batch
	}
}

// A backlog is the App as the strand that owns the engine while there is one.
type backlog App

// Run owns the engine until no letter is left.
func (b *backlog) Run() { (*App)(b).release(handOver + 1) }

// handle does what one letter asks.
func (a *App) handle(l *letter) {
	var r answer
	if l.do != nil {
		l.do()
	} else {
		r = a.ask(&l.in)
	}
	if l.wait != nil {
		l.wait.answer = r
		l.wait.park.Unpark()
	}
}

// ask is step for one who wants the answer.
func (a *App) ask(in *engine.Input) answer {
	r := answer{Reply: a.step(in)}
	if r.Act != nil {
		r.outcome = a.record(r.Act).h
	}
	return r
}

// step lets the engine decide and carries out what it decided.
func (a *App) step(in *engine.Input) engine.Reply {
	if a.witness != nil {
		a.witness.Saw(a.now, *in)
	}
	effects, reply := a.eng.Step(a.now, in)
	if reply.Task != nil { // what is carried out now may use its port at once
		taskOf(reply.Task).accepted()
	}
	if a.journal != nil {
		a.journal.carry(effects)
	} else {
		for i := range effects {
			a.carry(&effects[i])
		}
		a.tellAll()
	}
	switch {
	case in.Op == engine.Arm:
		fellAsleep(in.Timer)
	case in.Op == engine.Over:
		a.recycle(in.Inst)
	}
	return reply
}

// later lets the owner give itself a letter, for what cannot be done at once.
func (a *App) later(l letter) {
	a.mu.Lock()
	a.inbox = append(a.inbox, l)
	a.owner.Store(mail)
	a.mu.Unlock()
}

// settle is what the owner does before it gives the ownership up.
func (a *App) settle() {
	if a.watched.Load() {
		a.checkStopped()
	}
	if !a.closed {
		a.setAlarm()
	}
	if a.watched.Load() {
		a.checkIdle() // last: who is released may move the clock at once
	}
}

// An alarm is the one timer of the App.
type alarm struct {
	timer clock.Timer
	at    time.Time
	armed bool
}

// farthest is how far ahead the alarm is set on a clock that can be adjusted
// under us: so an adjustment is noticed within this time.
const farthest = time.Minute

// setAlarm arms the alarm for the earliest entry of the plan. One that is armed
// for an earlier instant stays: what it finds nothing to do for costs less than
// setting it anew each time.
func (a *App) setAlarm() {
	at, ok := a.eng.Next()
	if !ok || a.alarm.armed && !at.Before(a.alarm.at) {
		return
	}
	now := a.now
	if a.stopwatch != nil { // what was done since a.now was read has taken its time
		now = a.read.Add(max(a.stopwatch.Since(a.read), a.now.Sub(a.read)))
	}
	d := at.Sub(now.Round(0))
	if clock.Monotonic(now) && d > farthest {
		d, at = farthest, now.Round(0).Add(farthest)
	}
	a.alarm.at, a.alarm.armed = at, true
	before := a.alarm.timer
	if again, ok := before.(seam.Rearmer); ok {
		again.Rearm(d)
		return
	}
	a.alarm.timer = a.clock.AfterFunc(d, a.ring)
	if before != nil { // stopped last: a clock without a timer gives up what it holds
		before.Stop()
	}
}

// ring is called by the clock.
func (a *App) ring() {
	if a.take() { // as a.do, without a closure each time
		a.tick()
		a.release(0)
		return
	}
	a.send(letter{do: a.tick})
}

// few is how much of what is due at once is decided before the handlers of it
// are given strands: on another processor they begin while the owner goes on.
const few = 32

func (a *App) tick() {
	a.alarm.armed = false
	in := engine.Input{Op: engine.Tick, N: few}
	for a.step(&in); a.eng.Due(); a.step(&in) {
		in.On = true
	}
}

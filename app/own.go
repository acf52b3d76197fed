package app

import (
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
)

// A letter asks the owner of the engine for one thing.
type letter struct {
	in   engine.Input
	do   func() // instead of in: something with the owner's state
	call *call  // who waits for the answer; may be nil
}

// A call waits for the answer to a letter.
type call struct {
	reply   engine.Reply
	receipt *cell
	park    seam.Park // set when the letter went to another owner
}

// handOver is how many times an owner that finds new letters goes on by itself
// before the loop's own strand takes over: a poster should not work for others
// for long.
const handOver = 2

// post asks for something and does not wait.
func (a *App) post(in engine.Input) { a.deliver(letter{in: in}) }

// call asks for something and waits for the answer, which takes no user code.
func (a *App) call(in engine.Input) *call { return a.wait(letter{in: in, call: new(call)}) }

// own runs f as the owner.
func (a *App) own(f func()) { a.wait(letter{do: f, call: new(call)}) }

func (a *App) wait(l letter) *call {
	if !a.deliver(l) {
		_ = l.call.park.Park(nil) //nolint:staticcheck // nil: nothing ends this wait but the answer
	}
	return l.call
}

// deliver gives a letter to the owner, and becomes it if there is none. It
// reports whether the letter has been handled.
func (a *App) deliver(l letter) bool {
	a.mu.Lock()
	if a.owned {
		if l.call != nil {
			l.call.park = a.driver.NewPark()
		}
		a.inbox = append(a.inbox, l)
		a.mu.Unlock()
		return false
	}
	a.owned = true
	a.mu.Unlock()
	a.look()
	a.handle(&l)
	a.release(0)
	return true
}

// release gives the ownership up once no letter is left. It handles those that
// came in the meantime, or lets the loop's strand do so.
func (a *App) release(rounds int) {
	for ; ; rounds++ {
		a.settle()
		a.mu.Lock()
		if len(a.inbox) == 0 {
			a.owned = false
			a.mu.Unlock()
			return
		}
		if rounds == handOver && a.eng.Running() {
			a.mu.Unlock()
			a.driver.Spawn((*backlog)(a))
			return
		}
		batch := a.inbox
		a.inbox, a.spare = a.spare[:0], nil
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
	if l.do != nil {
		l.do()
	} else {
		r := a.step(l.in)
		if l.call != nil {
			l.call.reply = r
			if r.Act != nil {
				l.call.receipt = a.cellOf(r.Act)
			}
		}
	}
	if l.call != nil && l.call.park != nil {
		l.call.park.Unpark()
	}
}

// step lets the engine decide and carries out what it decided.
func (a *App) step(in engine.Input) engine.Reply {
	effects, reply := a.eng.Step(a.now, in)
	if reply.Task != nil { // what is carried out now may use its port at once
		taskOf(reply.Task).accepted(reply.Task)
	}
	for i := range effects {
		a.carry(&effects[i])
	}
	if in.Op == engine.Arm {
		fellAsleep(in.Timer)
	}
	return reply
}

// later lets the owner give itself a letter, for what cannot be done at once.
func (a *App) later(l letter) {
	a.mu.Lock()
	a.inbox = append(a.inbox, l)
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
	if a.alarm.timer != nil {
		a.alarm.timer.Stop()
	}
	d := at.Sub(a.now.Round(0))
	if clock.Monotonic(a.now) && d > farthest {
		d, at = farthest, a.now.Round(0).Add(farthest)
	}
	a.alarm.at, a.alarm.armed = at, true
	a.alarm.timer = a.clock.AfterFunc(d, a.ring)
}

// ring is called by the clock.
func (a *App) ring() {
	a.deliver(letter{do: func() {
		a.alarm.armed = false
		a.step(engine.Input{Op: engine.Tick})
	}})
}

package app

import (
	"math"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
)

// An answer is what the engine replied.
type answer struct {
	outcome *handle // of the activation that a firing became
	Result  activation.Result
	OK      bool
	N       int
	Err     error
}

// handOver is how many letters an owner handles before a strand of its own takes
// over: a poster should not work for others for long.
const handOver = 64

// take makes the caller the owner, if there is none.
func (a *App) take() bool {
	if !a.mail.take() {
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
		if a.mail.free() && a.take() {
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
	kept := *in
	a.send(&letter{in: &kept})
}

// over says that a run is over, and has no business with it from then on. With
// last the caller is about to return from its job: what is begun meanwhile may
// go on in its place.
func (a *App) over(r *run, last bool) {
	if !a.take() {
		a.send(&r.ending)
		return
	}
	a.conclude(r, last)
}

// conclude is over for the owner, which it is no more then.
func (a *App) conclude(r *run, last bool) {
	a.last = last && a.relay != nil
	r.settleUp()
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
	w := a.newWaiting()
	w.in = *in
	w.letter.in = &w.in
	return a.await(w)
}

// own runs f as the owner and waits for it.
func (a *App) own(f func()) {
	if a.takeSoon() {
		f()
		a.release(0)
		return
	}
	w := a.newWaiting()
	w.letter.do = f
	a.await(w)
}

// find asks the owner for a task. It is own without a closure where nobody is the
// owner: to fire by name is often.
func (a *App) find(k engine.Key) *engine.Task {
	if a.takeSoon() {
		t := a.eng.Task(k)
		a.release(0)
		return t
	}
	return a.findLater(k)
}

func (a *App) findLater(k engine.Key) (t *engine.Task) {
	a.own(func() { t = a.eng.Task(k) })
	return t
}

// do runs f as the owner and does not wait for it.
func (a *App) do(f func()) {
	if a.take() {
		f()
		a.release(0)
		return
	}
	a.send(&letter{do: f})
}

func (a *App) newWaiting() *waiting {
	w, ok := a.waits.Get().(*waiting)
	if !ok {
		w = &waiting{park: a.driver.NewPark()}
		w.letter.wait = w
	}
	return w
}

func (a *App) await(w *waiting) answer {
	a.send(&w.letter)
	r, ok := w.sleep()
	if !ok {
		return r
	}
	w.letter.in, w.letter.do = nil, nil
	w.in, w.answer = engine.Input{}, answer{}
	w.state.Store(looking)
	a.waits.Put(w)
	return r
}

// send gives a letter to the owner, or becomes it if there is none anymore.
func (a *App) send(l *letter) {
	if a.mail.send(l) {
		a.look()
		a.handle(l)
		a.release(0)
	}
}

// release gives the ownership up once no letter is left. It handles those that
// came in the meantime, or lets a strand of its own do so.
func (a *App) release(done int) {
	for {
		last := a.last
		if a.mail.empty() {
			a.settle()
			a.last = false // before somebody else is the owner
			if a.mail.giveUp() {
				return
			}
		}
		if done >= handOver && a.eng.Running() {
			a.last = false
			a.driver.Spawn((*backlog)(a))
			return
		}
		a.last = last
		a.look()
		done += a.handleAll(a.mail.collect())
	}
}

// A backlog is the App as the strand that owns the engine while there is one.
type backlog App

// Run owns the engine until no letter is left.
func (b *backlog) Run() { (*App)(b).release(math.MinInt) }

// handleAll handles letters that are linked, and reports how many those were.
func (a *App) handleAll(l *letter) (n int) {
	for ; l != nil; n++ {
		next := l.before
		a.handle(l)
		l = next
	}
	return n
}

// handle does what one letter asks. The letter is the sender's again then.
func (a *App) handle(l *letter) {
	switch w := l.wait; {
	case l.run != nil:
		next := l.next
		l.next = nil
		l.run.settleUp()
		if next != nil {
			next.began()
		}
	case l.do != nil:
		l.do()
		if w != nil {
			w.tell(answer{})
		}
	default:
		r := a.ask(l.in)
		if w != nil {
			w.tell(r)
		}
	}
}

// ask is step for one who wants the answer.
func (a *App) ask(in *engine.Input) answer {
	r := a.step(in)
	s := answer{Result: r.Result, OK: r.OK, N: r.N, Err: r.Err}
	if r.Act != nil {
		s.outcome = a.record(r.Act).h
	}
	return s
}

// step lets the engine decide and carries out what it decided.
func (a *App) step(in *engine.Input) *engine.Reply {
	if a.witness != nil && a.witness.Heeds(in.Op) {
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
func (a *App) later(l *letter) { a.mail.send(l) }

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
	again seam.Rearmer // the same; nil: it is none
	nanos int64        // at, if again is set anew
	at    time.Time
	armed bool
}

// farthest is how far ahead the alarm is set on a clock that can be adjusted
// under us: so an adjustment is noticed within this time.
const farthest = time.Minute

// setAlarm arms the alarm for the earliest entry of the plan. One that is armed
// for an earlier instant stays: what it finds nothing to do for costs less than
// setting it anew each time, unless that costs next to nothing.
func (a *App) setAlarm() {
	if a.alarm.again != nil {
		a.resetAlarm()
		return
	}
	if a.alarm.armed && !a.eng.MayBeDue(a.alarm.at) {
		return // as mostly
	}
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
	a.alarm.timer = a.clock.AfterFunc(d, a.ring)
	a.alarm.again, _ = a.alarm.timer.(seam.Rearmer)
	a.alarm.nanos = at.UnixNano()
	if before != nil { // stopped last: a clock without a timer gives up what it holds
		before.Stop()
	}
}

// resetAlarm is setAlarm where that costs next to nothing, as under virtual
// time: the alarm is for the earliest entry, and for no other.
func (a *App) resetAlarm() {
	at, ok := a.eng.Soonest()
	if !ok || a.alarm.armed && at == a.alarm.nanos {
		return
	}
	d, now := time.Duration(math.MaxInt64), a.now.UnixNano()
	if now >= 0 || at < math.MaxInt64+now {
		d = time.Duration(at - now)
	}
	a.alarm.nanos, a.alarm.armed = at, true
	a.alarm.again.Rearm(d)
}

// ring is called by the clock.
func (a *App) ring() {
	if a.take() { // as a.do, without a closure each time
		a.tick()
		a.release(0)
		return
	}
	a.send(&letter{do: a.tick})
}

// few is how much of what is due at once is decided before the handlers of it
// are given strands: on another processor they begin while the owner goes on.
// With more of it the first ones wait for the decisions about the others; a part
// by itself costs next to nothing.
const few = 4

func (a *App) tick() {
	a.alarm.armed = false
	in := engine.Input{Op: engine.Tick}
	if a.journal == nil { // else all of it waits for one commit
		in.N = few
	}
	for a.step(&in); a.eng.Due(); a.step(&in) {
		in.On = true
	}
}

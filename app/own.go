package app

import (
	"math"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
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
	a.sendAsOfNow(&letter{in: &kept})
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
		a.handleAll(l)
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
		first := a.mail.collect()
		a.look() // now: it is no earlier than any of them was sent
		done += a.handleAll(first)
	}
}

// A backlog is the App as the strand that owns the engine while there is one.
type backlog App

// Run owns the engine until no letter is left.
func (b *backlog) Run() { (*App)(b).release(math.MinInt) }

// handleAll handles letters that are linked, and reports how many those were.
func (a *App) handleAll(l *letter) (n int) {
	for dated := l; l != nil; n++ {
		next := l.before
		if a.moved {
			dated = a.handleDated(l, dated)
		} else {
			a.handle(l)
		}
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

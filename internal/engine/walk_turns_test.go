package engine_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// A tape is where a walk takes its choices from. After its end it says 0.
type tape []byte

func (t *tape) take(n int) int {
	if len(*t) == 0 {
		return 0
	}
	b := int((*t)[0])
	*t = (*t)[1:]
	return b % n
}

// pick chooses one of the newest few, for what is old is rarely of interest.
func pick[T any](t *tape, list []T) (v T, ok bool) {
	if len(list) == 0 {
		return v, false
	}
	n := min(len(list), 8)
	return list[len(list)-n+t.take(n)], true
}

// Of each thing a walk holds the engine's and the model's.
type (
	pairTask struct {
		e *engine.Task
		m *mTask
	}
	pairInst struct {
		e                *engine.Instance
		m                *mInst
		picked, returned bool
		onLoop           bool // its turn comes later
	}
	pairPlace struct {
		e *engine.Place
		m *mPlace
	}
	pairTimer struct {
		e *engine.Timer
		m *alarm
	}
)

// A walk drives an engine, and the model beside it, by a tape.
type walk struct {
	way    way
	e      *engine.Engine
	m      *model
	tape   tape
	now    time.Time
	tasks  []pairTask
	insts  []*pairInst // that the host has not told the end of
	places []pairPlace
	timers []pairTimer
	owned  int

	log    []string // the inputs so far, and what they caused
	wrong  error
	ledger ledger
}

// A way is how a walk is made; the decisions must not depend on it.
type way struct {
	watched bool // somebody observes
	split   bool // every input is preceded by a Tick at the same instant
	shadow  bool
}

// run makes the walk of a tape, and returns the first thing that was wrong.
func run(t tape, w way) *walk {
	c := capped[t.take(len(capped))]
	c.Shadow = w.shadow
	k := &walk{way: w, tape: t, now: epoch, m: &model{now: epoch, paused: map[string]bool{}}, e: engine.New(c)}
	k.m.caps = map[string]int{"app": c.Cap, "group g": c.GroupCaps["g"], "key k": c.KeyCaps["k"]}
	k.ledger = newLedger(k.m.caps)
	k.e.Watched = w.watched
	for len(k.tape) > 0 && k.wrong == nil {
		k.turn()
	}
	k.end()
	return k
}

// capped are the caps of the walks.
var capped = []engine.Config{
	{},
	{},
	{Cap: 1},
	{Cap: 2},
	{Cap: 3, GroupCaps: map[string]int{"g": 1}},
	{KeyCaps: map[string]int{"k": 1}},
	{Cap: 3, GroupCaps: map[string]int{"g": 2}, KeyCaps: map[string]int{"k": 1}},
	{GroupCaps: map[string]int{"g": 1}, KeyCaps: map[string]int{"k": 2}},
}

// turn makes one step, most of which are ordinary.
func (k *walk) turn() {
	if !k.m.running && k.tape.take(3) == 0 {
		k.step("begin", engine.Input{Op: engine.Begin}, func() string { return k.m.begin() })
		return
	}
	switch n := k.tape.take(80); {
	case n < 10:
		k.now = k.now.Add(time.Duration(k.tape.take(40)) * 250 * time.Millisecond)
		k.step("tick", engine.Input{Op: engine.Tick}, nil)
	case n < 11:
		k.now = k.now.Add(time.Duration(k.tape.take(100)) * time.Second)
		k.step("tick", engine.Input{Op: engine.Tick}, nil)
	case n < 14:
		k.register()
	case n < 15:
		k.unregister()
	case n < 27:
		k.fire()
	case n < 29:
		k.step("raise", engine.Input{Op: engine.Raise, Topic: "news"}, func() string { return k.m.raise("news") })
	case n < 36:
		k.report()
	case n < 40:
		k.pause()
	case n < 65:
		k.instance()
	case n < 70:
		k.place()
	case n < 72:
		k.timer()
	case n < 74:
		k.update()
	case n < 76:
		k.jump()
	case n < 78:
		k.pauseMany()
	case n < 79:
		k.cancelTask()
	case k.tape.take(6) == 0:
		k.drain()
	}
}

func (k *walk) register() {
	name := []string{"a", "b", "c", "g/d", "g/e"}[k.tape.take(5)]
	kit, replace := kits[k.tape.take(len(kits))], k.tape.take(3) == 0
	var t *mTask
	r := k.step(fmt.Sprintf("register %s %s replace=%v", name, kit.name, replace),
		engine.Input{Op: engine.Register, Spec: kit.spec(name, replace)},
		func() (answer string) {
			t, answer = k.m.register(kit, name, replace)
			return answer
		})
	if r.Task != nil && t != nil {
		k.tasks = append(k.tasks, pairTask{r.Task, t})
	}
}

func (k *walk) unregister() {
	t, ok := pick(&k.tape, k.tasks)
	if !ok {
		return
	}
	cancel := k.tape.take(2) == 0
	k.step(fmt.Sprintf("unregister %d cancel=%v", t.m.id, cancel),
		engine.Input{Op: engine.Unregister, Task: t.e, On: cancel},
		func() string {
			if !t.m.gone {
				k.m.retire(t.m, cancel)
			}
			return ""
		})
}

// details are nothing, or a fresh thing that must be dropped or handled.
func (k *walk) details() any {
	if k.tape.take(3) == 0 {
		return nil
	}
	k.owned++
	d := owned(fmt.Sprintf("d%d", k.owned))
	k.ledger.owned[d] = 0
	return d
}

func (k *walk) fire() {
	if t, ok := pick(&k.tape, k.tasks); ok {
		d := k.details()
		k.step(fmt.Sprintf("fire %d %v", t.m.id, d), engine.Input{Op: engine.Fire, Task: t.e, Details: d},
			func() string { return k.m.fireOutside(t.m, d, fromOutside) })
	}
}

func (k *walk) report() {
	t, ok := pick(&k.tape, k.tasks)
	if !ok || t.m.conds == 0 {
		return
	}
	i, holds := k.tape.take(t.m.conds), k.tape.take(4) != 0
	k.step(fmt.Sprintf("report %d %d %v", t.m.id, i, holds),
		engine.Input{Op: engine.Report, Task: t.e, Index: i, On: holds},
		func() string { k.m.report(t.m, i, holds); return "" })
}

func (k *walk) pause() {
	if t, ok := pick(&k.tape, k.tasks); ok {
		paused := k.tape.take(3) == 0
		k.step(fmt.Sprintf("pause %d %v", t.m.id, paused), engine.Input{Op: engine.Pause, Task: t.e, On: paused},
			func() string { k.m.pause(t.m, paused); return "" })
	}
}

func (k *walk) pauseMany() {
	group, paused := []string{"g", "*"}[k.tape.take(2)], k.tape.take(2) == 0
	in := engine.Input{Op: engine.PauseAll, On: paused}
	if group == "g" {
		in.Op, in.Topic = engine.PauseGroup, group
	}
	k.step(fmt.Sprintf("pause all of %s %v", group, paused), in, func() string {
		k.m.hold(func() { k.m.paused[group] = paused })
		return ""
	})
}

func (k *walk) update() {
	t, ok := pick(&k.tape, k.tasks)
	kit := kits[k.tape.take(len(kits))]
	if k.tape.take(2) == 0 && ok { // another one of the same trigger, if there is one
		for _, other := range kits {
			if other != t.m.kit && other.trigger() == t.m.trigger() {
				kit = other
			}
		}
	}
	if !ok || k.m.claimed(kit, t.m) {
		return
	}
	k.step(fmt.Sprintf("update %d %s", t.m.id, kit.name),
		engine.Input{Op: engine.Update, Task: t.e, Spec: kit.spec(t.m.name, false)},
		func() string { k.m.update(t.m, kit); return "" })
}

func (k *walk) jump() {
	d := time.Duration(k.tape.take(200)-100) * 700 * time.Millisecond
	k.now = k.now.Add(d)
	k.step(fmt.Sprintf("jump %v", d), engine.Input{Op: engine.Jump, For: d}, func() string { k.m.jump(d); return "" })
}

func (k *walk) cancelTask() {
	if t, ok := pick(&k.tape, k.tasks); ok {
		r := activation.Abort + activation.Reason(k.tape.take(12))
		k.step(fmt.Sprintf("cancel all of %d %s", t.m.id, r.String()), engine.Input{Op: engine.CancelTask, Task: t.e, Reason: r},
			func() string { return fmt.Sprint(k.m.cancelTask(t.m, r)) })
	}
}

// outcomes are how handlers end.
var outcomes = []error{
	nil, nil, nil, nil, nil, errBoom, errBoom, errBoom,
	tasks.Permanent(errBoom), tasks.RetryAfter(3*time.Second, errBoom), tasks.RetryAfter(0, errBoom),
	tasks.Snooze(2 * time.Second), tasks.Snooze(0),
}

// instance does what a worker does, under the same rules: it takes a queued
// instance, says at most once that the handler returned while deferrals are
// open, may fail after that, and says once that all is over.
func (k *walk) instance() {
	i, ok := pick(&k.tape, k.insts)
	if !ok {
		return
	}
	what := k.tape.take(8)
	if !i.picked && what < 7 && !k.pickUp(i) {
		what = 6
	}
	err := outcomes[k.tape.take(len(outcomes))]
	switch {
	case what == 7:
		k.cancel(i)
	case what < 3 && (!i.returned || err != nil):
		i.returned = true
		k.step(fmt.Sprintf("returned %s %v", i.m.name(), err), engine.Input{Op: engine.Returned, Inst: i.e, Err: err},
			func() string { k.m.returned(i.m, err); return "" })
	default:
		k.over(i, err)
	}
}

// pickUp is a worker that takes an instance, unless that was canceled before.
func (k *walk) pickUp(i *pairInst) bool {
	i.picked = true
	if i.e.Life.Do(tasks.MoveStart) != nil {
		k.step("unbegun "+i.m.name(), engine.Input{Op: engine.Unbegun, Inst: i.e},
			func() string { k.m.neverBegun(i.m); return "" })
		return false
	}
	k.ledger.hand(i.e.Act)
	if i.onLoop {
		if k.tape.take(4) == 0 { // between the two
			k.cancel(i)
		}
		k.step("began "+i.m.name(), engine.Input{Op: engine.Began, Inst: i.e},
			func() string { k.m.began(i.m); return "" })
	}
	return true
}

func (k *walk) over(i *pairInst, err error) {
	k.insts = slices.DeleteFunc(k.insts, func(o *pairInst) bool { return o == i })
	delete(k.ledger.live, i.e)
	k.step(fmt.Sprintf("over %s %v", i.m.name(), err), engine.Input{Op: engine.Over, Inst: i.e, Err: err},
		func() string { k.m.over(i.m, err); return "" })
	k.e.Recycle(i.e)
}

func (k *walk) cancel(i *pairInst) {
	r := activation.Abort + activation.Reason(k.tape.take(12))
	k.step(fmt.Sprintf("cancel %s %s", i.m.name(), r.String()), engine.Input{Op: engine.Cancel, Inst: i.e, Reason: r},
		func() string { return fmt.Sprint(k.m.cancel(i.m, r)) })
}

func (k *walk) place() {
	if k.tape.take(2) == 0 {
		if t, ok := pick(&k.tape, k.tasks); ok {
			n := len(k.places) + 1
			p := pairPlace{&engine.Place{Task: t.e, Host: n}, &mPlace{n, t.m}}
			k.places = append(k.places, p)
			k.step(fmt.Sprintf("reserve %d for %d", n, t.m.id), engine.Input{Op: engine.Reserve, Place: p.e},
				func() string { return k.m.reserve(p.m) })
		}
		return
	}
	p, ok := pick(&k.tape, k.places)
	switch {
	case !ok:
	case k.tape.take(3) == 0:
		k.step(fmt.Sprintf("unreserve %d", p.m.id), engine.Input{Op: engine.Unreserve, Place: p.e},
			func() string { k.m.unreserve(p.m); return "" })
	case !slices.Contains(p.m.task.queue, p.m): // who waits cannot fire
		d := k.details()
		k.step(fmt.Sprintf("fire place %d %v", p.m.id, d), engine.Input{Op: engine.FirePlace, Place: p.e, Details: d},
			func() string { return k.m.firePlace(p.m, d) })
	}
}

func (k *walk) timer() {
	if k.tape.take(3) == 0 {
		if t, ok := pick(&k.tape, k.timers); ok {
			k.step("disarm", engine.Input{Op: engine.Disarm, Timer: t.e},
				func() string { return fmt.Sprint(t.m.stop()) })
		}
		return
	}
	t, _ := pick(&k.tape, k.tasks)
	if k.tape.take(2) == 0 {
		t = pairTask{}
	}
	d := time.Duration(k.tape.take(20)-2) * time.Second
	tm := pairTimer{e: &engine.Timer{Task: t.e, Host: k.m.timers + 1}}
	k.step(fmt.Sprintf("arm %d %v", k.m.timers+1, d), engine.Input{Op: engine.Arm, Timer: tm.e, For: d},
		func() string { tm.m = k.m.timer(t.m, d); return "" })
	k.timers = append(k.timers, tm)
}

func (k *walk) drain() {
	if k.tape.take(4) == 0 {
		k.step("drain now", engine.Input{Op: engine.DrainNow}, func() string { k.m.drainNow(); return "" })
		return
	}
	r := activation.Abort + activation.Reason(k.tape.take(12))
	k.step("drain "+r.String(), engine.Input{Op: engine.Drain, Reason: r}, func() string { k.m.drain(r); return "" })
}

// end stops the App: all that is active ends or is abandoned, and nothing may
// be left over.
func (k *walk) end() {
	k.step("drain", engine.Input{Op: engine.Drain, Reason: activation.Terminating},
		func() string { k.m.drain(activation.Terminating); return "" })
	k.now = k.now.Add(time.Hour)
	k.step("tick", engine.Input{Op: engine.Tick}, nil)
	if !k.e.Stopped() || k.e.Active() != 0 {
		k.fail("an hour after the drain %d instances are active, and stopped is %v", k.e.Active(), k.e.Stopped())
	}
	for len(k.insts) > 0 && k.wrong == nil {
		if i := k.insts[0]; !i.picked {
			k.pickUp(i)
		}
		k.over(k.insts[0], nil)
	}
	if at, ok := k.e.Next(); ok {
		k.fail("something is still due at %v", at)
	}
	if err := k.ledger.close(); err != nil {
		k.fail("%v", err)
	}
}

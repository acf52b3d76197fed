package engine_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// kits are the registrations of the walks. Between them they use everything
// that the engine knows.
var kits = []*kit{
	{name: "plain", newest: true, slots: 1, grace: 5 * time.Second},
	{name: "timed", newest: true, slots: 1, every: 7 * time.Second, conds: 1, limit: 10 * time.Second, grace: 5 * time.Second},
	{name: "keeps", cap: 2, slots: 2, conds: 2, keepOn: true, topic: true, grace: 2 * time.Second},
	{name: "payload", cap: 1, slots: 1, limit: 3 * time.Second, grace: -1},
	{name: "unbounded", cap: 1, slots: 0, every: 4 * time.Second, limit: -1, grace: 3 * time.Second, topic: true},
	{name: "once", newest: true, slots: 1, at: []time.Duration{4 * time.Second, 9 * time.Second}, oneShot: true, conds: 1, grace: 5 * time.Second},
	{name: "polled", cap: 3, slots: 2, conds: 2, polled: true, grace: 4 * time.Second, topic: true},
	{name: "judged", cap: 2, slots: 2, every: 3 * time.Second, grace: time.Second, key: "x", judge: judge},
	{name: "merging", newest: true, slots: 1, topic: true, conds: 1, grace: -1, key: "x", judge: judge},
	{name: "polled once", newest: true, slots: 1, conds: 1, polled: true, oneShot: true, topic: true, grace: -1, limit: 6 * time.Second},
	{name: "sudden", newest: true, slots: 1, at: []time.Duration{0, time.Second, 30 * time.Second}, grace: 5 * time.Second},
}

// judge puts off some firings and lets others not through at all.
func judge(n int, due time.Time) (time.Duration, bool) {
	return time.Duration(n%3) * 2 * time.Second, due.Second()%5 != 0
}

func (k *kit) Pass(ph activation.Phase, due time.Time) (time.Time, bool) {
	lag, ok := k.judge(int(ph.N), due)
	return due.Add(lag), ok
}

// spec is the kit as the engine sees it.
func (k *kit) spec(name string, replace bool) *engine.Spec {
	s := &engine.Spec{Key: engine.Key{Name: name}, Replace: replace, OneShot: k.oneShot}
	s.Reg = tasks.Registration{
		Name: name, KeepOnConditionLoss: k.keepOn, TimeLimit: k.limit, Grace: k.grace,
		Keep: tasks.Newest, Overlap: tasks.Parallel(k.slots),
	}
	if !k.newest {
		s.Reg.Keep = tasks.Every(k.cap)
	}
	switch {
	case k.every > 0 && k.cap == 2:
		s.Schedules = append(s.Schedules, everyLeaping{every(k.every)})
	case k.every > 0:
		s.Schedules = append(s.Schedules, every(k.every))
	case k.at != nil:
		s.Schedules = append(s.Schedules, instants(k.at))
	}
	if k.topic {
		s.Topics = []string{"news"}
	}
	conditions(s, []string{"one", "two"}[:k.conds], k.polled)
	if k.key != "" {
		s.Exclusive = []any{k.key}
	}
	if k.judge != nil {
		s.Filters = []activation.Filter{k}
	}
	return s
}

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
	k := &walk{
		way: w, tape: t, now: epoch, m: &model{now: epoch},
		e: engine.New(engine.Config{Shadow: w.shadow}), ledger: newLedger(),
	}
	k.e.Watched = w.watched
	for len(k.tape) > 0 && k.wrong == nil {
		k.turn()
	}
	k.end()
	return k
}

// turn makes one step, most of which are ordinary.
func (k *walk) turn() {
	if !k.m.running && k.tape.take(3) == 0 {
		k.step("begin", engine.Input{Op: engine.Begin}, func() string { return k.m.begin() })
		return
	}
	switch n := k.tape.take(64); {
	case n < 10:
		k.now = k.now.Add(time.Duration(k.tape.take(40)) * 250 * time.Millisecond)
		k.step("tick", engine.Input{Op: engine.Tick}, nil)
	case n < 11:
		k.now = k.now.Add(time.Duration(k.tape.take(100)) * time.Second)
		k.step("tick", engine.Input{Op: engine.Tick}, nil)
	case n < 15:
		k.register()
	case n < 17:
		k.unregister()
	case n < 27:
		k.fire()
	case n < 29:
		k.step("raise", engine.Input{Op: engine.Raise, Topic: "news"}, k.m.raise)
	case n < 36:
		k.report()
	case n < 40:
		k.pause()
	case n < 56:
		k.instance()
	case n < 61:
		k.place()
	case n < 63:
		k.timer()
	case k.tape.take(8) == 0:
		k.drain()
	}
}

func (k *walk) register() {
	name := string(rune('a' + k.tape.take(5)))
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
		op, paused := engine.Resume, k.tape.take(3) == 0
		if paused {
			op = engine.Pause
		}
		k.step(fmt.Sprintf("pause %d %v", t.m.id, paused), engine.Input{Op: op, Task: t.e},
			func() string { k.m.pause(t.m, paused); return "" })
	}
}

var errBoom = errors.New("boom")

// instance does what a worker does, under the same rules: it takes a queued
// instance, says at most once that the handler returned while deferrals are
// open, may fail after that, and says once that all is over.
func (k *walk) instance() {
	i, ok := pick(&k.tape, k.insts)
	if !ok {
		return
	}
	what := k.tape.take(8)
	if !i.picked && what < 7 {
		i.picked = true
		if err := i.e.Life.Do(tasks.MoveStart); err != nil {
			what = 6
		}
	}
	var err error
	if k.tape.take(3) == 0 {
		err = errBoom
	}
	switch {
	case what == 7:
		k.cancel(i)
	case what < 3 && (!i.returned || err != nil):
		i.returned = true
		k.step(fmt.Sprintf("returned %d %v", i.m.id, err), engine.Input{Op: engine.Returned, Inst: i.e, Err: err},
			func() string { k.m.returned(i.m, err); return "" })
	default:
		k.over(i, err)
	}
}

func (k *walk) over(i *pairInst, err error) {
	k.insts = slices.DeleteFunc(k.insts, func(o *pairInst) bool { return o == i })
	k.step(fmt.Sprintf("over %d %v", i.m.id, err), engine.Input{Op: engine.Over, Inst: i.e, Err: err},
		func() string { k.m.over(i.m, err); return "" })
}

func (k *walk) cancel(i *pairInst) {
	r := activation.Abort + activation.Reason(k.tape.take(12))
	k.step(fmt.Sprintf("cancel %d %s", i.m.id, r.String()), engine.Input{Op: engine.Cancel, Inst: i.e, Reason: r},
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
		k.over(k.insts[0], nil)
	}
	if at, ok := k.e.Next(); ok {
		k.fail("something is still due at %v", at)
	}
	if err := k.ledger.close(); err != nil {
		k.fail("%v", err)
	}
}

// step gives one input to both, and compares what they make of it.
func (k *walk) step(what string, in engine.Input, expect func() string) engine.Reply {
	if k.wrong != nil {
		return engine.Reply{}
	}
	k.note("%s %s", since(k.now), what)
	k.m.out = nil
	k.m.pass(k.now)
	want := ""
	if expect != nil {
		want = expect()
	}
	var got []string
	if k.way.split {
		effects, _ := k.e.Step(k.now, engine.Input{Op: engine.Tick})
		got = k.read(got, effects)
	}
	effects, r := k.e.Step(k.now, in)
	got = k.read(got, effects)
	if answer := k.answer(in, r); answer != want {
		k.fail("the answer is %q, and should be %q", answer, want)
	}
	k.compare(got, k.m.out)
	k.check()
	return r
}

func (k *walk) note(format string, args ...any) { k.log = append(k.log, fmt.Sprintf(format, args...)) }

func (k *walk) fail(format string, args ...any) {
	if k.wrong == nil {
		k.wrong = fmt.Errorf(format, args...)
	}
}

// answer is a reply in the model's words.
func (k *walk) answer(in engine.Input, r engine.Reply) string {
	switch in.Op {
	case engine.Register, engine.Begin:
		for err, word := range map[error]string{
			engine.ErrRegistered: "registered", engine.ErrExclusive: "exclusive", engine.ErrStopped: "stopped",
		} {
			if errors.Is(r.Err, err) {
				return word
			}
		}
		return "ok"
	case engine.Fire, engine.FirePlace, engine.Raise, engine.Reserve:
		switch {
		case r.Err != nil:
			return "misuse"
		case in.Op == engine.Raise:
			return fmt.Sprint(r.N)
		case in.Op == engine.Reserve:
			return choose(r.OK, "granted", "waits")
		case r.Act != nil:
			return fmt.Sprintf("act=%d", r.Act.ID)
		}
		return r.Result.String()
	case engine.Cancel, engine.Disarm:
		return fmt.Sprint(r.OK)
	default:
		return ""
	}
}

// compare takes the effects of one step as a set: their order is told by the
// stories.
func (k *walk) compare(got, want []string) {
	if !k.way.watched {
		want = slices.DeleteFunc(slices.Clone(want), func(s string) bool { return strings.HasPrefix(s, "event ") })
	}
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		k.fail("the engine did\n\t%s\nand should have done\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// check is what holds after every step, whatever the model says.
func (k *walk) check() {
	if k.e.Illegal != 0 {
		k.fail("the lifecycle refused %d moves", k.e.Illegal)
	}
	if at, ok := k.e.Next(); ok && !at.After(k.now) {
		k.fail("something is due at %s, and it is %s", since(at), since(k.now))
	}
	if n, want := k.e.Active(), k.m.active(nil); n != want || len(k.e.Instances()) != n {
		k.fail("%d instances are active, want %d", n, want)
	}
	if k.e.Stopped() != k.m.stopped() || k.e.Running() != (k.m.running && !k.m.draining) {
		k.fail("running is %v and stopped is %v", k.e.Running(), k.e.Stopped())
	}
	for _, t := range k.tasks {
		if t.e.Gone() != t.m.gone || t.e.Paused() != t.m.paused || (k.e.Task(t.e.Key) == t.e) != !t.m.gone {
			k.fail("task %d: gone is %v, paused is %v", t.m.id, t.e.Gone(), t.e.Paused())
		}
	}
	k.fail2(k.ledger.wrong)
}

func (k *walk) fail2(err error) {
	if err != nil {
		k.fail("%w", err)
	}
}

// read writes effects in the model's words, and keeps the books on them.
func (k *walk) read(got []string, effects []engine.Effect) []string {
	for _, f := range effects {
		k.ledger.enter(k.e, f)
		if f.Do == engine.Start {
			k.started(f.Inst)
		}
		line := k.line(f)
		if line == "" {
			continue
		}
		if f.Do != engine.Emit {
			k.note("\t%s", line)
		}
		got = append(got, line)
	}
	return got
}

func (k *walk) started(i *engine.Instance) {
	if n := int(i.ID); n <= len(k.m.insts) {
		k.insts = append(k.insts, &pairInst{e: i, m: k.m.insts[n-1]})
	}
}

func (k *walk) line(f engine.Effect) string {
	switch f.Do {
	case engine.Start:
		return fmt.Sprintf("start inst=%d act=%d merged=%d details=%v", f.Inst.ID, f.Act.ID, f.Act.Merged, f.Act.Details)
	case engine.Stop:
		return fmt.Sprintf("stop inst=%d %s", f.Inst.ID, f.Reason.String())
	case engine.End:
		return fmt.Sprintf("end inst=%d", f.Inst.ID)
	case engine.Abandon:
		return fmt.Sprintf("abandon inst=%d", f.Inst.ID)
	case engine.Settle:
		return fmt.Sprintf("settle act=%d %s", f.Act.ID, verdict(f.Err))
	case engine.Wake:
		return fmt.Sprintf("wake timer=%d", f.Timer.Host)
	case engine.Grant:
		return fmt.Sprintf("grant place=%d", f.Place.Host)
	case engine.Deny:
		return fmt.Sprintf("deny place=%d", f.Place.Host)
	case engine.Want:
		if f.Task.Gone() {
			return "" // its conditions are disarmed
		}
		return fmt.Sprintf("want task=%d %d %v", f.Task.ID, f.Index, f.On)
	case engine.Drop:
		return fmt.Sprintf("drop %v", f.Details)
	case engine.Retired:
		return fmt.Sprintf("retired task=%d", f.Task.ID)
	case engine.Drained:
		return "drained"
	case engine.Emit:
		return k.event(f.Task, k.e.Event(f))
	}
	return "an effect without a name"
}

func verdict(err error) string {
	var c *tasks.Canceled
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &c) && c.Abandoned:
		return "abandoned: " + c.Reason.String()
	case errors.As(err, &c):
		return "canceled: " + c.Reason.String()
	}
	return "failed: " + err.Error()
}

// event is an event in the model's words; about the others it says nothing.
func (k *walk) event(t *engine.Task, v event.Event) string {
	if !v.At.Equal(k.now) || v.Task != t.Key.Name {
		k.fail("event %v of task %q at %v", v, t.Key.Name, v.At)
	}
	switch v.Kind {
	case event.Registered, event.Unregistered:
		return fmt.Sprintf("event %v %d", v.Kind, v.N)
	case event.Fired:
		return fmt.Sprintf("event fired act=%d", v.Activation)
	case event.Merged:
		return fmt.Sprintf("event merged act=%d n=%d", v.Activation, v.N)
	case event.Refused:
		return fmt.Sprintf("event refused task=%d %v", t.ID, v.Result)
	case event.Missed:
		return fmt.Sprintf("event missed task=%d n=%d", t.ID, v.N)
	case event.Deferred, event.Released, event.LongRunning, event.Ended:
		return fmt.Sprintf("event %v inst=%d", v.Kind, v.Instance)
	case event.Faulted:
		return fmt.Sprintf("event faulted: %v", v.Err)
	default:
		return ""
	}
}

// A ledger counts what is accepted and what becomes of it, by the effects
// alone.
type ledger struct {
	owned   map[owned]int  // how often each was dropped or handed to a handler
	started map[uint64]int // by instance: 1, then 0 when it has ended
	settled map[uint64]int // by activation
	fired   map[uint64]bool
	drained int
	wrong   error
}

func newLedger() ledger {
	return ledger{owned: map[owned]int{}, started: map[uint64]int{}, settled: map[uint64]int{}, fired: map[uint64]bool{}}
}

func (l *ledger) fail(format string, args ...any) {
	if l.wrong == nil {
		l.wrong = fmt.Errorf(format, args...)
	}
}

func (l *ledger) enter(e *engine.Engine, f engine.Effect) {
	if l.drained > 0 && f.Do != engine.Emit && f.Do != engine.Drop && f.Do != engine.Wake && f.Do != engine.Retired {
		l.fail("effect %d after the drain was over", f.Do)
	}
	switch f.Do {
	case engine.Start:
		l.start(e, f)
	case engine.Settle:
		if l.settled[f.Act.ID]++; l.settled[f.Act.ID] > 1 {
			l.fail("activation %d has been settled twice", f.Act.ID)
		}
	case engine.Drop:
		l.spend(f.Details)
	case engine.Drained:
		l.drained++
	case engine.Emit:
		l.told(e.Event(f))
	default:
	}
}

func (l *ledger) start(e *engine.Engine, f engine.Effect) {
	if !e.Running() || f.Task.Gone() || f.Inst.Life.State() != tasks.StateQueued {
		l.fail("instance %d was started: running is %v, gone is %v, it is %v", f.Inst.ID, e.Running(), f.Task.Gone(), f.Inst.Life.State())
	}
	if l.settled[f.Act.ID] > 0 {
		l.fail("instance %d was started for activation %d, which is settled", f.Inst.ID, f.Act.ID)
	}
	l.started[f.Act.ID]++
	l.spend(f.Act.Details)
}

// spend notes that details went somewhere.
func (l *ledger) spend(details any) {
	if d, ok := details.(owned); ok {
		if l.owned[d]++; l.owned[d] > 1 {
			l.fail("%v went two ways", d)
		}
	}
}

func (l *ledger) told(v event.Event) {
	switch v.Kind {
	case event.Fired:
		if l.fired[v.Activation] {
			l.fail("activation %d was told twice", v.Activation)
		}
		l.fired[v.Activation] = true
	case event.Ended:
		if l.started[v.Activation]--; l.started[v.Activation] != 0 {
			l.fail("instance %d has ended more often than it started", v.Instance)
		}
	default:
	}
}

// close is asked when the drain is over and everything has come to its end.
func (l *ledger) close() error {
	for d, n := range l.owned {
		if n != 1 {
			l.fail("%v was dropped or handled %d times", d, n)
		}
	}
	for a := range l.fired {
		if l.settled[a] != 1 || l.started[a] != 0 {
			l.fail("activation %d was settled %d times, and has %d instances", a, l.settled[a], l.started[a])
		}
	}
	if l.drained != 1 {
		l.fail("drained was told %d times", l.drained)
	}
	return l.wrong
}

// verify makes the walk of a tape in several ways, which must not differ.
func verify(t testing.TB, tape []byte) {
	t.Helper()
	ways := []way{{watched: true, shadow: true}, {split: true}}
	var first *walk
	for _, w := range ways {
		k := run(slices.Clone(tape), w)
		if k.wrong != nil {
			t.Fatalf("%+v: %v\nthe end of the walk:\n%s", w, k.wrong, strings.Join(k.log[max(0, len(k.log)-60):], "\n"))
		}
		if first == nil {
			first = k
		} else if !slices.Equal(k.log, first.log) {
			t.Fatalf("%+v and %+v: %s", ways[0], w, firstDifference(strings.Join(k.log, "\n"), strings.Join(first.log, "\n")))
		}
	}
}

// randomTape makes the tape of a seed.
func randomTape(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	tape := make([]byte, 100+r.IntN(700))
	for i := range tape {
		tape[i] = byte(r.Uint32())
	}
	return tape
}

// TestEngineRandomWalks compares the engine with the model over random inputs.
// BGLOOP_SEEDS says how many walks to make instead of the usual.
func TestEngineRandomWalks(t *testing.T) {
	n := 2000
	if v, err := strconv.Atoi(os.Getenv("BGLOOP_SEEDS")); err == nil {
		n = v
	} else if testing.Short() {
		n = 200
	}
	const strands = 4
	for s := range strands {
		t.Run(fmt.Sprintf("from %d", s), func(t *testing.T) {
			t.Parallel()
			for seed := s; seed < n && !t.Failed(); seed += strands {
				t.Run("", func(t *testing.T) {
					defer func() {
						if t.Failed() {
							t.Logf("seed %d", seed)
						}
					}()
					verify(t, randomTape(uint64(seed)))
				})
			}
		})
	}
}

// FuzzEngine does the same with inputs that a fuzzer chooses.
func FuzzEngine(f *testing.F) {
	for seed := range uint64(32) {
		f.Add(randomTape(1<<32 + seed))
	}
	f.Fuzz(func(t *testing.T, tape []byte) {
		if len(tape) <= 4096 {
			verify(t, tape)
		}
	})
}

// TestEngineIsPure: the same inputs have the same effects, in the same order.
func TestEngineIsPure(t *testing.T) {
	for seed := range uint64(50) {
		tape := randomTape(1<<33 + seed)
		a, b := run(slices.Clone(tape), way{}), run(slices.Clone(tape), way{})
		if !slices.Equal(a.log, b.log) {
			t.Fatalf("seed %d: %s", seed, firstDifference(strings.Join(b.log, "\n"), strings.Join(a.log, "\n")))
		}
	}
}

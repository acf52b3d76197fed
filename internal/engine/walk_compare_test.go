package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// step gives one input to both, and compares what they make of it.
func (k *walk) step(what string, in engine.Input, expect func() string) engine.Reply {
	if k.wrong != nil {
		return engine.Reply{}
	}
	k.note("%s %s", since(k.now), what)
	k.m.out = nil
	jumps := in.Op == engine.Jump
	if !jumps {
		k.m.pass(k.now)
	}
	want := ""
	if expect != nil {
		want = expect()
	}
	var got []string
	if k.way.split && !jumps {
		effects, _ := k.e.Step(k.now, &engine.Input{Op: engine.Tick})
		got = k.read(got, effects)
	}
	effects, r := k.e.Step(k.now, &in)
	answered := *r
	got = k.read(got, effects)
	if answer := k.answer(in, answered); answer != want {
		k.fail("the answer is %q, and should be %q", answer, want)
	}
	k.compare(got, k.m.out)
	k.check()
	return answered
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
	case engine.CancelTask:
		return fmt.Sprint(r.N)
	default:
		return ""
	}
}

// compare takes the effects of one step as a set: their order is told by the
// stories.
func (k *walk) compare(got, want []string) {
	silent := []string{"event "}
	if k.way.watched {
		silent = nil
	}
	for _, t := range k.m.tasks {
		if t.gone { // its conditions are disarmed
			silent = append(silent, fmt.Sprintf("want task=%d ", t.id))
		}
	}
	unsaid := func(s string) bool {
		return slices.ContainsFunc(silent, func(p string) bool { return strings.HasPrefix(s, p) })
	}
	got, want = slices.DeleteFunc(got, unsaid), slices.DeleteFunc(want, unsaid)
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
	at, ok := k.e.Next()
	if ok && !at.After(k.now) {
		k.fail("something is due at %s, and it is %s", since(at), since(k.now))
	}
	if first := k.m.first(); ok != (first != nil) || ok && !at.Equal(first.at) {
		k.fail("the next alarm is at %s (%v), and should be %+v", since(at), ok, first)
	}
	if n, want := k.e.Active(), k.m.live(); n != want || len(k.e.Instances()) != n {
		k.fail("%d instances are active, want %d", n, want)
	}
	if k.e.Stopped() != k.m.stopped() || k.e.Running() != (k.m.running && !k.m.draining) {
		k.fail("running is %v and stopped is %v", k.e.Running(), k.e.Stopped())
	}
	for _, t := range k.tasks {
		if len(k.log)%5 == 0 {
			k.explained(t)
		}
		if t.e.Gone() != t.m.gone || t.e.Paused() != t.m.paused || (k.e.Task(t.e.Key) == t.e) != !t.m.gone {
			k.fail("task %d: gone is %v, paused is %v", t.m.id, t.e.Gone(), t.e.Paused())
		}
	}
	if err := k.ledger.wrong; err != nil {
		k.fail("%w", err)
	}
}

// explained compares where a task stands.
func (k *walk) explained(t pairTask) {
	if t.m.gone {
		return
	}
	x := k.e.Explain(t.e, k.now)
	k.ledger.audit(t.e, &x, k.way.watched)
	var pending []string
	for _, p := range x.Pending {
		until := ""
		if !p.Until.IsZero() {
			until = since(p.Until)
		}
		pending = append(pending, fmt.Sprint(p.Activation, p.For, p.Merged, p.Failures, until))
	}
	got := fmt.Sprint(pending, len(x.Active), x.Inherited, x.Paused, x.Spent, x.Unmet, x.FullCaps, x.Slots, since(x.Next), x.Counts)
	if want := k.m.explain(t.m); got != want {
		k.fail("task %d stands at\n\t%s\nand should at\n\t%s", t.m.id, got, want)
	}
}

// explain says where a task stands, in the words of the walk.
func (m *model) explain(t *mTask) string {
	var pending, unmet, full []string
	for _, a := range t.pending {
		why, until := m.why(t), ""
		if a.putOff.on() {
			until = since(a.putOff.at)
			if why = event.ForTime; a.tried {
				why = event.ForRetry
			}
		} else if (why == event.ForNothing || why == event.ForCap) && a.tried && !a.last.released {
			why = event.ForOverlap
		}
		pending = append(pending, fmt.Sprint(uint64(a.id), why, uint64(a.merged), a.failures, until))
	}
	active := 0
	for _, i := range m.insts {
		if i.act.task == t && !i.released {
			active++
		}
	}
	for i, holds := range t.holds {
		if !holds {
			unmet = append(unmet, conditionNames[i])
		}
	}
	for _, c := range m.capsOf(t) {
		if m.full(c) {
			full = append(full, c)
		}
	}
	var next time.Time
	if t.source.on() {
		next = t.source.at
	}
	return fmt.Sprint(pending, active, m.active(t)-active, m.isPaused(t), t.spent, unmet, full, t.overlap.Slots(), since(next), t.counts)
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
	for _, m := range k.m.insts {
		if m.name() == name(i) {
			k.insts = append(k.insts, &pairInst{e: i, m: m, onLoop: i.Task.Reg.OnLoop})
		}
	}
}

// name is that of an instance, in the model's words.
func name(i *engine.Instance) string { return fmt.Sprintf("%d.%d", i.Act.ID, i.Attempt) }

// owns is what details own, in the model's words.
func owns(details any) any {
	if d, ok := details.(owned); ok {
		return d
	}
	return nil
}

func (k *walk) line(f engine.Effect) string {
	switch f.Do {
	case engine.Start:
		return fmt.Sprintf("start inst=%s merged=%d details=%v", name(f.Inst), f.Act.Merged, owns(f.Act.Details))
	case engine.Stop:
		return fmt.Sprintf("stop inst=%s %s", name(f.Inst), f.Reason.String())
	case engine.End:
		return fmt.Sprintf("end inst=%s", name(f.Inst))
	case engine.Abandon:
		return fmt.Sprintf("abandon inst=%s", name(f.Inst))
	case engine.StopApp:
		return fmt.Sprintf("stop app inst=%s", name(f.Inst))
	case engine.Settle:
		return fmt.Sprintf("settle act=%d %s", f.Act.ID, verdict(f.Err))
	case engine.Wake:
		return fmt.Sprintf("wake timer=%d", f.Timer.Host)
	case engine.Grant:
		return fmt.Sprintf("grant place=%d", f.Place.Host)
	case engine.Deny:
		return fmt.Sprintf("deny place=%d", f.Place.Host)
	case engine.Want:
		return fmt.Sprintf("want task=%d %d %v", f.Task.ID, f.Index, f.On)
	case engine.Drop:
		return fmt.Sprintf("drop %v", f.Details)
	case engine.Retired:
		return fmt.Sprintf("retired task=%d", f.Task.ID)
	case engine.Drained:
		return "drained"
	case engine.Emit:
		return k.event(f.Task, *k.e.Event(&f))
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
	if v.Kind == event.ClockJumped {
		d, _ := time.ParseDuration(v.Detail)
		return fmt.Sprintf("event clock jumped %v", d)
	}
	if !v.At.Equal(k.now) || v.Task != t.Key.Name || v.Group != t.Key.Group {
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
		return fmt.Sprintf("event %v inst=%d.%d", v.Kind, v.Activation, v.Attempt)
	case event.Retrying:
		return fmt.Sprintf("event retrying inst=%d.%d at %s", v.Activation, v.Attempt, since(v.Due))
	case event.Changed:
		return fmt.Sprintf("event changed %d", v.N)
	case event.Paused, event.Resumed, event.Exhausted:
		return fmt.Sprintf("event %v task=%d", v.Kind, t.ID)
	case event.ConditionChanged:
		return fmt.Sprintf("event condition changed task=%d %s %v", t.ID, v.Detail, v.N == 1)
	case event.Faulted:
		return fmt.Sprintf("event faulted: %v", v.Err)
	default:
		return ""
	}
}

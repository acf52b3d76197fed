package app_test

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/tasks"
)

func (m *mob) registration(tp *tape) tasks.Registration {
	r := tasks.Registration{Name: one(tp, names...), Trigger: m.trigger(tp)}
	for range tp.n(3) {
		r.Conditions = append(r.Conditions, m.condition(tp))
	}
	r.KeepOnConditionLoss = tp.yes()
	r.TimeLimit = one(tp, 0, 2*time.Second, -1)
	r.Grace = one(tp, 0, time.Second, -1)
	r.Keep = one(tp, 0, tasks.Newest, tasks.Oldest, tasks.Every(1), tasks.Every(3))
	r.Overlap = one(tp, tasks.Wait, tasks.Skip, tasks.Replace, tasks.Parallel(2), tasks.Parallel(0))
	r.Missed = one(tp, tasks.MissedOnce, tasks.MissedSkip, tasks.MissedAll(2))
	r.Retry = one(tp, tasks.Retry{}, tasks.Retry{Attempts: 2}, tasks.Retry{Attempts: 3, Backoff: 100 * time.Millisecond, Jitter: -1})
	r.OnAbandon = one(tp, tasks.FreeSlot, tasks.HoldSlot, tasks.HoldSlot, tasks.FreeSlot, tasks.HoldSlot, tasks.FreeSlot, tasks.StopApp)
	r.OnLoop = tp.n(4) == 1
	r.Priority = tp.n(3)
	r.Key = one(tp, "", "k", "free")
	r.Volatile = m.disk != nil && tp.n(3) == 1
	return r
}

func (m *mob) trigger(tp *tape) activation.Trigger {
	bell := trigger.Custom("bell", trigger.Always)
	switch tp.n(16) {
	case 1:
		return trigger.Every(time.Duration(1+tp.n(4)) * time.Second).Immediately()
	case 2:
		return trigger.After(tp.nap())
	case 3:
		return trigger.Custom("bell", trigger.Once)
	case 4:
		return m.orders[tp.n(2)]
	case 5:
		return trigger.Offset(trigger.Completion(one(tp, names...), one(tp, trigger.OnAny, trigger.OnSuccess, trigger.OnFailure)), time.Second)
	case 6:
		return trigger.Debounce(bell, time.Second)
	case 7:
		return trigger.Any(trigger.Throttle(bell, 2*time.Second), trigger.Limit(trigger.Every(time.Second), 3))
	case 8:
		return trigger.OneShot(bell)
	case 9:
		return trigger.Window(trigger.Every(4*time.Second), 2*time.Second)
	case 10:
		return trigger.AfterCompletion(time.Second)
	case 11:
		return open{"faulty", func(p activation.Port) { p.Schedule(faulty(tp.n(3))) }}
	case 12, 13, 14:
		return m.own(tp)
	}
	return bell
}

// own is a trigger that does all that a trigger may.
func (m *mob) own(tp *tape) activation.Trigger {
	how := tp.n(8)
	return open{fmt.Sprintf("own %d", how), func(p activation.Port) {
		bg := context.Background()
		p.OnArm(func() {
			m.maybe(bg)
			stop := p.After(time.Duration(how)*time.Second, func() { m.mayPanic(); m.fireBy(bg, "Port.Fire", p.Fire) })
			if how == 3 {
				stop()
			}
		})
		p.OnDisarm(func() { m.maybe(bg) })
		if how%2 == 1 {
			p.Payload()
		}
		if how < 4 {
			return
		}
		p.Go(func(ctx context.Context) error {
			m.entered.Add(1)
			s, err := p.Reserve(ctx)
			if err != nil {
				return nil
			}
			m.sleep(time.Second)
			if ctx.Err() == nil && how > 4 {
				m.fireBy(bg, "Slot.Fire", s.Fire)
			}
			s.Release()
			m.maybe(ctx)
			switch how {
			case 5:
				panic("a source")
			case 6:
				runtime.Goexit()
			}
			if m.inner.more() {
				return errGuilty // it is started again
			}
			return nil
		})
	}}
}

// A faulty schedule breaks its contract.
type faulty int

func (f faulty) Next(ph activation.Phase) (time.Time, bool) {
	switch {
	case ph.N < 2:
		return ph.Registered.Add(time.Duration(ph.N+1) * time.Second), true
	case f == 0:
		panic("a schedule")
	}
	return ph.Last, f == 1
}

func (m *mob) condition(tp *tape) activation.Condition {
	flag := m.flags[tp.n(2)]
	switch tp.n(8) {
	case 1:
		return condition.Func("f", func(ctx context.Context) bool { m.mayPanic(); return m.inner.n(4) > 0 }, time.Second)
	case 2:
		return condition.Not(flag)
	case 3:
		return condition.HeldFor(flag, time.Second)
	case 4:
		return condition.Any(flag, condition.HeldFor(condition.Not(flag), 2*time.Second))
	case 5:
		return conditionFunc(func(report func(bool), p activation.Port) error {
			p.Wanted(func(on bool) {
				report(on)
				m.mayPanic()
				p.After(time.Second, func() { m.entered.Add(1); report(false); m.maybe(context.Background()); report(true) })
			})
			return nil
		})
	case 6:
		return condition.All(flag, m.flags[0])
	}
	return flag
}

package sim

import (
	"time"

	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/seam"
)

// ticks are how often faults come to a process that come at any time.
var ticks = [...]time.Duration{time.Hour, 10 * time.Minute, time.Minute, 6 * time.Hour}

// weather lets faults come to the process at every tick.
func (p *Proc) weather() {
	s := p.s
	if !s.rates.any(firstOfProcess, faultKill) {
		return
	}
	tick := ticks[s.Choose("tick of "+p.name, len(ticks))]
	s.world.Spawn(seam.JobFunc(func() {
		for next := s.Now().Add(tick); ; next = next.Add(tick) {
			s.sleep(next.Sub(s.Now()))
			if s.isOver() {
				return
			}
			for f := firstOfProcess; f <= faultKill; f++ {
				if s.happens(f, p.faults) {
					p.suffer(f, nil)
				}
			}
		}
	}))
}

// aim lets a fault come right after something has happened.
func (l *ledger) aim(e *event.Event) {
	p := l.p
	switch {
	case p.s.rates.base[faultAim] == 0:
		return
	case e.Kind == event.Started, e.Kind == event.Canceling, e.Kind == event.Completed,
		e.Kind == event.Waiting && e.Waits == event.ForCondition:
	default:
		return
	}
	s, t := p.s, l.task(e.Group, e.Task)
	if !s.happens(faultAim, t.faults) {
		return
	}
	f := firstOfProcess + fault(s.below(t.faults.of(faultAim), uint64(faultKill-firstOfProcess+1)))
	if s.rates.base[f] == 0 {
		return
	}
	// The engine is in the middle of it: the fault comes with the next turns.
	s.world.Spawn(seam.JobFunc(func() {
		if !s.isOver() {
			p.suffer(f, t)
		}
	}))
}

// suffer lets a fault come to the process; of a task, if that is not nil.
func (p *Proc) suffer(f fault, t *taskRow) {
	s, now := p.s, p.now.Load()
	l := now.ledger
	if now.down {
		return
	}
	switch f { //nolint:exhaustive // the others are not a process's
	case faultFlap:
		p.flap(l, t)
	case faultStall:
		d := s.lasts(f, p.faults, shortFault)
		p.told("stands still for %v", d)
		l.freeze(d, false)
	case faultSuspend:
		d := s.lasts(f, p.faults, longFault)
		p.told("sleeps for %v", d)
		l.jumps()
		l.freeze(d, true)
	case faultForward, faultBack:
		d := s.lasts(f, p.faults, longFault)
		if f == faultBack {
			d = -d
		}
		p.told("has its clock set by %v", d)
		l.jumps()
		now.world.Jump(d)
	case faultKill:
		p.restart(now.world)
	}
}

func (l *ledger) freeze(d time.Duration, suspended bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.world.Frozen() == 0 {
		l.stalled += d
		l.world.Freeze(d, suspended)
	}
}

// jumps notes that the process's clock is set.
func (l *ledger) jumps() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.jumped = true
}

// flap has a condition, of a task or of any, change and change back.
func (p *Proc) flap(l *ledger, t *taskRow) {
	c := p.flapping(l, t)
	if c == nil {
		return
	}
	l.mu.Lock()
	holds := c.holds
	l.mu.Unlock()
	for _, now := range []bool{!holds, holds} {
		l.mu.Lock()
		c.holds = now
		l.mu.Unlock()
		c.report(now)
	}
}

// flapping is the condition that does: of a task, or of any. It may be none.
func (p *Proc) flapping(l *ledger, t *taskRow) *condRow {
	s := p.s
	l.mu.Lock()
	defer l.mu.Unlock()
	if t == nil {
		if len(l.order) == 0 {
			return nil
		}
		t = l.order[s.below(p.faults.of(faultFlap), uint64(len(l.order)))]
	}
	if len(t.conds) == 0 {
		return nil
	}
	c := &t.conds[s.below(p.faults.of(faultFlap), uint64(len(t.conds)))]
	if c.polled || c.report == nil {
		return nil
	}
	p.told("sees a condition of %s flap", t.key.name)
	return c
}

func (p *Proc) told(format string, args ...any) {
	if p.s.story != nil {
		p.s.tell("fault: %s "+format, append([]any{p.name}, args...)...)
	}
}

package engine

import (
	"slices"

	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/mutant"
)

// A limit bounds how many instances may be active at once, over several tasks.
type limit struct {
	name    string
	room    int // how many more may start; never negative
	waiting []*Task
}

// limitsOf are the limits that a task is under: the App's, its group's, its
// key's.
func (e *Engine) limitsOf(k Key, key string) (list []*limit) {
	if e.whole != nil {
		list = append(list, e.whole)
	}
	list = append(list, named(e.groupLimits, e.cfg.GroupCaps, "group ", k.Group)...)
	return append(list, named(e.keyLimits, e.cfg.KeyCaps, "key ", key)...)
}

// named is the limit of that name, made when it is first asked for; none if
// there is no bound.
func named(limits map[string]*limit, caps map[string]int, what, name string) []*limit {
	if caps[name] <= 0 {
		return nil
	}
	if limits[name] == nil {
		limits[name] = newLimit(what+name, caps[name])
	}
	return []*limit{limits[name]}
}

func newLimit(name string, n int) *limit {
	if n <= 0 {
		return nil
	}
	return &limit{name: name, room: n}
}

// fullLimit is the limit that keeps the task from starting, nil if none does.
// One for which others wait has no room for who comes later; but to wait in its
// line would be to wait for nothing while another is full.
func (t *Task) fullLimit() (contended *limit) {
	for _, l := range t.limits {
		if l.room == 0 {
			return l
		}
		if contended == nil && len(l.waiting) > 0 {
			contended = l
		}
	}
	return contended
}

// line puts the task in the line of l, by priority, then by the age of what it
// wants to start.
func (t *Task) line(l *limit, first *Act) {
	t.inLine, t.wants = l, first.ID
	at, _ := slices.BinarySearchFunc(l.waiting, t, inTurn)
	l.waiting = slices.Insert(l.waiting, at, t)
}

// inTurn orders tasks that wait for one limit.
func inTurn(a, b *Task) int {
	switch {
	case a.Reg.Priority != b.Reg.Priority:
		return b.Reg.Priority - a.Reg.Priority
	case a.wants < b.wants:
		return -1
	case a.wants > b.wants:
		return 1
	}
	return 0
}

// unline takes the task out of the line it is in.
func (t *Task) unline() {
	if t.inLine == nil {
		return
	}
	if at, ok := slices.BinarySearchFunc(t.inLine.waiting, t, inTurn); ok {
		t.inLine.waiting = slices.Delete(t.inLine.waiting, at, at+1)
	}
	t.inLine = nil
}

// fill lets those in the lines of the limits start, while there is room.
func (e *Engine) fill(limits []*limit) {
	for t := firstInLine(limits); t != nil && !e.draining; t = firstInLine(limits) {
		t.unline()
		e.startFirst(t)
		e.advance(t)
	}
}

// advanceAll lets several tasks go on at once: those that want the same room by
// turns, as if all had waited in line for it.
func (e *Engine) advanceAll(list []*Task) {
	var limits []*limit
	for _, t := range list {
		if t.state == nil {
			continue
		}
		if i := t.pending.ripe(); i >= 0 && len(t.limits) > 0 && e.gateBeforeCaps(t) == event.ForNothing {
			t.unline()
			t.line(t.limits[0], t.pending.items()[i])
			limits = append(limits, t.limits...)
		}
	}
	e.fill(limits)
	for _, t := range list {
		e.advance(t)
	}
}

// firstInLine is the task whose turn it is under limits that have room.
func firstInLine(limits []*limit) (first *Task) {
	for _, l := range limits {
		if l.room > 0 && len(l.waiting) > 0 && (first == nil || inTurn(l.waiting[0], first) < 0) {
			first = l.waiting[0]
		}
	}
	return first
}

// startFirst starts the first activation of a task whose turn it is, if nothing
// but other lines stands against it.
func (e *Engine) startFirst(t *Task) {
	for _, l := range t.limits {
		if l.room == 0 {
			return
		}
	}
	if i := t.pending.ripe(); i >= 0 && (e.gateBeforeCaps(t) == 0 || mutant.On(mutant.CapBlind)) {
		e.start(t.pending.take(i))
	}
}

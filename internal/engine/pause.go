package engine

import "github.com/bgloop/bgloop/event"

// pause holds the starts of one task, or lets them go.
func (e *Engine) pause(t *Task, paused bool) {
	if !t.gone {
		e.holding(func() { t.paused = paused }, t)
		e.saveTask(t)
	}
}

// pauseGroup does so for the tasks of a group, present and future.
func (e *Engine) pauseGroup(group string, paused bool) {
	var members []*Task
	for _, t := range e.byID() {
		if t.Key.Group == group {
			members = append(members, t)
		}
	}
	e.holding(func() { e.pausedGroups[group] = paused }, members...)
	e.dirty.all = true
}

// pauseAll does so for every task.
func (e *Engine) pauseAll(paused bool) {
	e.holding(func() { e.paused = paused }, e.byID()...)
	e.dirty.all = true
}

// holding makes a change and tells the tasks for which it changed something.
func (e *Engine) holding(change func(), list ...*Task) {
	before := make([]bool, len(list))
	for i, t := range list {
		before[i] = e.isPaused(t)
	}
	change()
	var resumed []*Task
	for i, t := range list {
		switch paused := e.isPaused(t); {
		case paused == before[i]:
		case paused:
			e.tell(t, event.Event{Kind: event.Paused})
			e.advance(t)
		default:
			e.tell(t, event.Event{Kind: event.Resumed})
			if t.state != nil {
				e.missed(t, t.missedPaused, t.missedLast)
				t.whilePaused, t.missedPaused = 0, 0
				resumed = append(resumed, t)
			}
		}
	}
	e.advanceAll(resumed)
}

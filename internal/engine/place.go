package engine

import (
	"fmt"
	"slices"

	"github.com/bgloop/bgloop/activation"
)

// A Place is a reserved place in a task's pending list, or a wish for one.
type Place struct {
	Task  *Task
	Scope int // of the source that wants it
	Host  any
	held  bool
}

// reserve grants a place at once, or queues the wish for one.
func (e *Engine) reserve(p *Place, r *Reply) {
	if r.Err = e.closed(p.Task); r.Err != nil {
		return
	}
	if e.draining {
		r.Err = fmt.Errorf("%w: task %q", activation.ErrNotRunning, p.Task.Key.Name)
		return
	}
	e.stateOf(p.Task)
	if p.Task.full() || len(p.Task.reserving) > 0 {
		p.Task.reserving = append(p.Task.reserving, p)
		return
	}
	p.hold(true)
	r.OK = true
}

func (p *Place) hold(held bool) {
	if p.held == held {
		return
	}
	p.held = held
	if held {
		p.Task.held++
	} else {
		p.Task.held--
	}
}

// unreserve gives a place back, or the wish up.
func (e *Engine) unreserve(p *Place) {
	e.stateOf(p.Task)
	p.Task.reserving = slices.DeleteFunc(p.Task.reserving, func(o *Place) bool { return o == p })
	p.hold(false)
	e.grant(p.Task)
}

// grant gives places that became free to those who wait for one.
func (e *Engine) grant(t *Task) {
	for len(t.reserving) > 0 && !t.full() {
		p := t.reserving[0]
		t.reserving = t.reserving[1:]
		p.hold(true)
		e.do(Effect{Do: Grant, Place: p})
	}
}

// firePlace makes an activation of a place.
func (e *Engine) firePlace(in *Input, r *Reply) {
	p := in.Place
	err := e.closed(p.Task)
	if err == nil && !p.held {
		err = fmt.Errorf("%w: task %q: the place was used or released", activation.ErrUnbound, p.Task.Key.Name)
	}
	p.hold(false)
	if err != nil {
		e.drop(in.Details)
		r.Result, r.Err = activation.UnknownError, err
		return
	}
	r.Act, r.Result = e.fire(p.Task, &firing{details: in.Details, origin: in.Origin, due: e.now, placed: true, scope: p.Scope})
	e.grant(p.Task)
}

// denyPlaces sends away who waits for a place.
func (e *Engine) denyPlaces(t *Task, why error) {
	if t.state == nil {
		return
	}
	for _, p := range t.reserving {
		e.do(Effect{Do: Deny, Place: p, Err: fmt.Errorf("%w: task %q", why, t.Key.Name)})
	}
	t.reserving = nil
}

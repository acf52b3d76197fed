package app

import (
	"fmt"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
)

// A promise is a caller who waits for what he did to be durable.
type promise struct {
	park seam.Park
	err  error // set before the park is left
}

func (p *promise) keep(err error) {
	p.err = err
	p.park.Unpark()
}

// call is App.call that returns when what was decided is durable. Details of
// what is to be kept are packed before, by the caller.
func (j *journal) call(in *engine.Input) (r answer) {
	packs := false
	ask := func() {
		if packs = in.Details != nil && j.keeps(in); !packs {
			r = j.a.ask(in)
		}
	}
	err := j.durably(ask)
	if packs {
		if in.Details, err = j.a.pack(in.Details); err != nil {
			if in.Op == engine.FirePlace {
				j.a.call(&engine.Input{Op: engine.Unreserve, Place: in.Place})
			}
			r.Result, r.Err = activation.UnknownError, err
			return r
		}
		err = j.durably(func() { r = j.a.ask(in) })
	}
	if err != nil && r.Err == nil {
		r.Err = err
		if r.outcome != nil {
			r.Result = activation.UnknownError
		}
	}
	return r
}

// keeps reports whether the details of a firing may have to be stored. The owner
// calls it.
func (j *journal) keeps(in *engine.Input) bool {
	switch {
	case in.Op == engine.Fire:
		return in.Task.Durable()
	case in.Op == engine.FirePlace:
		return in.Place.Task.Durable()
	}
	return in.Op == engine.Raise
}

// durably runs f as the owner, and waits until what it changed is durable.
func (j *journal) durably(f func()) error {
	var (
		p      *promise
		failed error
	)
	j.a.own(func() {
		before := j.seq
		f()
		switch {
		case j.seq == before || j.seq == j.done || j.a.closed:
		case j.failed != nil:
			failed = fmt.Errorf("%w: %w", ErrStore, j.failed)
		default:
			p = &promise{park: j.a.driver.NewPark()}
			j.held = append(j.held, held{seq: j.seq, wait: p})
		}
	})
	if p == nil {
		return failed
	}
	if err := p.park.Park(nil); err != nil { //nolint:staticcheck // written, fail or close unpark it
		return fmt.Errorf("%w: %w", ErrStore, err) // in a simulation: the process is killed
	}
	return p.err
}

package app

import (
	"context"
	"sync"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
)

// A placing is a strand that waits for a place.
type placing struct {
	park seam.Park
	mu   sync.Mutex // guards the following
	done bool
	err  error
}

func (w *placing) answer(err error) {
	w.mu.Lock()
	w.done, w.err = true, err
	w.mu.Unlock()
	w.park.Unpark()
}

// reserve is Reserve from one scope of the trigger.
func (p *port) reserve(ctx context.Context, scope int) (activation.Slot, error) {
	t := p.is()
	if t == nil {
		return nil, ErrUnbound
	}
	if p.a.inHandler(ctx) {
		return nil, ErrInHandler
	}
	w := &placing{park: p.a.driver.NewPark()}
	place := &engine.Place{Task: t, Scope: scope, Host: w}
	s := &slot{a: p.a, place: place}
	r := p.a.call(&engine.Input{Op: engine.Reserve, Place: place})
	if r.Err != nil {
		return nil, r.Err
	}
	if r.OK {
		return s, nil
	}
	if err := w.park.Park(ctx); err != nil {
		s.Release()
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return nil, w.err
	}
	return s, nil
}

// A slot is a reserved place.
type slot struct {
	a     *App
	place *engine.Place
}

// Fire implements activation.Slot.
func (s *slot) Fire(ctx context.Context, details any) (activation.Receipt, error) {
	return s.a.call(&engine.Input{Op: engine.FirePlace, Place: s.place, Details: details, Origin: origin(ctx)}).receipt()
}

// Release implements activation.Slot.
func (s *slot) Release() { s.a.call(&engine.Input{Op: engine.Unreserve, Place: s.place}) }

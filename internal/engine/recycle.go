package engine

// spareActs is how many activations that are over are kept for new ones: as many
// as a burst leaves behind, and a few megabytes at most.
const spareActs = 4096

// Recycle takes the memory of an instance that is over, and that of its
// activation, for activations to come, and reports whether it did. The host
// calls it after it has carried out the effects of the instance's Over, and must
// not hold on to either anymore; their Host stays, for the next to find.
//
// It does so only for what came to its end in the ordinary way: the first
// attempt, neither canceled nor abandoned, of an activation that is over with it.
// Of everything else somebody may still want to know something.
func (e *Engine) Recycle(i *Instance) bool {
	a := i.Act
	if !i.tidy || !i.released || i != &a.first || a.retrying || e.draining || len(e.spares) == spareActs {
		return false
	}
	*a = Act{Host: a.Host, first: Instance{Host: i.Host}}
	e.spares = append(e.spares, a)
	return true
}

// spare is memory for an activation.
func (e *Engine) spare() *Act {
	last := len(e.spares) - 1
	if last < 0 {
		return new(Act)
	}
	a := e.spares[last]
	e.spares[last] = nil
	e.spares = e.spares[:last]
	return a
}

package peers

import "github.com/sourcegraph/conc/pool"

// fromConc: a pool of at most 256 goroutines; Submit waits when all are busy. It
// keeps a panic for Wait, which panics in turn. Beyond the floor it gives the
// bound, and goroutines that have an owner.
func fromConc() []Contender {
	return []Contender{{
		Name: "conc pool of 256", Kind: Peer, Gives: "reused goroutines, a bound, panics at Wait",
		Dispatch: func() (Dispatcher, error) { return concPool{pool.New().WithMaxGoroutines(256)}, nil },
		Cannot:   poolOnly(),
	}}
}

type concPool struct{ p *pool.Pool }

func (a concPool) Submit(j *Job) { a.p.Go(j.Bare) }

func (a concPool) Close() { a.p.Wait() }

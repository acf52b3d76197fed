package peers

import "github.com/alitto/pond/v2"

// fromPond: a pool whose workers end when there is no work, without a bound
// here, and with an unbounded queue in front. It recovers from panics and makes
// them errors. Beyond the floor it gives counters, groups and, if asked, a
// future for each task.
func fromPond() []Contender {
	return []Contender{{
		Name: "pond", Kind: Peer, Gives: "recovery, counters, groups, a bound if wanted",
		Dispatch: func() (Dispatcher, error) { return pondPool{pond.NewPool(0)}, nil },
		Cannot:   poolOnly(),
	}}
}

type pondPool struct{ p pond.Pool }

func (a pondPool) Submit(j *Job) { must(a.p.Go(j.Bare)) }

func (a pondPool) Close() { a.p.StopAndWait() }

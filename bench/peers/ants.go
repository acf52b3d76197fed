package peers

import (
	"time"

	"github.com/panjf2000/ants/v2"
)

// A pool cannot do what needs a time or a registration.
func poolOnly() map[Ability]string {
	return map[Ability]string{
		Timing:      "a pool: it has no time",
		Registering: "a pool: it has no registrations",
		Simulating:  "a pool: it has no time",
		Storing:     "it keeps what is pending in memory",
	}
}

// fromAnts: a pool whose goroutines are used again, without a bound here. It
// recovers from panics and logs them. Beyond the floor it gives a bound that can
// be changed while it runs. It takes functions: there is no name, context or
// outcome.
func fromAnts() []Contender {
	return []Contender{{
		Name: "ants", Kind: Peer, Gives: "reused goroutines, recovery, a bound if wanted",
		Dispatch: func() (Dispatcher, error) {
			p, err := ants.NewPool(-1)
			return antsPool{p}, err
		},
		Cannot: poolOnly(),
	}}
}

type antsPool struct{ p *ants.Pool }

func (a antsPool) Submit(j *Job) { must(a.p.Submit(j.Bare)) }

func (a antsPool) Close() { must(a.p.ReleaseTimeout(10 * time.Second)) }

package measure

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/bgloop/bgloop/bench/peers"
)

// virtual is how fast virtual time passes.
func virtual(s Sizes) []Scenario {
	return []Scenario{{
		Name: fmt.Sprintf("virtual time: %d minutes", s.Minutes),
		About: fmt.Sprintf("%d tasks are due every minute of a clock that the program moves; all that a minute began is over before the next begins. "+
			"The floor is a heap and a loop that calls functions.", peers.Ticking),
		Ability: peers.Simulating,
		Columns: []Column{{Name: "ns/run", Ratio: true, Plot: true}, {Name: "CPU ns/run"}, {Name: "virtual days/s"}},
		Once:    func(c peers.Contender) ([]float64, error) { return passing(c, s.Minutes) },
	}}
}

func passing(c peers.Contender, minutes int) ([]float64, error) {
	var ran atomic.Int64
	v, err := c.Virtual(func() { ran.Add(1) })
	if err != nil {
		return nil, err
	}
	defer v.Close()
	used, began := CPUTime(), time.Now()
	for range minutes {
		v.Pass()
	}
	took := time.Since(began)
	used = CPUTime() - used
	n := minutes * peers.Ticking
	if got := ran.Load(); got != int64(n) {
		return nil, fmt.Errorf("%d of %d runs", got, n)
	}
	passed := time.Duration(minutes) * peers.TickEvery
	return []float64{float64(took) / float64(n), float64(used) / float64(n), passed.Hours() / 24 / took.Seconds()}, nil
}

package measure

import (
	"fmt"
	"time"

	"github.com/bgloop/bgloop/bench/peers"
)

// year is how long a year takes of one trigger that comes every quarter of an
// hour.
func year(s Sizes) []Scenario {
	return []Scenario{{
		Name: fmt.Sprintf("year: %d days", s.Days),
		About: "One trigger comes every quarter of an hour of virtual time, on the contender's own clock and with its own ticker; " +
			"a year has 35,040 ticks. The floor is a loop that calls a function.",
		Ability: peers.Living,
		Columns: []Column{{Name: "ns/tick", Ratio: true, Plot: true}, {Name: "CPU ns/tick"}, {Name: "ms/year"}},
		Once:    func(c peers.Contender) ([]float64, error) { return living(c, s.Days) },
	}}
}

func living(c peers.Contender, days int) ([]float64, error) {
	used, began := CPUTime(), time.Now()
	n, err := c.Years(days)
	took := time.Since(began)
	used = CPUTime() - used
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, fmt.Errorf("no tick in %d days", days)
	}
	perTick := float64(took) / float64(n)
	return []float64{perTick, float64(used) / float64(n), perTick * 365 * 96 / 1e6}, nil
}

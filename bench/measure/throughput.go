package measure

import (
	"runtime"
	"time"

	"github.com/bgloop/bgloop/bench/peers"
)

// throughput is what a run costs, without any clock being read in it.
func throughput(s Sizes) []Scenario {
	var list []Scenario
	for _, l := range Loads() {
		list = append(list, Scenario{
			Name:    "throughput: " + l.Name,
			About:   "From asking for a job until its handler's signal is seen, per job. CPU is that of all processors for this process.",
			Ability: peers.Dispatching,
			Columns: []Column{
				{Name: "ns/run", Ratio: true, Plot: true},
				{Name: "CPU ns/run", Ratio: true},
				{Name: "runs/s"},
				{Name: "B/run"},
				{Name: "allocs/run"},
			},
			Once: func(c peers.Contender) ([]float64, error) { return cost(c, l, s.Span) },
		})
	}
	return list
}

// cost measures a contender under a load for at least the span.
func cost(c peers.Contender, l Load, span time.Duration) ([]float64, error) {
	d, err := c.Dispatch()
	if err != nil {
		return nil, err
	}
	defer d.Close()
	b := NewBatch(l, d, false)
	b.warm()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, took := 0, time.Duration(0)
	used, began := CPUTime(), time.Now()
	for took < span {
		for range max(1, 64/l.Runs()) { // so that the clock is read seldom
			b.Run()
			n += l.Runs()
		}
		took = time.Since(began)
	}
	used = CPUTime() - used
	runtime.ReadMemStats(&after)
	per := func(x float64) float64 { return x / float64(n) }
	return []float64{
		per(float64(took)), per(float64(used)), float64(n) / took.Seconds(),
		per(float64(after.TotalAlloc - before.TotalAlloc)), per(float64(after.Mallocs - before.Mallocs)),
	}, noPanics()
}

package measure

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/bgloop/bgloop/bench/peers"
)

// openLoop asks for jobs at a fixed rate, whether or not earlier ones are over.
func openLoop(s Sizes) []Scenario {
	var list []Scenario
	for _, rate := range s.Rates {
		list = append(list, Scenario{
			Name: fmt.Sprintf("open loop: %d per second", rate),
			About: "Jobs are asked for at a fixed rate. Each counts from the instant at which it should have been asked for, " +
				"so one that waits for its turn to be asked for is late as well: no omission is coordinated. Microseconds. " +
				"Kept up is the rate achieved as a share of the one wanted.",
			Ability: peers.OpenLoop, Size: rate,
			Columns: append(percentileColumns("µs"), Column{Name: "kept up %"}),
			Once:    func(c peers.Contender) ([]float64, error) { return paced(c, rate, s.OpenSpan) },
		})
	}
	return list
}

// paced asks for jobs at the rate for the span.
func paced(c peers.Contender, rate int, span time.Duration) ([]float64, error) {
	d, err := c.Dispatch()
	if err != nil {
		return nil, err
	}
	defer d.Close()
	NewBatch(Loads()[0], d, false).warm()
	var done sync.WaitGroup
	n := max(1, int(span.Seconds()*float64(rate)))
	jobs := peers.NewJobs(n, &done)
	done.Add(n)
	gap := int64(time.Second) / int64(rate)
	began := peers.Now() + gap
	for i, j := range jobs {
		j.Timed, j.Due = true, began+int64(i)*gap
		for peers.Now() < j.Due { // a sleep would be late by itself
			runtime.Gosched()
		}
		d.Submit(j)
	}
	done.Wait()
	t, last := newTimes(), int64(0)
	for _, j := range jobs {
		if err := t.record(j, 0); err != nil {
			return nil, err
		}
		last = max(last, j.Ended)
	}
	wanted := float64(int64(n) * gap)
	return append(t.columns(time.Microsecond), 100*wanted/max(wanted, float64(last-began))), noPanics()
}

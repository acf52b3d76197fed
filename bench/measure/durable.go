package measure

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/bgloop/bgloop/bench/peers"
)

// durable is what a job costs that is stored before it is accepted.
func durable(s Sizes) []Scenario {
	about := "Submit returns when the job is on the disk. The floor appends 104 bytes to a file and syncs it. " +
		"The disk is that of the directory for temporary files. Microseconds, as in latency."
	columns := []Column{
		{Name: "µs/run", Ratio: true, Plot: true},
		{Name: "CPU µs/run", Ratio: true},
		{Name: "start p50 µs", Ratio: true},
		{Name: "start p99 µs"},
		{Name: "done p50 µs"},
		{Name: "done p99 µs"},
	}
	var list []Scenario
	for _, l := range []Load{{"one at a time", 1, 1}, {fmt.Sprintf("burst of %d, 1 producer", s.Stored), 1, s.Stored}} {
		list = append(list, Scenario{
			Name: "durable: " + l.Name, About: about, Ability: peers.Storing, Columns: columns, Every: 2,
			Once: func(c peers.Contender) ([]float64, error) { return stored(c, l, s.Stored) },
		})
	}
	return list
}

// stored runs n jobs.
func stored(c peers.Contender, l Load, n int) (found []float64, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	d, err := c.Durable(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var done sync.WaitGroup
	jobs, t := peers.NewJobs(n, &done), newTimes()
	used, began := CPUTime(), time.Now()
	for ; len(jobs) >= l.Each; jobs = jobs[l.Each:] {
		done.Add(l.Each)
		for _, j := range jobs[:l.Each] {
			j.Timed, j.Due = true, peers.Now()
			d.Submit(j)
		}
		done.Wait()
		for _, j := range jobs[:l.Each] {
			if err := t.record(j, 0); err != nil {
				return nil, err
			}
		}
	}
	took, all := time.Since(began), t.columns(time.Microsecond)
	used = CPUTime() - used
	return []float64{
		float64(took) / 1e3 / float64(n), float64(used) / 1e3 / float64(n), all[0], all[1], all[3], all[4],
	}, noPanics()
}

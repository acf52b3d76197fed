package measure

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bgloop/bgloop/bench/peers"
)

// timers is how late jobs begin that are due at given times.
func timers(s Sizes) []Scenario {
	about := "From the instant at which each job is due to the first line of its handler. " +
		"CPU is for setting and running it. Early and lost must be none."
	columns := []Column{
		{Name: "late p50 µs", Ratio: true, Plot: true},
		{Name: "late p99 µs", Ratio: true},
		{Name: "late p99.9 µs"},
		{Name: "late max µs"},
		{Name: "CPU ns/timer", Ratio: true},
		{Name: "set ns/timer"},
		{Name: "early"},
	}
	return []Scenario{
		{
			Name: fmt.Sprintf("timers: %d due over %v", s.Timers, s.TimerSpan), About: about,
			Ability: peers.Timing, Size: s.Timers, Columns: columns, Every: 5,
			Once: func(c peers.Contender) ([]float64, error) { return lateness(c, s.Timers, s.TimerSpan) },
		},
		{
			Name: fmt.Sprintf("timers: %d due at one instant", s.Instant), About: about,
			Ability: peers.Timing, Size: s.Instant, Columns: columns, Every: 2,
			Once: func(c peers.Contender) ([]float64, error) { return lateness(c, s.Instant, 0) },
		},
	}
}

var errSetTooLate = errors.New("timers were set after they were due")

// lateness has n jobs fall due over the span. Where setting them takes longer
// than was thought they are set again, with more time to do so.
func lateness(c peers.Contender, n int, span time.Duration) ([]float64, error) {
	lead := c.Lead
	if lead == 0 {
		lead = 10 * time.Microsecond
	}
	for try := 1; ; try++ {
		found, err := fallDue(c, n, span, time.Duration(n)*lead+100*time.Millisecond)
		if !errors.Is(err, errSetTooLate) || try == 4 {
			return found, err
		}
		lead *= 3
	}
}

func fallDue(c peers.Contender, n int, span, lead time.Duration) (found []float64, err error) {
	t, err := c.Time()
	if err != nil {
		return nil, err
	}
	defer t.Close()
	var done sync.WaitGroup
	jobs := peers.NewJobs(n, &done)
	done.Add(n)
	used, began := CPUTime(), peers.Now()
	first := began + int64(lead)
	for i, j := range jobs {
		j.Timed, j.Due = true, first+int64(span)*int64(i)/int64(n)
		if err := t.At(peers.At(j.Due), j); err != nil {
			if peers.Now() > j.Due-int64(2*peers.Near) {
				err = errSetTooLate
			}
			return nil, err
		}
	}
	if err := t.Start(); err != nil {
		return nil, err
	}
	set := peers.Now() - began
	if began+set > first {
		done.Wait() // so that they are not in the way of who comes next
		return nil, errSetTooLate
	}
	done.Wait()
	used = CPUTime() - used
	h, early := newHistogram(), 0
	for _, j := range jobs {
		if j.Began < j.Due {
			early++
		}
		if err := h.RecordValue(max(0, j.Began-j.Due)); err != nil {
			return nil, err
		}
	}
	for _, p := range []float64{50, 99, 99.9, 100} {
		found = append(found, float64(h.ValueAtPercentile(p))/1e3)
	}
	return append(found, float64(used)/float64(n), float64(set)/float64(n), float64(early)), noPanics()
}

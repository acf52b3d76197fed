package measure

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
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
			Ability: peers.Timing, Size: s.Timers, Columns: columns,
			Once: func(c peers.Contender) ([]float64, error) { return lateness(c, s.Timers, s.TimerSpan) },
		},
		{
			Name: fmt.Sprintf("timers: %d due at one instant", s.Instant), About: about,
			Ability: peers.Timing, Size: s.Instant, Columns: columns,
			Once: func(c peers.Contender) ([]float64, error) { return lateness(c, s.Instant, 0) },
		},
		{
			Name: fmt.Sprintf("timers: %d that recur, every %v", s.Recurring, s.Period),
			About: "The same rate as above, of jobs that stand and come again and again: nothing is set or removed meanwhile. " +
				"From the instant at which each run is due to the first line of its handler. CPU is for running it.",
			Ability: peers.Recur, Size: s.Recurring, Every: 5,
			Columns: slices.DeleteFunc(slices.Clone(columns), func(c Column) bool { return c.Name == "set ns/timer" }),
			Once:    func(c peers.Contender) ([]float64, error) { return recurring(c, s) },
		},
	}
}

// recurring lets jobs come again and again for about the span.
func recurring(c peers.Contender, s Sizes) ([]float64, error) {
	var n atomic.Int64
	late := make([]int64, int(s.TimerSpan/s.Period)*s.Recurring)
	var done sync.WaitGroup
	done.Add(len(late))
	t, err := c.Recur(func(due int64) {
		now := peers.Now()
		if i := int(n.Add(1)); i <= len(late) { // else it is over
			late[i-1] = now - due
			done.Done()
		}
	})
	if err != nil {
		return nil, err
	}
	defer t.Close()
	first := peers.Now() + int64(s.Recurring)*int64(25*time.Microsecond) + int64(100*time.Millisecond)
	for i := range s.Recurring {
		if err := t.Every(peers.At(first+int64(s.Period)*int64(i)/int64(s.Recurring)), s.Period); err != nil {
			return nil, err
		}
	}
	if err := t.Start(); err != nil {
		return nil, err
	}
	used := CPUTime()
	done.Wait()
	used = CPUTime() - used
	found, early, err := lateOf(late)
	return append(found, float64(used)/float64(len(late)), early), errors.Join(err, noPanics())
}

// lateOf are the columns of how late each was, and how many were early.
func lateOf(late []int64) (found []float64, early float64, err error) {
	h := newHistogram()
	for _, d := range late {
		if d < 0 {
			early++
		}
		if err := h.RecordValue(max(0, d)); err != nil {
			return nil, 0, err
		}
	}
	for _, p := range []float64{50, 99, 99.9, 100} {
		found = append(found, float64(h.ValueAtPercentile(p))/1e3)
	}
	return found, early, nil
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
	late := make([]int64, n)
	for i, j := range jobs {
		late[i] = j.Began - j.Due
	}
	found, early, err := lateOf(late)
	return append(found, float64(used)/float64(n), float64(set)/float64(n), early), errors.Join(err, noPanics())
}

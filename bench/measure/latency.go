package measure

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/bgloop/bgloop/bench/peers"
)

// latency is how long each job takes to begin and to end.
func latency(s Sizes) []Scenario {
	var list []Scenario
	for _, l := range Loads() {
		about := "From asking for each job to the first line of its handler (start), and to its last line (done)."
		if l.Runs() == 1 {
			about = "From asking for a job to the first line of its handler (start), and until who asked has seen its signal (done)."
		}
		list = append(list, Scenario{
			Name: "latency: " + l.Name, About: about + " Nanoseconds; three readings of the clock are in them.",
			Ability: peers.Dispatching, Columns: percentileColumns("ns"),
			Once: func(c peers.Contender) ([]float64, error) { return percentiles(c, l, s.Span) },
		})
	}
	return list
}

func percentileColumns(unit string) []Column {
	return []Column{
		{Name: "start p50 " + unit, Ratio: true, Plot: true},
		{Name: "start p99 " + unit, Ratio: true},
		{Name: "start p99.9 " + unit},
		{Name: "done p50 " + unit, Ratio: true},
		{Name: "done p99 " + unit},
		{Name: "done p99.9 " + unit},
	}
}

// times are the two histograms of a measurement, in nanoseconds.
type times struct{ start, done *hdrhistogram.Histogram }

func newTimes() times { return times{newHistogram(), newHistogram()} }

// newHistogram keeps three digits of what is up to a minute.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, int64(time.Minute), 3) }

// record notes a job that is over; seen is when that was noticed, 0 if nobody looked.
func (t times) record(j *peers.Job, seen int64) error {
	if seen == 0 {
		seen = j.Ended
	}
	if err := t.start.RecordValue(max(0, j.Began-j.Due)); err != nil {
		return err
	}
	return t.done.RecordValue(max(0, seen-j.Due))
}

// columns are the values for percentileColumns.
func (t times) columns(unit time.Duration) []float64 {
	var list []float64
	for _, h := range []*hdrhistogram.Histogram{t.start, t.done} {
		for _, p := range []float64{50, 99, 99.9} {
			list = append(list, float64(h.ValueAtPercentile(p))/float64(unit))
		}
	}
	return list
}

func percentiles(c peers.Contender, l Load, span time.Duration) ([]float64, error) {
	d, err := c.Dispatch()
	if err != nil {
		return nil, err
	}
	defer d.Close()
	b, t := NewBatch(l, d, true), newTimes()
	b.warm()
	for began := time.Now(); time.Since(began) < span; {
		b.Run()
		seen := int64(0)
		if l.Runs() == 1 {
			seen = peers.Now()
		}
		for _, j := range b.jobs {
			if err := t.record(j, seen); err != nil {
				return nil, err
			}
		}
	}
	return t.columns(1), noPanics()
}

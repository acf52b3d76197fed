package main

import (
	"runtime"
	"slices"
	"sync"
	"time"
)

// A contender is one way to run a task.
type contender struct {
	name  string
	gives string // what it gives that the floor does not
	open  func() (target, error)
}

// A target is a contender that is ready to run.
type target struct {
	produce func(n int) // asks for n runs; each producer calls it once in a batch
	wait    func()      // waits for what has been asked for; nil if produce does
	close   func()      // nil if there is nothing to close
}

// A load is how runs are asked for.
type load struct {
	name      string
	producers int
	each      int // runs that a producer asks for before it waits
}

// runs is how many runs one batch has.
func (l load) runs() int { return l.producers * l.each }

func loads() []load {
	return []load{
		{"one at a time", 1, 1},
		{"burst of 1024, 1 producer", 1, 1024},
		{"burst of 1024, 8 producers", 8, 128},
	}
}

// batch asks for a batch of runs and waits until they are over.
func (t target) batch(l load) {
	if l.producers == 1 {
		t.produce(l.each)
	} else {
		var all sync.WaitGroup
		for range l.producers {
			all.Go(func() { t.produce(l.each) })
		}
		all.Wait()
	}
	if t.wait != nil {
		t.wait()
	}
}

func (t target) end() {
	if t.close != nil {
		t.close()
	}
}

// A figure is what one measurement found, per run.
type figure struct {
	NS     float64 `json:"ns"`
	CPU    float64 `json:"cpuNs"` // of all processors; other processes count little
	Bytes  float64 `json:"bytes"`
	Allocs float64 `json:"allocs"`
}

// once measures a contender under a load for at least the span.
func once(c contender, l load, span time.Duration) (figure, error) {
	t, err := c.open()
	if err != nil {
		return figure{}, err
	}
	defer t.end()
	for range max(3, 1024/l.runs()) { // to warm up
		t.batch(l)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, took := 0, time.Duration(0)
	used, began := cpuTime(), time.Now()
	for took < span {
		for range max(1, 256/l.runs()) { // so that the clock is read seldom
			t.batch(l)
			n += l.runs()
		}
		took = time.Since(began)
	}
	used = cpuTime() - used
	runtime.ReadMemStats(&after)
	return figure{
		NS:     float64(took) / float64(n),
		CPU:    float64(used) / float64(n),
		Bytes:  float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
		Allocs: float64(after.Mallocs-before.Mallocs) / float64(n),
	}, nil
}

// measure measures every contender under every load once in each round. Each
// round begins with another contender, so that none always follows the same.
func measure(cs []contender, rounds int, span time.Duration, tell func(round int)) (*report, error) {
	r := newReport(cs, rounds, span)
	for round := range rounds {
		tell(round + 1)
		for li, l := range loads() {
			for i := range cs {
				ci := (i + round) % len(cs)
				f, err := once(cs[ci], l, span)
				if err != nil {
					return nil, err
				}
				row := &r.Loads[li].Rows[ci]
				row.Rounds = append(row.Rounds, f)
			}
		}
	}
	r.finish()
	return r, nil
}

// quartiles are the lower quartile, the median and the upper quartile of xs,
// which is sorted by it and has at least one element.
func quartiles(xs []float64) (q [3]float64) {
	slices.Sort(xs)
	for i := range q {
		at := float64(len(xs)-1) * float64(i+1) / 4
		low := int(at)
		high := min(low+1, len(xs)-1)
		q[i] = xs[low] + (xs[high]-xs[low])*(at-float64(low))
	}
	return q
}

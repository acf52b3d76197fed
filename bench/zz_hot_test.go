package main

import (
	"testing"
	"time"

	"github.com/bgloop/bgloop/bench/measure"
	"github.com/bgloop/bgloop/bench/peers"
)

// min over slices of ~10ms
func BenchmarkHot(b *testing.B) {
	for _, l := range measure.Loads() {
		for _, c := range peers.All() {
			if !c.Has(peers.Dispatching) {
				continue
			}
			b.Run(l.Name+"/"+c.Name, func(b *testing.B) {
				d, err := c.Dispatch()
				if err != nil {
					b.Fatal(err)
				}
				defer d.Close()
				batch := measure.NewBatch(l, d, false)
				for t := time.Now(); time.Since(t) < 30*time.Millisecond; {
					batch.Run()
				}
				var walls, cpus []float64
				for range 25 {
					n := 0
					t, u := time.Now(), measure.CPUTime()
					for time.Since(t) < 12*time.Millisecond {
						k := max(1, 256/l.Runs())
						for range k {
							batch.Run()
						}
						n += k * l.Runs()
					}
					walls = append(walls, float64(time.Since(t))/float64(n))
					cpus = append(cpus, float64(measure.CPUTime()-u)/float64(n))
				}
				b.ReportMetric(quart(walls), "wall")
				b.ReportMetric(quart(cpus), "cpu")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func quart(v []float64) float64 {
	for i := range v {
		for j := i; j > 0 && v[j] < v[j-1]; j-- {
			v[j], v[j-1] = v[j-1], v[j]
		}
	}
	return v[len(v)/4]
}

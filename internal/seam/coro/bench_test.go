package coro_test

import (
	"testing"
	"time"

	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/coro"
)

// BenchmarkSleep is an alarm, its ring and a strand's turn: two steps.
func BenchmarkSleep(b *testing.B) {
	bench := func(name string, opts ...coro.Option) {
		b.Run(name, func(b *testing.B) {
			w := world(b, opts...)
			for range 8 {
				spawn(w, func() {
					p := w.NewPark()
					for {
						w.AfterFunc(time.Second, p.Unpark)
						wait(p)
					}
				})
			}
			w.Idle()
			b.ReportAllocs()
			b.ResetTimer()
			before := w.Steps()
			w.RunFor(time.Duration(b.N) * time.Second)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(w.Steps()-before), "ns/step")
		})
	}
	bench("pull")
	bench("handoff", coro.WithHandoff())
	bench("strict", coro.WithStrict())
}

func BenchmarkSpawn(b *testing.B) {
	w := world(b)
	j := seam.JobFunc(func() {})
	b.ReportAllocs()
	for b.Loop() {
		w.Spawn(j)
		w.Idle()
	}
}

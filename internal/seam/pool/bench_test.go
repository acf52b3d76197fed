package pool_test

import (
	"testing"

	"github.com/bgloop/bgloop/internal/seam/pool"
)

// The floor of each is a bare goroutine that does the same.

func BenchmarkSpawnOneAtATime(b *testing.B) {
	s := &signal{make(chan struct{})}
	run := s.Run
	b.Run("pool", func(b *testing.B) {
		p := pool.New()
		defer p.Close()
		b.ReportAllocs()
		for b.Loop() {
			p.Spawn(s)
			<-s.done
		}
	})
	b.Run("go", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			go run()
			<-s.done
		}
	})
}

func BenchmarkSpawnBurst(b *testing.B) {
	const burst = 256
	s := &signal{make(chan struct{}, burst)} // slots: the jobs are not to block
	run := s.Run
	drain := func() {
		for range burst {
			<-s.done
		}
	}
	b.Run("pool", func(b *testing.B) {
		p := pool.New()
		defer p.Close()
		b.ReportAllocs()
		for b.Loop() {
			for range burst {
				p.Spawn(s)
			}
			drain()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/burst, "ns/job")
	})
	b.Run("go", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for range burst {
				go run()
			}
			drain()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/burst, "ns/job")
	})
}

func BenchmarkPark(b *testing.B) {
	p := pool.New().NewPark()
	b.ReportAllocs()
	for b.Loop() {
		p.Unpark()
		_ = p.Park(b.Context())
	}
}

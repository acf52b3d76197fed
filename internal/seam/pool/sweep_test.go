package pool_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/pool"
)

// A job that the sweep after another begins runs in its place: a thousand that
// follow each other take one worker.
func TestJobsOfSweepsTakeThePlace(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool.Pool) {
		before, ran, swept := runtime.NumGoroutine(), 0, 0
		job := seam.JobFunc(func() { ran++ })
		p.Sweep(func() {
			if swept < ran && ran < 1000 {
				swept = ran
				p.Spawn(job)
			}
		})
		p.Spawn(job)
		synctest.Wait()
		if got := runtime.NumGoroutine() - before; ran != 1000 || got != 1 {
			t.Errorf("%d jobs ran on %d workers, want 1000 on 1", ran, got)
		}
	})
}

// What jobs leave is swept when all is quiet, whichever of them block.
func TestNothingIsLeftUnswept(t *testing.T) {
	for blocked := range 40 { // which of a burst blocks
		bubble(t, func(t *testing.T, p *pool.Pool) {
			var left atomic.Int32
			p.Sweep(func() { left.Store(0) })
			hold := make(chan struct{})
			for i := range 40 {
				p.Spawn(seam.JobFunc(func() {
					if i == blocked || i == 39 {
						<-hold
					}
					left.Add(1)
				}))
			}
			synctest.Wait()
			if got := left.Load(); got != 0 {
				t.Errorf("while number %d blocks: the work of %d jobs is unswept", blocked, got)
			}
			close(hold)
			synctest.Wait()
			if got := left.Load(); got != 0 {
				t.Errorf("at the end: the work of %d jobs is unswept", got)
			}
		})
	}
}

// A burst of short jobs is swept now and then, and not after each.
func TestSweepsAreFew(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool.Pool) {
		var sweeps atomic.Int32
		p.Sweep(func() { sweeps.Add(1) })
		hold := make(chan struct{})
		p.Spawn(seam.JobFunc(func() { <-hold }))
		for range 2 * runtime.GOMAXPROCS(0) {
			p.Spawn(seam.JobFunc(func() { <-hold }))
		}
		synctest.Wait()
		sweeps.Store(0)
		for range 1600 {
			p.Spawn(seam.JobFunc(func() {}))
		}
		synctest.Wait()
		if got := sweeps.Load(); got == 0 || got > 800 {
			t.Errorf("sweeps of 1,600 jobs: got %d, want some hundred at most", got)
		}
		close(hold)
	})
}

// What sweeps begin holds nothing back, though some of it blocks: neither each
// other nor what is spawned meanwhile.
func TestJobsOfSweepsHoldNoneBack(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool.Pool) {
		hold := make(chan struct{})
		var ran, wanted atomic.Int32
		p.Sweep(func() {
			for wanted.Load() > 0 {
				wanted.Add(-1)
				p.Spawn(seam.JobFunc(func() { ran.Add(1); <-hold }))
			}
		})
		for range 100 {
			p.Spawn(seam.JobFunc(func() { ran.Add(1); wanted.Add(3) }))
		}
		synctest.Wait()
		if got := ran.Load(); got != 400 {
			t.Errorf("jobs that ran: got %d, want 400", got)
		}
		close(hold)
	})
}

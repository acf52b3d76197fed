package pool_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/pool"
)

// A job that is begun last of all by another runs in its place: a thousand that
// hand on take one worker.
func TestLastJobTakesThePlace(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool.Pool) {
		before, ran := runtime.NumGoroutine(), 0
		var next seam.JobFunc
		next = func() {
			if ran++; ran < 1000 {
				p.SpawnLast(next)
			}
		}
		p.Spawn(next)
		synctest.Wait()
		if got := runtime.NumGoroutine() - before; ran != 1000 || got > 1 { // none: a goroutine of an earlier test ended
			t.Errorf("%d jobs ran on %d workers, want 1000 on 1", ran, got)
		}
	})
}

// What jobs begin last holds nothing back, though some of it blocks: neither
// each other nor what is spawned meanwhile.
func TestLastJobsHoldNoneBack(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool.Pool) {
		hold := make(chan struct{})
		var ran atomic.Int32
		var family func(depth int) seam.JobFunc
		family = func(depth int) seam.JobFunc {
			return func() {
				ran.Add(1)
				if depth == 0 {
					<-hold
					return
				}
				for range 3 {
					p.SpawnLast(family(depth - 1))
				}
			}
		}
		for range 10 {
			p.Spawn(family(4))
		}
		synctest.Wait()
		if got, want := ran.Load(), int32(10*(1+3+9+27+81)); got != want {
			t.Errorf("jobs that ran: got %d, want %d", got, want)
		}
		close(hold)
	})
}

package pool_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/pool"
)

// A teller is a job that leaves something to tell.
type teller struct {
	untold bool // it was run by RunUntold
	told   atomic.Int32
}

func (t *teller) Run() { t.told.Add(1) }

func (t *teller) RunUntold() bool { t.untold = true; return true }

func (t *teller) Tell(all []seam.Teller, _ bool) {
	if all[0] != seam.Teller(t) {
		panic("the receiver is not the first")
	}
	for _, o := range all {
		o.(*teller).told.Add(1)
	}
}

func TestEachThatLeavesSomethingIsToldOnce(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool.Pool) {
		crowd := make([]teller, 1000)
		for i := range crowd {
			p.Spawn(&crowd[i])
			switch i % 10 {
			case 3:
				p.Spawn(seam.JobFunc(runtime.Goexit))
			case 7:
				synctest.Wait() // all of them are idle
			}
		}
		synctest.Wait()
		for i := range crowd {
			if got := crowd[i].told.Load(); got != 1 {
				t.Fatalf("job %d was told %d times", i, got)
			}
		}
	})
}

// A job that is alone tells by itself.
func TestAJobAloneLeavesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool.Pool) {
		for range 10 {
			var alone teller
			p.Spawn(&alone)
			synctest.Wait()
			if alone.untold || alone.told.Load() != 1 {
				t.Fatalf("a job alone: untold is %v, and it told %d times", alone.untold, alone.told.Load())
			}
		}
	})
}

// What is left does not wait for jobs that block.
func TestBlockedJobsHoldBackNothingThatIsLeft(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool.Pool) {
		hold := make(chan struct{})
		crowd := make([]teller, 100)
		p.Spawn(seam.JobFunc(func() {
			for i := range crowd {
				p.Spawn(&crowd[i])
				p.Spawn(seam.JobFunc(func() { <-hold }))
			}
		}))
		synctest.Wait()
		for i := range crowd {
			if got := crowd[i].told.Load(); got != 1 {
				t.Errorf("job %d was told %d times while others block, want once", i, got)
			}
		}
		close(hold)
	})
}

package pool_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/pool"
	"github.com/bgloop/bgloop/internal/seam/seamtest"
)

// bubble runs f with a pool, which is closed at the end. A goroutine that is
// left then fails the test.
func bubble(t *testing.T, f func(*testing.T, *pool.Pool)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := pool.New()
		defer p.Close()
		f(t, p)
	})
}

// A signal is a job that says it ran. As a pointer it is spawned for free.
type signal struct{ done chan struct{} }

func (s *signal) Run() { s.done <- struct{}{} }

func TestPoolIsADriver(t *testing.T) {
	seamtest.Exercise(t, func(t *testing.T, story func(*testing.T, seamtest.Host)) {
		bubble(t, func(t *testing.T, p *pool.Pool) {
			story(t, seamtest.Host{Driver: p, Settle: synctest.Wait})
		})
	})
}

func TestBlockedJobsHoldBackNoneOfAThousand(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool.Pool) {
		hold := make(chan struct{})
		for range 4 * runtime.GOMAXPROCS(0) {
			p.Spawn(seam.JobFunc(func() { <-hold }))
		}
		var ran atomic.Int32
		for range 1000 {
			p.Spawn(seam.JobFunc(func() { ran.Add(1) }))
		}
		synctest.Wait()
		if got := ran.Load(); got != 1000 {
			t.Errorf("jobs that ran behind blocked ones: got %d, want 1000", got)
		}
		close(hold)
	})
}

func TestNoGoroutineBeforeTheFirstSpawn(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 100 {
		pool.New()
	}
	if got := runtime.NumGoroutine(); got > before {
		t.Errorf("goroutines after 100 New: got %d, want %d", got, before)
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	tests := []struct {
		name  string
		story func(p *pool.Pool)
	}{
		{"never used", func(p *pool.Pool) { p.Close() }},
		{"idle workers", func(p *pool.Pool) { crowd(p, 20); p.Close() }},
		{"busy workers", func(p *pool.Pool) {
			hold := make(chan struct{})
			for range 20 {
				p.Spawn(seam.JobFunc(func() { <-hold }))
			}
			synctest.Wait()
			p.Close()
			close(hold)
		}},
		{"jobs not yet begun", func(p *pool.Pool) {
			for range 100 {
				p.Spawn(seam.JobFunc(func() {}))
			}
			p.Close()
		}},
		{"spawned after Close", func(p *pool.Pool) { p.Close(); crowd(p, 20) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(*testing.T) { tt.story(pool.New()) })
		})
	}
}

// crowd makes n workers busy at once and returns when they no longer are.
func crowd(p *pool.Pool, n int) {
	hold := make(chan struct{})
	for range n {
		p.Spawn(seam.JobFunc(func() { <-hold }))
	}
	synctest.Wait()
	close(hold)
	synctest.Wait()
}

func TestWorkersAreReused(t *testing.T) {
	p := pool.New()
	defer p.Close()
	before := runtime.NumGoroutine()
	s := &signal{make(chan struct{})}
	most := 0
	for range 100_000 {
		p.Spawn(s)
		<-s.done
		most = max(most, runtime.NumGoroutine()-before)
	}
	if want := 2*runtime.GOMAXPROCS(0) + 2; most > want {
		t.Errorf("goroutines over 100,000 jobs in turn: got %d, want at most %d", most, want)
	}
}

func TestSpawnAllocatesNothing(t *testing.T) {
	p := pool.New()
	defer p.Close()
	s := &signal{make(chan struct{})}
	if got := testing.AllocsPerRun(100, func() { p.Spawn(s); <-s.done }); got != 0 {
		t.Errorf("allocations of a job alone: got %v, want 0", got)
	}
}

func TestParkAllocatesNothing(t *testing.T) {
	p := pool.New().NewPark()
	ctx := t.Context()
	if got := testing.AllocsPerRun(100, func() { p.Unpark(); _ = p.Park(ctx) }); got != 0 {
		t.Errorf("allocations: got %v, want 0", got)
	}
}

// TestManySpawnersLoseNothing is for the race detector: jobs that end, exit
// and block, spawned by many, closed half-way.
func TestManySpawnersLoseNothing(t *testing.T) {
	bubble(t, func(t *testing.T, p *pool.Pool) {
		var ran atomic.Int32
		for who := range 8 {
			go func() {
				for i := range 500 {
					p.Spawn(seam.JobFunc(func() {
						ran.Add(1)
						switch i % 5 {
						case 0:
							runtime.Goexit()
						case 1:
							runtime.Gosched()
						}
					}))
					if who == 3 && i == 250 {
						p.Close()
					}
				}
			}()
		}
		synctest.Wait()
		if got := ran.Load(); got != 4000 {
			t.Errorf("jobs that ran: got %d, want 4000", got)
		}
	})
}

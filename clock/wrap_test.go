package clock_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	bb "github.com/benbjohnson/clock"

	"github.com/bgloop/bgloop/clock"
)

func TestWrapNilIsNil(t *testing.T) {
	if c := clock.Wrap(nil); c != nil {
		t.Errorf("Wrap(nil): got %v, want nil", c)
	}
}

func TestWrappedMockFiresZeroWithoutAdd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mock := bb.NewMock()
		direct, wrapped := 0, 0
		mock.AfterFunc(0, func() { direct++ })
		clock.Wrap(mock).AfterFunc(0, func() { wrapped++ })
		synctest.Wait()
		if direct != 0 || wrapped != 1 {
			t.Errorf("without Add: got %d calls of Mock's own and %d of the wrapped timer, want 0 and 1", direct, wrapped)
		}
	})
}

func TestWrappedMockFollowsItsReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mock := bb.NewMock()
		c := clock.Wrap(mock)
		start := c.Now()
		var calls atomic.Int32
		c.AfterFunc(time.Hour, func() { calls.Add(1) })
		mock.Set(start.Add(-time.Hour))
		if got, want := c.Now(), start.Add(-time.Hour); !got.Equal(want) {
			t.Errorf("Now after Set: got %v, want %v", got, want)
		}
		mock.Add(2*time.Hour - 1)
		synctest.Wait()
		if n := calls.Load(); n != 0 {
			t.Errorf("short of the reading it is due at: got %d calls, want none", n)
		}
		mock.Set(start.Add(time.Hour))
		synctest.Wait()
		if n := calls.Load(); n != 1 {
			t.Errorf("at the reading it is due at: got %d calls, want 1", n)
		}
	})
}

// Outside a bubble, so that Add and Stop race in earnest. Thousands of timers
// and two goroutines keep the mock's lock so busy that it is handed out in turn,
// and a Stop often gets it between the mock's picking of a timer and its firing.
func TestWrappedMockNeverFiresWhatWasStopped(t *testing.T) {
	mock := bb.NewMock()
	for range 4000 {
		mock.AfterFunc(time.Hour, nothing)
	}
	var over atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for !over.Load() {
				mock.AfterFunc(time.Hour, nothing).Stop() // sorts all
			}
		})
	}
	c := clock.Wrap(mock)
	for i := range 12 {
		var called atomic.Bool
		timer := c.AfterFunc(1, func() { called.Store(true) })
		stopped := make(chan bool)
		go func() { c.Now(); stopped <- timer.Stop() }()
		mock.Add(1)
		if <-stopped && called.Load() {
			t.Errorf("round %d: called although Stop returned true", i)
		}
	}
	over.Store(true)
	wg.Wait()
}

package clock_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/clock"
)

// On the system's own time a Precise calls each function once, none before it is
// due, and those that are due apart in the order of their due times. Whoever
// arms them may be held up in between, so that an instant is known to lie between
// two readings only.
func TestPreciseOnTheSystemsTime(t *testing.T) {
	type call struct{ earliest, latest, at time.Duration }
	c := clock.Precise()
	began := c.Now()
	passed := func() time.Duration { return c.Now().Sub(began) }
	delays := []time.Duration{7, 2, 9, 0, 5, 1, 8, 3, 6, 4, 7, 7}
	calls := make([]call, len(delays))
	var mu sync.Mutex
	var order []int
	var all sync.WaitGroup
	for i, d := range delays {
		d *= 2 * time.Millisecond
		all.Add(1)
		calls[i].earliest = passed() + d
		c.AfterFunc(d, func() {
			defer all.Done()
			mu.Lock()
			defer mu.Unlock()
			calls[i].at = passed()
			order = append(order, i)
		})
		calls[i].latest = passed() + d
	}
	stopped := c.AfterFunc(time.Hour, func() { t.Error("called after Stop") })
	all.Wait()
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop: want true once")
	}
	if len(order) != len(delays) {
		t.Errorf("got %d calls, want %d", len(order), len(delays))
	}
	for n, i := range order {
		if calls[i].at < calls[i].earliest {
			t.Errorf("called at %v, due not before %v", calls[i].at, calls[i].earliest)
		}
		for _, before := range order[:n] {
			if runtime.GOOS == "linux" && calls[i].latest < calls[before].earliest {
				t.Errorf("due by %v, called after one that is due from %v", calls[i].latest, calls[before].earliest)
			}
		}
	}
}

// A Precise holds a descriptor and a goroutine only while a timer is armed, and
// takes others when the next one is.
func TestPreciseGivesBackWhatItHolds(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no timerfd")
	}
	c := clock.Precise()
	until(t, func() bool { return timerfds(t) == 0 }) // those of other tests
	for range 3 {
		a, b := c.AfterFunc(time.Hour, func() {}), c.AfterFunc(time.Minute, func() {})
		if n := timerfds(t); n != 1 {
			t.Errorf("with two timers: got %d descriptors, want 1", n)
		}
		a.Stop()
		if n := timerfds(t); n != 1 {
			t.Errorf("with one timer: got %d descriptors, want 1", n)
		}
		b.Stop()
		until(t, func() bool { return timerfds(t) == 0 })
		called := make(chan bool)
		c.AfterFunc(time.Millisecond, func() { close(called) })
		<-called
		until(t, func() bool { return timerfds(t) == 0 })
	}
}

// until waits for something that is about to happen.
func until(t *testing.T, happened func() bool) {
	t.Helper()
	for !happened() {
		if t.Context().Err() != nil {
			t.Fatal("it does not happen")
		}
		runtime.Gosched()
	}
}

// timerfds is how many of them this process has open.
func timerfds(t *testing.T) (n int) {
	t.Helper()
	list, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		if to, err := os.Readlink(name); err == nil && strings.Contains(to, "timerfd") {
			n++
		}
	}
	return n
}

// A function that ends its goroutine ends no other's call.
func TestPreciseSurvivesGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.PreciseInBubble()
		var calls atomic.Int32
		c.AfterFunc(time.Second, runtime.Goexit)
		c.AfterFunc(time.Second, func() { calls.Add(1) })
		c.AfterFunc(time.Minute, func() { calls.Add(1) })
		time.Sleep(time.Second)
		synctest.Wait()
		if n := calls.Load(); n != 1 {
			t.Errorf("after a second: got %d calls, want 1", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := calls.Load(); n != 2 {
			t.Errorf("after a minute more: got %d calls, want 2", n)
		}
	})
}

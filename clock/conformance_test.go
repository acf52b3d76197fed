package clock_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	bb "github.com/benbjohnson/clock"

	"github.com/bgloop/bgloop/clock"
)

// A subject is a clock under test, in a bubble.
type subject struct {
	clock.Clock
	// pass lets d elapse, and returns when what was due is done.
	pass func(d time.Duration)
}

func realTime(c clock.Clock) subject {
	return subject{c, func(d time.Duration) {
		// What is due at once still takes the real clock to move.
		time.Sleep(max(d, 1))
		synctest.Wait() // what it did is visible; what is called later may still race
	}}
}

var subjects = []struct {
	name string
	make func() subject
}{
	{"System", func() subject { return realTime(clock.System()) }},
	{"Wrap(New)", func() subject { return realTime(clock.Wrap(bb.New())) }},
	{"Precise", func() subject { return realTime(clock.PreciseInBubble()) }},
	{"Precise in a bubble", func() subject { return realTime(clock.Precise()) }},
	{"Precise without a descriptor", func() subject { return realTime(clock.PreciseRefused()) }},
	{"Wrap(Mock)", func() subject {
		m := bb.NewMock()
		return subject{clock.Wrap(m), func(d time.Duration) { m.Add(d); synctest.Wait() }}
	}},
	{"Virtual", func() subject {
		v := clock.NewVirtual(time.Time{})
		return subject{v, func(d time.Duration) { v.Advance(d); synctest.Wait() }}
	}},
}

// conform runs f for every kind of clock, each in a bubble, where a goroutine
// that is left behind fails the test.
func conform(t *testing.T, f func(t *testing.T, c subject)) {
	t.Helper()
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, s.make()) })
		})
	}
}

func TestFiresOnceAndNotEarly(t *testing.T) {
	conform(t, func(t *testing.T, c subject) {
		for _, d := range []time.Duration{1, time.Second, 90 * time.Minute} {
			var calls atomic.Int32
			c.AfterFunc(d, func() { calls.Add(1) })
			if d > 1 {
				c.pass(d - 1)
			}
			if n := calls.Load(); n != 0 {
				t.Errorf("after %v less a nanosecond: got %d calls, want none", d, n)
			}
			c.pass(1)
			if n := calls.Load(); n != 1 {
				t.Errorf("after %v: got %d calls, want 1", d, n)
			}
			c.pass(3 * d)
			if n := calls.Load(); n != 1 {
				t.Errorf("long after %v: got %d calls, want 1", d, n)
			}
		}
	})
}

func TestZeroOrNegativeIsDueAtOnce(t *testing.T) {
	conform(t, func(t *testing.T, c subject) {
		for _, d := range []time.Duration{0, -1, -time.Hour} {
			var calls atomic.Int32
			timer := c.AfterFunc(d, func() { calls.Add(1) })
			c.pass(0)
			if n := calls.Load(); n != 1 {
				t.Errorf("AfterFunc(%v): got %d calls, want 1", d, n)
			}
			if timer.Stop() {
				t.Errorf("AfterFunc(%v): Stop returned true after the call", d)
			}
			c.pass(time.Hour)
			if n := calls.Load(); n != 1 {
				t.Errorf("AfterFunc(%v), an hour later: got %d calls, want 1", d, n)
			}
		}
	})
}

func TestNeverCallsInsideAfterFunc(t *testing.T) {
	conform(t, func(t *testing.T, c subject) {
		var mu sync.Mutex
		calls := 0
		count := func() { mu.Lock(); calls++; mu.Unlock() }
		mu.Lock() // a call inside AfterFunc would deadlock
		for _, d := range []time.Duration{-time.Second, 0, 1} {
			c.AfterFunc(d, count)
		}
		mu.Unlock()
		c.pass(1)
		if calls != 3 {
			t.Errorf("got %d calls, want 3", calls)
		}
	})
}

func TestStopBeforePreventsTheCall(t *testing.T) {
	conform(t, func(t *testing.T, c subject) {
		timer := c.AfterFunc(time.Second, func() { t.Error("called after Stop") })
		c.pass(time.Second - 1)
		if !timer.Stop() {
			t.Error("Stop before the call: got false, want true")
		}
		if timer.Stop() {
			t.Error("second Stop: got true, want false")
		}
		c.pass(time.Hour)
	})
}

func TestStopAfterIsFalse(t *testing.T) {
	conform(t, func(t *testing.T, c subject) {
		calls := 0
		timer := c.AfterFunc(time.Second, func() { calls++ })
		c.pass(time.Second)
		if first, second := timer.Stop(), timer.Stop(); first || second {
			t.Error("Stop after the call: got true, want false")
		}
		if calls != 1 {
			t.Errorf("got %d calls, want 1", calls)
		}
	})
}

func TestStopInsideTheCallIsFalse(t *testing.T) {
	conform(t, func(t *testing.T, c subject) {
		for _, d := range []time.Duration{0, time.Second} {
			var mu sync.Mutex // the call may come before timer is set
			var timer clock.Timer
			called := false
			mu.Lock()
			timer = c.AfterFunc(d, func() {
				mu.Lock()
				defer mu.Unlock()
				called = true
				if timer.Stop() {
					t.Errorf("AfterFunc(%v): Stop inside the call: got true, want false", d)
				}
			})
			mu.Unlock()
			c.pass(d)
			if !called {
				t.Errorf("AfterFunc(%v) was not called", d)
			}
		}
	})
}

func TestOrderIsThatOfDueTimes(t *testing.T) {
	conform(t, func(t *testing.T, c subject) {
		var mu sync.Mutex
		var got []int
		say := func(i int) { mu.Lock(); got = append(got, i); mu.Unlock() }
		for _, i := range []int{5, 2, 8, 1, 9, 3, 7, 4, 6} {
			c.AfterFunc(time.Duration(i)*time.Second, func() { say(i) })
		}
		c.pass(time.Minute)
		if want := []int{1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(got, want) {
			t.Errorf("order: got %v, want %v", got, want)
		}
	})
}

func TestNowInsideTheCallIsNotBeforeItIsDue(t *testing.T) {
	conform(t, func(t *testing.T, c subject) {
		var calls atomic.Int32
		for _, d := range []time.Duration{-time.Second, 0, 1, time.Second, time.Second, time.Hour} {
			due := c.Now().Add(max(d, 0))
			c.AfterFunc(d, func() {
				calls.Add(1)
				if now := c.Now(); now.Before(due) {
					t.Errorf("AfterFunc(%v): called at %v, due at %v", d, now, due)
				}
			})
		}
		for range 4 {
			c.pass(20 * time.Minute)
		}
		if n := calls.Load(); n != 6 {
			t.Errorf("got %d calls, want 6", n)
		}
	})
}

func TestCallMayArmItsSuccessor(t *testing.T) {
	conform(t, func(t *testing.T, c subject) {
		calls := 0
		var tick func()
		tick = func() {
			if calls++; calls < 60 {
				c.AfterFunc(time.Minute, tick)
			}
		}
		c.AfterFunc(time.Minute, tick)
		for range 3 {
			c.pass(20 * time.Minute)
		}
		if calls != 60 {
			t.Errorf("in an hour: got %d calls, want 60", calls)
		}
	})
}

func TestStopIsTrueOrTheCallHappens(t *testing.T) {
	conform(t, func(t *testing.T, c subject) {
		for i := range 500 {
			d := time.Duration(i % 3) // also due at once
			called, stopped := false, false
			timer := c.AfterFunc(d, func() { called = true })
			go func() { stopped = timer.Stop() }()
			c.pass(d)
			if called == stopped {
				t.Fatalf("round %d: called is %v and stopped is %v", i, called, stopped)
			}
		}
	})
}

func TestMayBeCalledFromAnyGoroutine(t *testing.T) {
	conform(t, func(t *testing.T, c subject) {
		var mu sync.Mutex
		armed, called, stopped := 0, 0, 0
		count := func(n *int) { mu.Lock(); *n++; mu.Unlock() }
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 50 {
					timer := c.AfterFunc(time.Duration(i%7), func() { count(&called) })
					count(&armed)
					if _ = c.Now(); (i+g)%3 == 0 && timer.Stop() {
						count(&stopped)
					}
				}
			})
		}
		for range 5 {
			c.pass(1)
		}
		wg.Wait()
		c.pass(7)
		if called+stopped != armed {
			t.Errorf("of %d timers, %d were called and %d stopped", armed, called, stopped)
		}
	})
}

func ExampleClock() {
	// Code that needs the time takes a Clock, and is tested on a Virtual.
	remind := func(c clock.Clock, what string) clock.Timer {
		return c.AfterFunc(time.Minute, func() { fmt.Println(what) })
	}
	c := clock.NewVirtual(time.Time{})
	remind(c, "stretch")
	c.Advance(time.Minute)
	// Output: stretch
}

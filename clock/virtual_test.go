package clock_test

import (
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/clock"
)

var millennium = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)

func nothing() {}

func wantNow(t *testing.T, c clock.Clock, want time.Time) {
	t.Helper()
	if got := c.Now(); !got.Equal(want) {
		t.Errorf("Now: got %v, want %v", got, want)
	}
}

func wantAdvance(t *testing.T, v *clock.Virtual, d time.Duration, want int) {
	t.Helper()
	if got := v.Advance(d); got != want {
		t.Errorf("Advance(%v): got %d calls, want %d", d, got, want)
	}
}

func TestVirtualStartsAtStart(t *testing.T) {
	if got := clock.NewVirtual(time.Time{}).Now(); got != millennium {
		t.Errorf("zero start: got %v, want %v", got, millennium)
	}
	start := time.Date(2031, time.May, 4, 3, 2, 1, 0, time.FixedZone("X", 5400))
	if got := clock.NewVirtual(start).Now(); got != start {
		t.Errorf("start in a zone: got %v, want %v", got, start)
	}
}

func TestVirtualCallsEachAtItsOwnInstant(t *testing.T) {
	v := clock.NewVirtual(time.Time{})
	calls := 0
	for _, d := range []time.Duration{3 * time.Second, 0, time.Second, time.Hour} {
		v.AfterFunc(d, func() { calls++; wantNow(t, v, millennium.Add(d)) })
	}
	wantAdvance(t, v, time.Minute, 3)
	wantNow(t, v, millennium.Add(time.Minute))
	wantAdvance(t, v, time.Hour, 1)
	if calls != 4 {
		t.Errorf("got %d calls, want 4", calls)
	}
}

func TestVirtualStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := clock.NewVirtual(time.Time{})
		v.AfterFunc(0, func() { t.Error("called without Advance") })
		v.AfterFunc(time.Second, func() { t.Error("called without Advance") })
		time.Sleep(time.Hour)
		wantNow(t, v, millennium)
	})
}

func TestVirtualZeroWaitsForTheNextAdvance(t *testing.T) {
	v := clock.NewVirtual(time.Time{})
	v.Advance(time.Second)
	called := false
	v.AfterFunc(-time.Hour, func() { called = true; wantNow(t, v, millennium.Add(time.Second)) })
	if called {
		t.Fatal("called inside AfterFunc")
	}
	wantAdvance(t, v, 0, 1)
	wantAdvance(t, v, 0, 0)
	wantNow(t, v, millennium.Add(time.Second))
}

func TestVirtualEqualInstantsAreFIFO(t *testing.T) {
	v := clock.NewVirtual(time.Time{})
	var got, want []int
	say := func(i int) func() { return func() { got = append(got, i) } }
	for i := range 100 {
		v.AfterFunc(time.Second, say(i))
		want = append(want, i)
	}
	v.AfterFunc(time.Second, func() {
		v.AfterFunc(0, say(101))
		v.AfterFunc(-time.Second, say(102)) // due now, and so not before 101
	})
	v.Advance(time.Second / 2)
	v.AfterFunc(time.Second/2, say(100)) // armed another way, and before 101
	v.Advance(time.Hour)
	if want = append(want, 100, 101, 102); !slices.Equal(got, want) {
		t.Errorf("order: got %v, want %v", got, want)
	}
}

func TestVirtualNextIsTheEarliestArmed(t *testing.T) {
	v := clock.NewVirtual(time.Time{})
	want := func(at time.Time, armed bool) {
		t.Helper()
		if got, ok := v.Next(); ok != armed || !got.Equal(at) {
			t.Errorf("Next: got %v, %v, want %v, %v", got, ok, at, armed)
		}
	}
	want(time.Time{}, false)
	hour := v.AfterFunc(time.Hour, nothing)
	want(millennium.Add(time.Hour), true)
	minute := v.AfterFunc(time.Minute, nothing)
	want(millennium.Add(time.Minute), true)
	v.Advance(time.Second)
	v.AfterFunc(-time.Hour, nothing)
	want(v.Now(), true) // never before Now
	v.Advance(0)
	want(millennium.Add(time.Minute), true)
	minute.Stop()
	want(millennium.Add(time.Hour), true)
	v.Jump(24 * time.Hour)
	want(millennium.Add(25*time.Hour), true)
	hour.Stop()
	want(time.Time{}, false)
}

func TestVirtualJumpMovesTheWallOnly(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour, 1, 400 * 24 * time.Hour} {
		v := clock.NewVirtual(time.Time{})
		calls := 0
		v.AfterFunc(time.Minute, func() { calls++ })
		v.Advance(time.Second)
		v.Jump(jump)
		wantNow(t, v, millennium.Add(time.Second+jump))
		v.Advance(59*time.Second - 1)
		if calls != 0 {
			t.Errorf("Jump(%v): called early", jump)
		}
		wantAdvance(t, v, 1, 1)
		wantNow(t, v, millennium.Add(time.Minute+jump))
	}
}

func TestVirtualJumpInsideACall(t *testing.T) {
	v := clock.NewVirtual(time.Time{})
	v.AfterFunc(time.Second, func() { v.Jump(-time.Hour); wantNow(t, v, millennium.Add(time.Second-time.Hour)) })
	v.AfterFunc(2*time.Second, func() { wantNow(t, v, millennium.Add(2*time.Second-time.Hour)) })
	wantAdvance(t, v, 3*time.Second, 2)
	wantNow(t, v, millennium.Add(3*time.Second-time.Hour))
}

func TestVirtualCallMayStopAnother(t *testing.T) {
	v := clock.NewVirtual(time.Time{})
	var other clock.Timer
	v.AfterFunc(time.Second, func() {
		if !other.Stop() {
			t.Error("Stop of one due at the same instant: got false, want true")
		}
	})
	other = v.AfterFunc(time.Second, func() { t.Error("called after Stop") })
	wantAdvance(t, v, time.Minute, 1)
}

func TestVirtualAdvanceInsideACallLengthens(t *testing.T) {
	v := clock.NewVirtual(time.Time{})
	var got []time.Duration
	note := func() { got = append(got, v.Now().Sub(millennium)) }
	v.AfterFunc(5, func() {
		note()
		wantAdvance(t, v, 10, 0)
		note() // not yet moved
	})
	for _, d := range []time.Duration{7, 12, 20, 21} {
		v.AfterFunc(d, note)
	}
	wantAdvance(t, v, 10, 4)
	wantNow(t, v, millennium.Add(20))
	if want := []time.Duration{5, 5, 7, 12, 20}; !slices.Equal(got, want) {
		t.Errorf("instants: got %v, want %v", got, want)
	}
	wantAdvance(t, v, 1, 1) // nothing of it is left
}

func TestVirtualConcurrentAdvancesAddUp(t *testing.T) {
	v := clock.NewVirtual(time.Time{})
	const each, goroutines = 1000, 8
	calls, inside := 0, false // unguarded: never two calls at a time
	var tick func()
	tick = func() {
		if inside {
			t.Error("two calls at a time")
		}
		inside = true
		calls++
		v.AfterFunc(1, tick)
		inside = false
	}
	v.AfterFunc(1, tick)
	var wg sync.WaitGroup
	var mu sync.Mutex
	counted := 0
	for range goroutines {
		wg.Go(func() {
			for range each {
				n := v.Advance(1)
				mu.Lock()
				counted += n
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	wantNow(t, v, millennium.Add(goroutines*each))
	if calls != goroutines*each || counted != calls {
		t.Errorf("got %d calls, and %d counted by Advance, want %d", calls, counted, goroutines*each)
	}
}

func TestVirtualPanicComesOutOfAdvance(t *testing.T) {
	v := clock.NewVirtual(time.Time{})
	v.AfterFunc(1, func() { v.Advance(time.Hour); panic("boom") })
	v.AfterFunc(1, nothing)
	v.AfterFunc(5, nothing)
	func() {
		defer func() {
			if r := recover(); r != "boom" {
				t.Errorf("Advance panicked with %v, want boom", r)
			}
		}()
		v.Advance(10)
	}()
	wantNow(t, v, millennium.Add(1))
	wantAdvance(t, v, 0, 1)
	wantAdvance(t, v, 4, 1)
	wantNow(t, v, millennium.Add(5))
}

func TestVirtualNegativeAdvancePanics(t *testing.T) {
	v := clock.NewVirtual(time.Time{})
	func() {
		defer func() {
			if r, ok := recover().(string); !ok || !strings.Contains(r, "Jump") {
				t.Errorf("Advance(-1s) panicked with %q, want a word about Jump", r)
			}
		}()
		v.Advance(-time.Second)
	}()
	wantNow(t, v, millennium)
	wantAdvance(t, v, 0, 0) // it is still in order
}

func TestVirtualTimeEnds(t *testing.T) {
	v := clock.NewVirtual(time.Time{})
	end := millennium.Add(math.MaxInt64)
	v.Advance(time.Hour)
	v.AfterFunc(math.MaxInt64, nothing)
	v.AfterFunc(math.MinInt64, nothing)
	wantAdvance(t, v, 0, 1)
	if at, ok := v.Next(); !ok || !at.Equal(end) {
		t.Errorf("Next: got %v, %v, want %v", at, ok, end)
	}
	wantAdvance(t, v, math.MaxInt64, 1)
	wantNow(t, v, end)
	wantAdvance(t, v, math.MaxInt64, 0)
	wantNow(t, v, end)
}

func TestVirtualAllocatesTheTimerOnly(t *testing.T) {
	v := clock.NewVirtual(time.Time{})
	if got := testing.AllocsPerRun(1000, func() { v.AfterFunc(time.Second, nothing).Stop() }); got > 1 {
		t.Errorf("AfterFunc and Stop: got %v allocations, want 1", got)
	}
	if got := testing.AllocsPerRun(1000, func() { v.AfterFunc(1, nothing); v.Advance(1) }); got > 1 {
		t.Errorf("AfterFunc and Advance: got %v allocations, want 1", got)
	}
}

func BenchmarkVirtualTick(b *testing.B) {
	v := clock.NewVirtual(time.Time{})
	for i := range time.Duration(1000) {
		var tick func()
		tick = func() { v.AfterFunc(1000+i, tick) }
		v.AfterFunc(i, tick)
	}
	b.ReportAllocs()
	for b.Loop() {
		v.Advance(1)
	}
}

func BenchmarkVirtualAfterFuncStop(b *testing.B) {
	v := clock.NewVirtual(time.Time{})
	for i := range time.Duration(10_000) {
		v.AfterFunc(i, nothing)
	}
	b.ReportAllocs()
	for b.Loop() {
		v.AfterFunc(5000, nothing).Stop()
	}
}

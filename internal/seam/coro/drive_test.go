package coro_test

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/internal/seam/coro"
)

// In strict mode each turn begins and ends on the loop; else strands drive the
// World. Nobody can tell by what happens.
func TestWhoDrivesMakesNoDifference(t *testing.T) {
	for seed := range uint64(20) {
		log, w := live(seed)
		other, v := live(seed, coro.WithStrict())
		if log != other || w.Hash() != v.Hash() || w.Steps() != v.Steps() {
			t.Errorf("seed %d: driven by strands %d steps, hash %#x, by the loop %d steps, hash %#x",
				seed, w.Steps(), w.Hash(), v.Steps(), v.Hash())
		}
	}
}

var errAlarm = errors.New("an alarm")

// waiting fills a World with strands in whose stacks the World is driven: some
// wait and some have nothing to do. The first of them is woken in an hour.
func waiting(w *coro.World) (woken, unwound *int) {
	woken, unwound = new(int), new(int)
	p := w.NewPark()
	w.AfterFunc(time.Hour, p.Unpark)
	spawn(w, func() {
		defer func() { *unwound++ }()
		wait(p)
		*woken++
	})
	for range 3 {
		spawn(w, func() { defer func() { *unwound++ }(); sleep(w, 2*time.Hour) })
		spawn(w, func() {})
	}
	return woken, unwound
}

func TestPanicInAnAlarmUnwindsNoStrand(t *testing.T) {
	switches(t, func(t *testing.T, opts ...coro.Option) {
		w := world(t, opts...)
		woken, unwound := waiting(w)
		w.AfterFunc(time.Second, func() { panic(errAlarm) })
		if v := caught(func() { w.RunFor(time.Minute) }); v != any(errAlarm) {
			t.Fatalf("Run panics with %v, want %v", v, errAlarm)
		}
		if *unwound != 0 {
			t.Errorf("strands unwound by the panic: got %d, want 0", *unwound)
		}
		w.RunFor(time.Hour)
		if *woken != 1 || *unwound != 1 {
			t.Errorf("after it: %d woken, %d over, want 1 and 1", *woken, *unwound)
		}
	})
}

func TestPanicAfterAStepUnwindsNoStrand(t *testing.T) {
	var w *coro.World
	w = coro.New(1, start, coro.WithAfter(func() {
		if w.Age() == 2*time.Hour {
			panic(errAlarm)
		}
	}))
	defer w.Close()
	woken, unwound := waiting(w)
	if v := caught(func() { w.RunFor(3 * time.Hour) }); v != any(errAlarm) {
		t.Fatalf("Run panics with %v, want %v", v, errAlarm)
	}
	if *woken != 1 || *unwound != 1 {
		t.Errorf("%d woken, %d over, want 1 and 1", *woken, *unwound)
	}
}

// A Goexit in an alarm ends who runs the World, and no strand before Close.
func TestGoexitInAnAlarmEndsTheLoop(t *testing.T) {
	switches(t, func(t *testing.T, opts ...coro.Option) {
		for _, populate := range []func(*coro.World){
			func(*coro.World) {},
			func(w *coro.World) { waiting(w) },
			func(w *coro.World) { spawn(w, func() {}) },
			func(w *coro.World) { spawn(w, func() { sleep(w, time.Hour) }) },
		} {
			synctest.Test(t, func(t *testing.T) {
				w := coro.New(1, start, opts...)
				populate(w)
				w.AfterFunc(time.Second, runtime.Goexit)
				returned := false
				var loop sync.WaitGroup
				loop.Go(func() {
					w.RunFor(time.Minute)
					returned = true
				})
				loop.Wait()
				if returned {
					t.Error("Run returned")
				}
				if got := w.Age(); got != time.Second {
					t.Errorf("the World stands at %v, want 1s", got)
				}
				w.Close()
			})
		}
	})
}

// A strand that has nothing to do may drive the World, or have resumed another,
// and cannot be ended then.
func TestCloseInsideTheWorldSparesWhoDrives(t *testing.T) {
	switches(t, func(t *testing.T, opts ...coro.Option) {
		w := world(t, opts...)
		ran := 0
		for i := range 20 {
			spawn(w, func() { ran++ })
			w.AfterFunc(time.Duration(i)*time.Second, func() {
				w.Close()
				spawn(w, func() { sleep(w, time.Second); w.Close(); ran++ })
				spawn(w, func() { ran++ })
			})
		}
		w.RunFor(time.Minute)
		if ran != 60 {
			t.Errorf("jobs: got %d, want 60", ran)
		}
	})
}

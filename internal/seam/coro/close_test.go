package coro_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/internal/seam/coro"
)

// populate fills a World with strands in every state.
func populate(w *coro.World) {
	for i := range 30 {
		spawn(w, func() {
			if i%3 > 0 { // else it is over, and its strand idle
				wait(w.NewPark())
			}
		})
	}
	p := w.NewPark()
	spawn(w, func() { wait(p) })
	w.Idle()
	p.Unpark() // begun and ready
	for range 10 {
		spawn(w, func() {}) // some on idle strands
	}
	for range 10 {
		spawn(w, func() {})
	}
}

// A bubble fails a test that leaves a goroutine, and a coroutine is one.
func TestCloseLeavesNoCoroutine(t *testing.T) {
	switches(t, func(t *testing.T, opts ...coro.Option) {
		synctest.Test(t, func(t *testing.T) {
			w := coro.New(1, start, opts...)
			populate(w)
			w.Close()
			w.Close()
			populate(w)
			w.Close()
			live(1, opts...)
		})
	})
}

func TestNewStartsNoCoroutine(t *testing.T) {
	switches(t, func(t *testing.T, opts ...coro.Option) {
		synctest.Test(t, func(t *testing.T) {
			w := coro.New(1, start, opts...)
			spawn(w, func() {})
		})
	})
}

func TestCloseUnwindsInParkOrder(t *testing.T) {
	switches(t, func(t *testing.T, opts ...coro.Option) {
		w := coro.New(1, start, append(opts, coro.WithFIFO())...)
		var log []int
		for i := range 5 {
			spawn(w, func() {
				defer func() { log = append(log, i) }()
				wait(w.NewPark())
				t.Error("the wait returned")
			})
		}
		w.Idle()
		w.Close()
		if want := []int{0, 1, 2, 3, 4}; !slices.Equal(log, want) {
			t.Errorf("unwound: got %v, want %v", log, want)
		}
	})
}

func TestParkInAnUnwoundStrandReturnsAtOnce(t *testing.T) {
	w := coro.New(1, start)
	p, q := w.NewPark(), w.NewPark()
	var errs []error
	spawn(w, func() {
		defer func() {
			p.Unpark()
			errs = append(errs, p.Park(endless), q.Park(t.Context()), w.NewPark().Park(endless))
		}()
		wait(p)
	})
	w.Idle()
	w.Close()
	if len(errs) != 3 {
		t.Fatalf("errors: got %v, want 3", errs)
	}
	for _, err := range errs {
		if !errors.Is(err, coro.ErrClosed) {
			t.Errorf("Park: got %v, want %v", err, coro.ErrClosed)
		}
	}
}

func TestCloseUnwindsWhatItWakes(t *testing.T) {
	w := coro.New(1, start, coro.WithFIFO())
	unwound := 0
	p := w.NewPark()
	spawn(w, func() {
		defer func() { unwound++; p.Unpark() }()
		wait(w.NewPark())
	})
	spawn(w, func() {
		defer func() { unwound++ }()
		wait(p)
		t.Error("a strand went on in a World that closes")
	})
	w.Idle()
	w.Close()
	if unwound != 2 {
		t.Errorf("strands unwound: got %d, want 2", unwound)
	}
}

func TestCloseDropsWhatHasNotBegun(t *testing.T) {
	w := coro.New(1, start)
	fail := func() { t.Error("it ran after Close") }
	spawn(w, func() {
		defer spawn(w, fail)
		defer w.AfterFunc(0, fail)
		wait(w.NewPark())
	})
	spawn(w, func() {})
	w.Idle()
	spawn(w, fail) // on the strand that is idle
	spawn(w, fail) // on a new one
	timer := w.AfterFunc(time.Second, fail)
	w.Close()
	if timer.Stop() {
		t.Error("Stop after Close: got true")
	}
	w.RunFor(time.Hour)
}

func TestCloseInsideTheWorldEndsOnlyIdleStrands(t *testing.T) {
	switches(t, func(t *testing.T, opts ...coro.Option) {
		w := world(t, append(opts, coro.WithStrict())...)
		p, woken := w.NewPark(), false
		spawn(w, func() { wait(p); woken = true })
		var names []string
		side := func() {
			for range 3 {
				spawn(w, func() { names = append(names, goroutine()); sleep(w, 1) })
			}
		}
		side()
		w.RunFor(1)
		spawn(w, func() { w.Close(); w.Close(); side(); spawn(w, p.Unpark) })
		w.AfterFunc(time.Second, w.Close)
		w.RunFor(time.Minute)
		if !woken {
			t.Error("a parked strand did not survive Close inside the World")
		}
		if slices.Sort(names); len(slices.Compact(names)) != 6 {
			t.Error("an idle strand survived Close inside the World")
		}
	})
}

func TestPanicWhileUnwindingComesOutOfClose(t *testing.T) {
	switches(t, func(t *testing.T, opts ...coro.Option) {
		synctest.Test(t, func(t *testing.T) {
			w := coro.New(1, start, append(opts, coro.WithFIFO())...)
			unwound := 0
			for i := range 3 {
				spawn(w, func() {
					defer func() { panic(i) }()
					defer func() { unwound++ }()
					wait(w.NewPark())
				})
			}
			w.Idle()
			if p, _ := caught(w.Close).(*coro.StrandPanic); p == nil || p.Value != 0 || unwound != 3 {
				t.Errorf("Close panics with %v after %d strands, want the first after 3", p, unwound)
			}
		})
	})
}

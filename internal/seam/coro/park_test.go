package coro_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bgloop/bgloop/internal/seam/coro"
)

func TestContextsEndWaitsInParkOrder(t *testing.T) {
	w := world(t, coro.WithFIFO())
	ctx, cancel := context.WithCancel(t.Context())
	var woken []int
	for _, i := range []int{3, 1, 2} {
		spawn(w, func() {
			if err := w.NewPark().Park(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("Park: got %v, want %v", err, context.Canceled)
			}
			woken = append(woken, i)
		})
	}
	w.RunFor(time.Hour)
	w.AfterFunc(time.Minute, cancel)
	w.RunFor(time.Hour)
	if want := []int{3, 1, 2}; !slices.Equal(woken, want) {
		t.Errorf("woken: got %v, want %v", woken, want)
	}
}

func TestContextCanceledOutsideEndsTheWait(t *testing.T) {
	w, ended := world(t), false
	ctx, cancel := context.WithCancel(t.Context())
	spawn(w, func() { ended = w.NewPark().Park(ctx) != nil })
	w.Idle()
	cancel()
	w.Idle()
	if !ended {
		t.Error("Park still waits")
	}
}

func TestUnparkWinsOverContextWhileParked(t *testing.T) {
	for seed := range uint64(20) {
		w := coro.New(seed, start)
		ctx, cancel := context.WithCancel(t.Context())
		p, err := w.NewPark(), context.Canceled
		spawn(w, func() { err = p.Park(ctx) })
		w.Idle()
		w.AfterFunc(0, func() { cancel(); p.Unpark() })
		w.Idle()
		if err != nil {
			t.Errorf("seed %d: Park: got %v, want nil", seed, err)
		}
		w.Close()
	}
}

func TestContextOfAnEarlierWaitIsForgotten(t *testing.T) {
	w := world(t)
	p := w.NewPark()
	ctx, cancel := context.WithCancel(t.Context())
	spawn(w, func() {
		if err := p.Park(ctx); err != nil {
			t.Errorf("first Park: got %v, want nil", err)
		}
		if err := p.Park(endless); err != nil {
			t.Errorf("second Park: got %v, want nil", err)
		}
	})
	w.Idle()
	p.Unpark()
	w.Idle()
	cancel()
	w.Idle()
	p.Unpark()
	w.Idle()
}

func TestParkOutsideAStrandPanics(t *testing.T) {
	w := world(t)
	p := w.NewPark()
	p.Unpark() // not even a token helps
	wantPanic(t, func() { wait(p) }, "Park outside a strand")
	w.AfterFunc(0, func() { wantPanic(t, func() { wait(p) }, "Park outside a strand") })
	w.Idle()
}

func TestTwoStrandsOnOneParkPanic(t *testing.T) {
	w := world(t, coro.WithFIFO())
	p := w.NewPark()
	spawn(w, func() { wait(p) })
	spawn(w, func() { wantPanic(t, func() { wait(p) }, "strand 2 parks where strand 1 waits") })
	w.Idle()
}

func TestForeignGoroutineIsReported(t *testing.T) {
	switches(t, func(t *testing.T, opts ...coro.Option) {
		w := world(t, append(opts, coro.WithStrict())...)
		p := w.NewPark()
		timer := w.AfterFunc(time.Hour, func() {})
		calls := map[string]func(){
			"Park":      func() { wait(p) },
			"Unpark":    p.Unpark,
			"Spawn":     func() { spawn(w, func() {}) },
			"Now":       func() { w.Now() },
			"AfterFunc": func() { w.AfterFunc(0, func() {}) },
			"Stop":      func() { timer.Stop() },
			"Close":     w.Close,
		}
		for name, call := range calls {
			foreign := func() {
				over := make(chan struct{})
				go func() {
					defer close(over)
					wantPanic(t, call, fmt.Sprintf("coro: %s on goroutine", name))
				}()
				<-over
			}
			spawn(w, foreign)
			w.AfterFunc(0, foreign)
			w.Idle()
		}
		if p.Unpark(); w.Steps() != 2*uint64(len(calls)) {
			t.Errorf("steps: got %d, want %d: a foreign call had an effect", w.Steps(), 2*len(calls))
		}
	})
}

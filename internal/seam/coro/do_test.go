package coro_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/coro"
)

// sleep parks the calling strand for d.
func sleep(w *coro.World, d time.Duration) {
	p := w.NewPark()
	w.AfterFunc(d, p.Unpark)
	wait(p)
}

func TestDoRunsTillItsFunctionIsOver(t *testing.T) {
	w, later := world(t), false
	w.AfterFunc(2*time.Hour, func() { later = true })
	if err := w.Do(func() { sleep(w, time.Hour) }); err != nil {
		t.Fatalf("Do: %v", err)
	}
	if got := w.Now().Sub(start); got != time.Hour || later {
		t.Errorf("after Do: %v, later alarm rang: %v, want 1h and false", got, later)
	}
}

func TestDoReportsDeadlockWithStacks(t *testing.T) {
	switches(t, func(t *testing.T, opts ...coro.Option) {
		w := world(t, append(opts, coro.WithFIFO())...)
		p := w.NewPark()
		woken := 0
		spawn(w, func() { forlorn(p); woken++ })
		w.RunFor(time.Minute)
		err := w.Do(func() { sleep(w, time.Hour); forlorn(w.NewPark()) })
		var d *coro.DeadlockError
		if !errors.As(err, &d) || len(d.Parked) != 2 {
			t.Fatalf("Do: got %v, want a deadlock of two strands", err)
		}
		if got := d.At.Sub(start); got != 61*time.Minute {
			t.Errorf("deadlock at %v, want 1h1m", got)
		}
		first, second := d.Parked[0], d.Parked[1]
		if first.Strand != 1 || second.Strand != 2 {
			t.Errorf("strands: got %d and %d, want 1 and 2", first.Strand, second.Strand)
		}
		if first.Job != "seam.JobFunc" || !first.Since.Equal(start) || second.Since.Sub(start) != 61*time.Minute {
			t.Errorf("parked: got a %s since %v and one since %v", first.Job, first.Since, second.Since)
		}
		if n := strings.Count(err.Error(), "coro_test.forlorn"); n < 2 {
			t.Errorf("the error names the place of %d strands, want 2:\n%v", n, err)
		}
		p.Unpark() // asking for the stack has left the strand as it was
		w.Idle()
		if woken != 1 {
			t.Errorf("strand 1 went on %d times after its Unpark, want 1", woken)
		}
	})
}

func forlorn(p seam.Park) { wait(p) }

func TestDoReportsGoexit(t *testing.T) {
	w := world(t)
	if err := w.Do(runtime.Goexit); !errors.Is(err, coro.ErrGoexit) {
		t.Errorf("Do: got %v, want %v", err, coro.ErrGoexit)
	}
}

func TestDoPanicsWithItsFunction(t *testing.T) {
	w := world(t)
	if p, _ := caught(func() { w.Do(guilty) }).(*coro.StrandPanic); !errors.Is(p, errGuilty) {
		t.Errorf("Do panics with %v, want %v", p, errGuilty)
	}
}

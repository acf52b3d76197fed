// Package seamtest is what every seam.Driver must do, as stories that each
// driver's own tests run.
package seamtest

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/bgloop/bgloop/internal/seam"
)

// A Host is a driver and what a story needs to move it.
type Host struct {
	Driver seam.Driver

	// Settle returns when no strand can go on by itself.
	Settle func()

	// Serial says that one strand runs at a time, from its beginning to its
	// first wait, and in the order of Spawn.
	Serial bool
}

// Exercise runs every story, each with a fresh host from setup, which ends the
// host and whatever the story left parked.
func Exercise(t *testing.T, setup func(t *testing.T, story func(*testing.T, Host))) {
	stories := []struct {
		name  string
		story func(*testing.T, Host)
	}{
		{"EveryJobRunsOnce", everyJobRunsOnce},
		{"JobsBeginInSpawnOrder", jobsBeginInSpawnOrder},
		{"BlockedJobHoldsNoneBack", blockedJobHoldsNoneBack},
		{"JobSpawnsJobs", jobSpawnsJobs},
		{"GoexitEndsOnlyItsStrand", goexitEndsOnlyItsStrand},
		{"UnparkWakes", unparkWakes},
		{"UnparkBeforeParkIsRemembered", unparkIsRemembered},
		{"SeveralUnparksCountAsOne", unparksCountAsOne},
		{"ParkEndsWithContext", parkEndsWithContext},
		{"ParkOfDoneContextReturnsItsError", parkOfDoneContext},
		{"UnparkWinsOverDoneContext", unparkWins},
		{"ParkServesAgain", parkServesAgain},
		{"SpawnWorksAfterClose", spawnAfterClose},
		{"CloseInAJobLeavesOthersAlone", closeInAJob},
	}
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) { setup(t, s.story) })
	}
}

// A tally counts, as a job that costs no closure. It is a channel, so that a
// driver may run strands side by side.
type tally struct{ c chan int }

// newTally can count to n. Its slots are there so that no strand ever waits.
func newTally(n int) *tally { return &tally{make(chan int, n)} }

func (c *tally) Run() { c.c <- 1 }

func (c *tally) want(t *testing.T, n int) {
	t.Helper()
	if len(c.c) != n {
		t.Errorf("jobs that ran: got %d, want %d", len(c.c), n)
	}
}

func everyJobRunsOnce(t *testing.T, h Host) {
	c := newTally(2000)
	for range 1000 {
		h.Driver.Spawn(c)
	}
	h.Settle()
	c.want(t, 1000)
}

func jobsBeginInSpawnOrder(t *testing.T, h Host) {
	if !h.Serial {
		t.Skip("strands run side by side, or in an order of the driver's choice")
	}
	var begun []int
	for i := range 100 {
		h.Driver.Spawn(seam.JobFunc(func() { begun = append(begun, i) }))
	}
	h.Settle()
	for i, got := range begun {
		if got != i {
			t.Fatalf("begun as number %d: got job %d", i, got)
		}
	}
}

func blockedJobHoldsNoneBack(t *testing.T, h Host) {
	const blocked = 50
	parks := make([]seam.Park, blocked)
	c := newTally(2000)
	for i := range parks {
		parks[i] = h.Driver.NewPark()
		h.Driver.Spawn(seam.JobFunc(func() {
			wait(parks[i])
			c.Run()
		}))
		for range 20 {
			h.Driver.Spawn(c)
		}
	}
	h.Settle()
	c.want(t, 20*blocked)
	for _, p := range parks {
		p.Unpark()
	}
	h.Settle()
	c.want(t, 21*blocked)
}

func jobSpawnsJobs(t *testing.T, h Host) {
	c := newTally(2000)
	var split func(n int) seam.Job
	split = func(n int) seam.Job {
		return seam.JobFunc(func() {
			c.Run()
			if n > 0 {
				h.Driver.Spawn(split(n - 1))
				h.Driver.Spawn(split(n - 1))
			}
		})
	}
	h.Driver.Spawn(split(7))
	h.Settle()
	c.want(t, 1<<8-1)
}

func goexitEndsOnlyItsStrand(t *testing.T, h Host) {
	c := newTally(1000)
	for range 100 {
		h.Driver.Spawn(seam.JobFunc(func() {
			defer c.Run()
			runtime.Goexit()
		}))
		h.Driver.Spawn(c)
	}
	h.Settle()
	c.want(t, 200)
	h.Driver.Spawn(c)
	h.Settle()
	c.want(t, 201)
}

// endless is no context: the wait has no end but Unpark.
var endless context.Context

func wait(p seam.Park) { _ = p.Park(endless) }

// parked spawns a strand that waits on p and tells how the wait ended.
func parked(ctx context.Context, h Host, p seam.Park) chan error {
	ended := make(chan error, 1) // a slot: the strand must not wait for the story
	h.Driver.Spawn(seam.JobFunc(func() { ended <- p.Park(ctx) }))
	return ended
}

func wantEnded(t *testing.T, ended chan error, want error) {
	t.Helper()
	select {
	case err := <-ended:
		if !errors.Is(err, want) {
			t.Errorf("Park: got %v, want %v", err, want)
		}
	default:
		t.Errorf("Park still waits, want it to return %v", want)
	}
}

func wantWaiting(t *testing.T, ended chan error) {
	t.Helper()
	select {
	case err := <-ended:
		t.Errorf("Park returned %v, want it to wait", err)
	default:
	}
}

func unparkWakes(t *testing.T, h Host) {
	for _, ctx := range []context.Context{endless, context.Background(), t.Context()} {
		p := h.Driver.NewPark()
		ended := parked(ctx, h, p)
		h.Settle()
		wantWaiting(t, ended)
		h.Driver.Spawn(seam.JobFunc(p.Unpark))
		h.Settle()
		wantEnded(t, ended, nil)
	}
}

func unparkIsRemembered(t *testing.T, h Host) {
	p := h.Driver.NewPark()
	p.Unpark()
	ended := parked(endless, h, p)
	h.Settle()
	wantEnded(t, ended, nil)
}

func unparksCountAsOne(t *testing.T, h Host) {
	p := h.Driver.NewPark()
	p.Unpark()
	p.Unpark()
	p.Unpark()
	first := parked(endless, h, p)
	h.Settle()
	wantEnded(t, first, nil)
	second := parked(endless, h, p)
	h.Settle()
	wantWaiting(t, second)
	p.Unpark()
	h.Settle()
	wantEnded(t, second, nil)
}

func parkEndsWithContext(t *testing.T, h Host) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := parked(ctx, h, h.Driver.NewPark())
	h.Settle()
	wantWaiting(t, ended)
	h.Driver.Spawn(seam.JobFunc(cancel))
	h.Settle()
	wantEnded(t, ended, context.Canceled)
}

func parkOfDoneContext(t *testing.T, h Host) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ended := parked(ctx, h, h.Driver.NewPark())
	h.Settle()
	wantEnded(t, ended, context.Canceled)
}

func unparkWins(t *testing.T, h Host) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		p := h.Driver.NewPark()
		p.Unpark()
		ended := parked(ctx, h, p)
		h.Settle()
		wantEnded(t, ended, nil)
	}
}

func parkServesAgain(t *testing.T, h Host) {
	p, q := h.Driver.NewPark(), h.Driver.NewPark()
	c := newTally(1000)
	h.Driver.Spawn(seam.JobFunc(func() {
		for range 100 {
			wait(p)
			c.Run()
			q.Unpark()
		}
	}))
	h.Driver.Spawn(seam.JobFunc(func() {
		for range 100 {
			p.Unpark()
			wait(q)
		}
	}))
	h.Settle()
	c.want(t, 100)
}

func spawnAfterClose(t *testing.T, h Host) {
	c := newTally(100)
	h.Driver.Spawn(c)
	h.Settle()
	h.Driver.Close()
	h.Driver.Close()
	for range 10 {
		h.Driver.Spawn(c)
	}
	h.Settle()
	c.want(t, 11)
}

func closeInAJob(t *testing.T, h Host) {
	p := h.Driver.NewPark()
	ended := parked(endless, h, p)
	c := newTally(100)
	h.Settle()
	h.Driver.Spawn(seam.JobFunc(func() {
		h.Driver.Close()
		h.Driver.Spawn(c)
	}))
	h.Settle()
	c.want(t, 1)
	wantWaiting(t, ended)
	p.Unpark()
	h.Settle()
	wantEnded(t, ended, nil)
}

package coro_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/coro"
	"github.com/bgloop/bgloop/internal/seam/seamtest"
)

var start = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// world returns a World that is closed at the end of the test.
func world(t testing.TB, opts ...coro.Option) *coro.World {
	t.Helper()
	w := coro.New(1, start, opts...)
	t.Cleanup(w.Close)
	return w
}

// switches runs a test with each way to switch.
func switches(t *testing.T, f func(t *testing.T, opts ...coro.Option)) {
	t.Run("pull", func(t *testing.T) { f(t) })
	t.Run("handoff", func(t *testing.T) { f(t, coro.WithHandoff()) })
}

// endless is no context: the wait has no end but Unpark.
var endless context.Context

// wait parks the calling strand until Unpark.
func wait(p seam.Park) { _ = p.Park(endless) }

func spawn(w *coro.World, f func()) { w.Spawn(seam.JobFunc(f)) }

func TestWorldIsADriver(t *testing.T) {
	tests := []struct {
		name   string
		serial bool
		opts   []coro.Option
	}{
		{"seeded", false, nil},
		{"in order", true, []coro.Option{coro.WithFIFO()}},
		{"handoff", false, []coro.Option{coro.WithHandoff()}},
		{"strict", false, []coro.Option{coro.WithStrict()}},
		{"strict handoff in order", true, []coro.Option{coro.WithStrict(), coro.WithHandoff(), coro.WithFIFO()}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seamtest.Exercise(t, func(t *testing.T, story func(*testing.T, seamtest.Host)) {
				w := world(t, tt.opts...)
				story(t, seamtest.Host{Driver: w, Settle: w.Idle, Serial: tt.serial})
			})
		})
	}
}

// A life is a story with everything in it that can happen in a World.
type life struct {
	w   *coro.World
	log []string
}

func live(seed uint64, opts ...coro.Option) (log string, w *coro.World) {
	w = coro.New(seed, start, opts...)
	defer w.Close()
	l := &life{w: w}
	for i := range 8 {
		spawn(w, func() { l.worker(i) })
	}
	for range 3 {
		w.RunFor(7 * time.Second)
		l.say("ran")
	}
	return strings.Join(l.log, "\n"), w
}

func (l *life) say(format string, args ...any) {
	l.log = append(l.log, fmt.Sprintf("%v ", l.w.Now().Sub(start))+fmt.Sprintf(format, args...))
}

func (l *life) worker(i int) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p := l.w.NewPark()
	for round := range 5 {
		l.say("worker %d round %d", i, round)
		timer := l.w.AfterFunc(time.Duration(i%3)*time.Second, p.Unpark)
		if round == 3 {
			spawn(l.w, cancel)
		}
		if err := p.Park(ctx); err != nil {
			l.say("worker %d: %v, stopped %v", i, err, timer.Stop())
			runtime.Goexit()
		}
		spawn(l.w, func() { l.say("child of worker %d", i) })
	}
}

func TestSameSeedSameLife(t *testing.T) {
	switches(t, func(t *testing.T, opts ...coro.Option) {
		log, w := live(7, opts...)
		for range 20 {
			again, v := live(7, opts...)
			if again != log || v.Hash() != w.Hash() || v.Steps() != w.Steps() {
				t.Fatalf("same seed: got %d steps, hash %#x, want %d and %#x", v.Steps(), v.Hash(), w.Steps(), w.Hash())
			}
		}
	})
}

func TestOtherSeedsOtherLives(t *testing.T) {
	logs, hashes := map[string]bool{}, map[uint64]bool{}
	for seed := range uint64(100) {
		log, w := live(seed)
		logs[log], hashes[w.Hash()] = true, true
	}
	if len(logs) < 100 || len(hashes) < 100 {
		t.Errorf("of 100 seeds: got %d orders and %d hashes, want 100", len(logs), len(hashes))
	}
}

func TestFIFOLivesOneLife(t *testing.T) {
	log, w := live(1, coro.WithFIFO())
	other, v := live(2, coro.WithFIFO())
	if log != other || w.Hash() != v.Hash() {
		t.Error("in order, a seed made a difference")
	}
}

func TestHandoffLivesTheSameLife(t *testing.T) {
	for seed := range uint64(100) {
		log, w := live(seed)
		other, v := live(seed, coro.WithHandoff())
		if log != other || w.Hash() != v.Hash() || w.Steps() != v.Steps() {
			t.Fatalf("seed %d: pull %d steps, hash %#x, handoff %d steps, hash %#x",
				seed, w.Steps(), w.Hash(), v.Steps(), v.Hash())
		}
	}
}

func TestStrictLivesTheSameLife(t *testing.T) {
	_, w := live(3)
	if _, v := live(3, coro.WithStrict()); v.Hash() != w.Hash() {
		t.Errorf("hash: got %#x, want %#x", v.Hash(), w.Hash())
	}
}

// TestSeedsKeepTheirMeaning fails when a seed someone noted no longer replays
// what it did; that is allowed, but must be meant.
func TestSeedsKeepTheirMeaning(t *testing.T) {
	const want = uint64(0x7d1c3992640e459a)
	sum := uint64(0)
	for seed := range uint64(50) {
		_, w := live(seed)
		sum = sum*31 + w.Hash()
	}
	if sum != want {
		t.Errorf("hash of 50 lives: got %#x, want %#x", sum, want)
	}
}

func TestSpawnRunsNothingBeforeItsTurn(t *testing.T) {
	w, ran := world(t), false
	spawn(w, func() { ran = true })
	if ran || w.Steps() != 0 {
		t.Error("the job ran inside Spawn")
	}
	w.Idle()
	if !ran || w.Steps() != 1 {
		t.Errorf("after Idle: ran is %v in %d steps, want true in 1", ran, w.Steps())
	}
}

func TestNowHasNoMonotonicReading(t *testing.T) {
	w := coro.New(1, time.Now())
	if clock.Monotonic(w.Now()) {
		t.Error("Now has a monotonic reading")
	}
}

func TestSpawnAllocatesNothing(t *testing.T) {
	w := world(t)
	j := seam.JobFunc(func() {})
	if got := testing.AllocsPerRun(100, func() { w.Spawn(j); w.Idle() }); got != 0 {
		t.Errorf("allocations of a job on a warm strand: got %v, want 0", got)
	}
}

func TestFinishedStrandsAreReused(t *testing.T) {
	switches(t, func(t *testing.T, opts ...coro.Option) {
		w := world(t, opts...)
		var stacks []string
		for range 10 {
			spawn(w, func() { stacks = append(stacks, goroutine()) })
			w.Idle()
		}
		if slices.Sort(stacks); len(slices.Compact(stacks)) != 1 {
			t.Errorf("ten jobs in turn ran on more than one coroutine: %q", stacks)
		}
	})
}

// goroutine names the calling goroutine.
func goroutine() string {
	var b [64]byte
	name, _, _ := strings.Cut(string(b[:runtime.Stack(b[:], false)]), " [")
	return name
}

func TestRearm(t *testing.T) {
	w := world(t, coro.WithFIFO())
	var log []string
	note := func(name string) func() {
		return func() { log = append(log, name+" "+w.Now().Sub(start).String()) }
	}
	a, ok := w.AfterFunc(time.Second, note("a")).(seam.Rearmer)
	if !ok {
		t.Fatal("an alarm is no Rearmer")
	}
	w.AfterFunc(2*time.Second, note("b"))
	a.Rearm(2 * time.Second) // before it rang: later than b now, and once
	w.RunFor(time.Minute)
	a.Rearm(time.Second) // after
	w.RunFor(time.Minute)
	if want := []string{"b 2s", "a 2s", "a 1m1s"}; !slices.Equal(log, want) {
		t.Errorf("rang: got %q, want %q", log, want)
	}

	p := w.Process()
	dead := p.AfterFunc(time.Second, func() { t.Error("the alarm of a dead process rang") }).(seam.Rearmer)
	w.AfterFunc(0, p.Kill)
	w.Idle()
	dead.Rearm(time.Second)
	w.RunFor(time.Minute)
}

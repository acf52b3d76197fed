package coro_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/coro"
	"github.com/bgloop/bgloop/internal/seam/seamtest"
)

func TestProcessIsADriver(t *testing.T) {
	seamtest.Exercise(t, func(t *testing.T, story func(*testing.T, seamtest.Host)) {
		w := world(t)
		story(t, seamtest.Host{Driver: w.Process(), Settle: w.Idle})
	})
}

// beat has a process note each second at which it runs.
func beat(p *coro.Process, note func()) {
	p.Spawn(seam.JobFunc(func() {
		for {
			park := p.NewPark()
			p.AfterFunc(time.Second, park.Unpark)
			wait(park)
			note()
		}
	}))
}

// Moves is another number whenever the clock reads another time.
func TestMovesTellsThatTheClockHasMoved(t *testing.T) {
	w := world(t)
	p := w.Process()
	read, moves := p.Now(), p.Moves()
	for _, what := range []struct {
		name string
		do   func()
	}{
		{"a step at one instant", func() { spawn(w, func() {}); w.Idle() }},
		{"time", func() { w.RunFor(time.Second) }},
		{"an alarm", func() { w.AfterFunc(time.Second, func() {}); w.RunFor(time.Second) }},
		{"a jump", func() { p.Jump(-time.Hour) }},
		{"a jump of another", func() { w.Process().Jump(time.Hour) }},
		{"a suspension's beginning", func() { p.Freeze(time.Second, true) }},
		{"a suspension", func() { w.RunFor(time.Second) }},
	} {
		what.do()
		if now, n := p.Now(), p.Moves(); now != read && n == moves || n == 0 {
			t.Errorf("after %s: %d moves after %d, and it reads %v after %v", what.name, n, moves, now, read)
		} else {
			read, moves = now, n
		}
	}
	if before := p.Moves(); p.Moves() != before {
		t.Error("it moves while nothing happens")
	}
}

func TestKillEndsAProcessAndNothingElse(t *testing.T) {
	switches(t, func(t *testing.T, opts ...coro.Option) {
		synctest.Test(t, func(t *testing.T) {
			w := coro.New(1, start, opts...)
			victim, other := w.Process(), w.Process()
			var dead, alive, deferred int
			victim.Spawn(seam.JobFunc(func() { defer func() { deferred++ }(); wait(victim.NewPark()) }))
			victim.AfterFunc(3*time.Second, func() { dead++ })
			beat(victim, func() { dead++ })
			beat(other, func() { alive++ })
			var waited error
			spawn(w, func() { waited = victim.NewPark().Park(endless) })
			w.RunFor(2500 * time.Millisecond)
			w.AfterFunc(0, victim.Kill)
			victim.Spawn(seam.JobFunc(func() {})) // ready when it dies
			w.RunFor(2 * time.Second)
			victim.Spawn(seam.JobFunc(func() { dead++ }))
			if victim.AfterFunc(0, func() { dead++ }).Stop() {
				t.Error("a dead process armed an alarm")
			}
			w.Idle()
			if dead != 2 || alive != 4 || deferred != 0 {
				t.Errorf("beats of the dead, of the other, deferred functions: got %d, %d, %d, want 2, 4, 0", dead, alive, deferred)
			}
			if !errors.Is(waited, coro.ErrKilled) {
				t.Errorf("who waited for it from outside: got %v, want %v", waited, coro.ErrKilled)
			}
			w.Close()
			if deferred != 1 {
				t.Errorf("after Close: %d deferred functions ran, want 1", deferred)
			}
		})
	})
}

func TestAStrandThatKillsItsProcessDoesNotGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := coro.New(1, start)
		defer w.Close()
		p, after := w.Process(), false
		p.Spawn(seam.JobFunc(func() { p.Kill(); after = true }))
		w.RunFor(time.Second)
		if after || !p.Dead() {
			t.Errorf("went on %v, dead %v, want false and true", after, p.Dead())
		}
	})
}

func TestFreeze(t *testing.T) {
	for _, tt := range []struct {
		name    string
		suspend bool
		want    []int // when it beat, in milliseconds since the start
		elapsed time.Duration
	}{
		{"stalled", false, []int{1000, 2000, 12000, 13000, 14000}, 14900 * time.Millisecond},
		{"suspended", true, []int{1000, 2000, 12500, 13500, 14500}, 5400 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := world(t)
			p := w.Process()
			var got []int
			beat(p, func() { got = append(got, int(w.Now().Sub(start).Milliseconds())) })
			w.AfterFunc(2500*time.Millisecond, func() { p.Freeze(9500*time.Millisecond, tt.suspend) })
			w.AfterFunc(5*time.Second, func() { p.Spawn(seam.JobFunc(func() { got = append(got, 0) })) })
			w.RunFor(14900 * time.Millisecond)
			if i := slices.Index(got, 0); i != 2 && i != 3 {
				t.Errorf("what was spawned meanwhile ran as number %d, want after the thaw", i)
			} else {
				got = slices.Delete(got, i, i+1)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("beats: got %v, want %v", got, tt.want)
			}
			if got := p.Elapsed(); got != tt.elapsed {
				t.Errorf("elapsed: got %v, want %v", got, tt.elapsed)
			}
		})
	}
}

func TestJumpSetsTheClockOfOneProcess(t *testing.T) {
	w := world(t)
	p, other := w.Process(), w.Process()
	p.Jump(time.Hour)
	p.Jump(-20 * time.Minute)
	w.RunFor(time.Minute)
	if got := p.Now().Sub(start); got != 41*time.Minute {
		t.Errorf("its clock: got %v, want 41m", got)
	}
	if got := other.Now().Sub(start); got != time.Minute || p.Elapsed() != time.Minute {
		t.Errorf("the other's clock %v and what elapsed %v, want 1m", got, p.Elapsed())
	}
}

// Strands that a freeze holds are unwound with the others.
func TestCloseOfAFrozenProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := coro.New(1, start)
		p := w.Process()
		park := p.NewPark()
		p.Spawn(seam.JobFunc(func() { wait(park) }))
		w.Idle()
		p.Freeze(time.Hour, false)
		park.Unpark()
		p.Spawn(seam.JobFunc(func() {}))
		w.RunFor(time.Second)
		w.Close()
	})
}

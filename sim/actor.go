package sim

import (
	"fmt"
	"time"

	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/internal/choice"
	"github.com/bgloop/bgloop/internal/seam"
)

// An Actor is part of the environment: a strand of its own that acts on the
// Apps from outside. It may call everything that a goroutine of the program may
// and that waits by the App, such as Receipt.Wait.
type Actor struct {
	s    *S
	name string
}

// Go runs f as an actor beside the scenario. The life does not wait for its
// end.
func (s *S) Go(name string, f func(*Actor)) {
	a := &Actor{s, name}
	s.world.Spawn(seam.JobFunc(func() {
		returned, panicked := false, false
		defer func() {
			if !returned && !panicked {
				s.fail("scenario", fmt.Errorf("the actor %s: %w", name, errGoexit))
			}
		}()
		func() {
			defer func() {
				if v := recover(); v != nil {
					panicked = true
					panic(v)
				}
			}()
			f(a)
		}()
		returned = true
	}))
}

// Every calls f again and again, until the scenario returns: on a grid of d,
// each time later by something between nothing and half of d. f may wait, but
// what comes due meanwhile is left out. A d that is not positive panics.
func (s *S) Every(name string, d time.Duration, f func()) {
	if d <= 0 {
		panic(fmt.Sprintf("sim: Every %q: interval is not positive: %v", name, d))
	}
	st := choice.NewStream("jitter of " + name)
	s.Go(name, func(a *Actor) {
		for next := s.Now().Add(d); ; {
			a.Sleep(next.Sub(s.Now()))
			next = next.Add(d)
			if s.isOver() {
				return
			}
			if s.below(st, 2) == 1 {
				a.Sleep(s.span(st, 0, d/2))
			}
			if s.isOver() {
				return
			}
			f()
			for !next.After(s.Now()) {
				next = next.Add(d)
			}
		}
	})
}

// Name is the actor's name.
func (a *Actor) Name() string { return a.name }

// Now is the present instant.
func (a *Actor) Now() time.Time { return a.s.Now() }

// Sleep lets d go by.
func (a *Actor) Sleep(d time.Duration) { a.s.sleep(d) }

// Until lets time go by until ok is true, which is asked after every step.
func (a *Actor) Until(ok func() bool) { a.s.Until(ok) }

// Wait is Group.Wait, which itself would block the simulation.
func (a *Actor) Wait(g *deferral.Group) { a.s.Until(g.Done) }

// Choose is S.Choose for the actor alone: what others choose by the same name
// makes no difference to it.
func (a *Actor) Choose(what string, n int) int { return a.s.Choose(a.own(what), n) }

// Chance is S.Chance for the actor alone.
func (a *Actor) Chance(what string, p Rate) bool { return a.s.Chance(a.own(what), p) }

// Between is S.Between for the actor alone.
func (a *Actor) Between(what string, lo, hi time.Duration) time.Duration {
	return a.s.Between(a.own(what), lo, hi)
}

func (a *Actor) own(what string) string { return a.name + ": " + what }

package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/bgloop/bgloop/internal/seam"
)

// A promise is what is to become true once all is well again.
type promise struct {
	name   string
	within time.Duration
	kept   func() bool
	done   bool
	park   seam.Park // of whoever waits for it, nil before that
}

// Eventually says that f becomes true, within that time, once the scenario has
// returned and with it the faults and what Every repeats have stopped. What has
// been true in between need not be so again; several promises run side by side.
func (s *S) Eventually(name string, within time.Duration, f func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.promises = append(s.promises, &promise{name: name, within: within, kept: f})
}

// A waiter is a strand in Until.
type waiter struct {
	ok   func() bool
	park seam.Park
}

// Until lets time go by until ok is true, which is asked after every step. It
// must not wait, and so must not call the App. Any strand of the simulation may
// call Until, and is then the one that waits.
func (s *S) Until(ok func() bool) {
	if ok() {
		return
	}
	w := waiter{ok, s.world.NewPark()}
	s.mu.Lock()
	s.waiters = append(s.waiters, w)
	s.mu.Unlock()
	_ = w.park.Park(nil) //nolint:staticcheck // nothing ends this wait but ok
}

// wake wakes who waits for what is so now.
func (s *S) wake() {
	s.mu.Lock()
	waiters := s.waiters
	s.waiters = nil
	s.mu.Unlock()
	waiters = slices.DeleteFunc(waiters, func(w waiter) bool {
		ok := w.ok()
		if ok {
			w.park.Unpark()
		}
		return ok
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiters = append(waiters, s.waiters...)
}

// keepPromises wakes who waits for what has become true.
func (s *S) keepPromises() {
	for _, p := range s.promises {
		if !p.done && p.kept() {
			p.done = true
			if p.park != nil {
				p.park.Unpark()
			}
		}
	}
}

// awaitPromises waits on the healed world for each promise to be kept.
func (s *S) awaitPromises() {
	healed := s.Now()
	s.keepPromises()
	for _, p := range s.promises {
		if p.done {
			continue
		}
		p.park = s.world.NewPark()
		timer := s.world.AfterFunc(healed.Add(p.within).Sub(s.Now()), p.park.Unpark)
		_ = p.park.Park(nil) //nolint:staticcheck // the alarm ends this wait
		timer.Stop()
		if !p.done {
			s.fail(p.name, fmt.Errorf("not so within %v after all was well again", p.within))
			return
		}
	}
}

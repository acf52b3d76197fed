package sim

import (
	"fmt"
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
	s.promises = append(s.promises, &promise{name: name, within: within, kept: f})
}

// keepPromises wakes who waits for what has become true.
func (s *S) keepPromises() {
	if !s.over {
		return
	}
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

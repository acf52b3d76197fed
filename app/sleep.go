package app

import (
	"slices"
	"time"

	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
)

// A sleeper is a strand in Sleep.
type sleeper struct {
	r     *run
	timer engine.Timer
	park  seam.Park

	// run.mu guards the following until it has been woken, and nobody changes it
	// then.
	asleep bool  // the engine has it in its plan
	over   bool  // it has been woken
	why    error // for which it was woken early
}

// Sleep implements seam.Run.
func (h *handle) Sleep(d time.Duration) error {
	h.letIn()
	s, err := h.sleeper(d)
	if s == nil {
		return err
	}
	r := h.r
	r.a.post(&engine.Input{Op: engine.Arm, Timer: &s.timer, For: d})
	_ = s.park.Park(nil) //nolint:staticcheck // wake and rouse unpark it
	if s.why != nil {    // it is early: the plan must not hold on to what is over
		r.a.post(&engine.Input{Op: engine.Disarm, Timer: &s.timer})
		return s.why
	}
	if s.asleep { // nobody else knows of it anymore
		r.mu.Lock()
		r.rested = s
		r.mu.Unlock()
	}
	return nil
}

// sleeper returns one that is to sleep for d; nil if nobody is to.
func (h *handle) sleeper(d time.Duration) (*sleeper, error) {
	r := h.r
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.rested
	if r.rested = nil; s == nil {
		r.mu.Unlock()
		s = &sleeper{r: r, park: r.a.driver.NewPark()}
		s.timer.Host = s
		r.mu.Lock()
	}
	if err := h.mayWait(); err != nil || d <= 0 {
		return nil, err
	}
	s.asleep, s.over = false, false
	r.sleepers = append(r.sleepers, s)
	return s, nil
}

// fellAsleep notes that the engine will wake the strand: from now on it does
// not work. The owner calls it.
func fellAsleep(t *engine.Timer) {
	s, ok := t.Host.(*sleeper)
	if !ok {
		return
	}
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	if s.over {
		return
	}
	if s.r.ended != nil { // canceled on the way here
		s.rouse(s.r)
		return
	}
	s.asleep = true
	s.r.count(0, -1)
}

// wake ends the sleep in time. The owner calls it.
func (s *sleeper) wake() {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	if s.over {
		return
	}
	if list := s.r.sleepers; len(list) == 1 && list[0] == s { // as mostly
		list[0], s.r.sleepers = nil, list[:0]
	} else if i := slices.Index(list, s); i >= 0 {
		s.r.sleepers = slices.Delete(list, i, i+1)
	}
	s.rouse(s.r)
}

// rouse ends the sleep, with r.mu held.
func (s *sleeper) rouse(r *run) {
	if s.over {
		return
	}
	s.over, s.why = true, r.ended
	if s.asleep {
		r.count(0, 1)
	}
	s.park.Unpark()
}

package app

import (
	"slices"
	"time"

	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
)

// A sleeper is a strand in Sleep.
type sleeper struct {
	r      *run
	timer  engine.Timer
	park   seam.Park
	asleep bool  // guarded by run.mu: the engine has it in its plan
	over   bool  // guarded by run.mu: it has been woken
	why    error // guarded by run.mu: for which it was woken early
}

// Sleep implements seam.Run.
func (h *handle) Sleep(d time.Duration) error {
	h.letIn()
	r := h.r
	s := r.sleeper()
	r.mu.Lock()
	err := h.mayWait()
	if err == nil && d > 0 {
		r.sleepers = append(r.sleepers, s)
	}
	r.mu.Unlock()
	if err != nil || d <= 0 {
		return err
	}
	r.a.post(&engine.Input{Op: engine.Arm, Timer: &s.timer, For: d})
	_ = s.park.Park(nil) //nolint:staticcheck // wake and rouse unpark it
	r.mu.Lock()
	if err = s.why; err == nil && s.asleep { // nobody else knows of it anymore
		r.rested = s
	}
	r.mu.Unlock()
	if err != nil { // it is early: the plan must not hold on to what is over
		r.a.post(&engine.Input{Op: engine.Disarm, Timer: &s.timer})
	}
	return err
}

// sleeper returns one for the next Sleep.
func (r *run) sleeper() *sleeper {
	r.mu.Lock()
	s := r.rested
	r.rested = nil
	r.mu.Unlock()
	if s == nil {
		s = &sleeper{r: r, park: r.a.driver.NewPark()}
		s.timer.Host = s
	}
	s.asleep, s.over = false, false
	return s
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
	s.r.sleepers = slices.DeleteFunc(s.r.sleepers, func(o *sleeper) bool { return o == s })
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

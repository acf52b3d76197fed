package app

import (
	"errors"
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

	turn    uint8 // is another each time it serves
	notices [2]notice
}

// A notice says that a sleeper has been left by its strand. It holds for one of
// its turns, so nobody need take it away.
type notice struct {
	s    *sleeper
	turn uint8
}

// newSleeper returns one that has never served.
func newSleeper(r *run) *sleeper {
	s := &sleeper{r: r, park: r.a.driver.NewPark()}
	s.timer.Host = s
	s.notices = [2]notice{{s, 0}, {s, 1}}
	return s
}

// leave says that nobody else knows of it anymore.
func (s *sleeper) leave() { s.r.rested.Store(&s.notices[s.turn]) }

// Sleep implements seam.Run.
func (h *handle) Sleep(d time.Duration) error {
	h.letIn()
	var spare *sleeper
	if h.r.rested.Load() == nil {
		spare = newSleeper(h.r)
	}
	s, err := h.fallAsleep(d, spare)
	if err == errNoSleeper { //nolint:errorlint // the very value
		s, err = h.fallAsleep(d, newSleeper(h.r))
	}
	if s == nil {
		return err
	}
	if err := s.park.Park(nil); err != nil { //nolint:staticcheck // wake and rouse unpark it
		return err // in a simulation: the process is killed, and this goroutine is none of its strands
	}
	if s.why != nil { // it is early: the plan must not hold on to what is over
		h.r.a.post(&engine.Input{Op: engine.Disarm, Timer: &s.timer})
		return s.why
	}
	if s.asleep {
		s.leave()
	}
	return nil
}

// fallAsleep arms a sleeper for d, and returns it; nil if nobody is to sleep. It
// takes the one that has rested, or else the one that is given.
func (h *handle) fallAsleep(d time.Duration, s *sleeper) (*sleeper, error) {
	a := h.r.a
	if !a.take() {
		s, err := h.sleeper(d, s, false)
		if s != nil {
			a.send(&letter{in: &engine.Input{Op: engine.Arm, Timer: &s.timer, For: d}})
		}
		return s, err
	}
	s, err := h.sleeper(d, s, true)
	if s != nil {
		a.step(&engine.Input{Op: engine.Arm, Timer: &s.timer, For: d})
	}
	a.release(0)
	return s, err
}

// errNoSleeper: there is no sleeper that has rested.
var errNoSleeper = errors.New("app: no sleeper")

// sleeper returns the one that is to sleep for d; nil if nobody is to. Under the
// owner it is asleep from now on.
func (h *handle) sleeper(d time.Duration, s *sleeper, owner bool) (*sleeper, error) {
	r := h.r
	r.mu.Lock()
	if n := r.rested.Load(); n != nil && n.turn == n.s.turn {
		s = n.s
		s.turn ^= 1
	}
	if s == nil {
		r.mu.Unlock()
		return nil, errNoSleeper
	}
	if err := h.mayWait(); err != nil || d <= 0 {
		r.mu.Unlock()
		return nil, err
	}
	s.asleep, s.over = owner, false
	r.sleepers = append(r.sleepers, s)
	if owner {
		r.count(0, -1)
	}
	r.mu.Unlock()
	return s, nil
}

// fellAsleep notes that the engine will wake the strand: from now on it does
// not work. The owner calls it.
func fellAsleep(t *engine.Timer) {
	s, ok := t.Host.(*sleeper)
	if !ok || s.asleep {
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
	r := s.r
	r.mu.Lock()
	if list := r.sleepers; len(list) == 1 && list[0] == s { // as mostly
		list[0], r.sleepers = nil, list[:0]
	} else if i := slices.Index(list, s); i >= 0 {
		r.sleepers = slices.Delete(list, i, i+1)
	}
	s.rouse(r)
	r.mu.Unlock()
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

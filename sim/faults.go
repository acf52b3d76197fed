package sim

import (
	"time"

	"github.com/bgloop/bgloop/internal/choice"
)

// Faults says what goes wrong, and how often. Zero is never. A fault is a
// decision like any other: it comes by the seed, and is left out by shrinking
// where it makes no difference. When the scenario has returned all is well
// again: nothing goes wrong anymore, and what hangs is released.
type Faults struct {
	// Of handlers, for each attempt. Panic: it panics, before its work, after
	// it, or holding a deferral. Hang: it does not begin its work before it is
	// canceled. Slow: it begins its work up to 10 minutes late. Deaf: it does
	// not see that it is canceled, and returns up to a minute late then.
	Panic, Hang, Slow, Deaf Rate

	// Of firings. Lost: it is refused. Delay: it is put off by up to 10
	// minutes. Duplicate: what a trigger fires it fires twice.
	Lost, Delay, Duplicate Rate

	// Of a process, at every tick, whose length is chosen from a minute to six
	// hours, and for each condition. Flap: the condition ceases to hold, or
	// begins to, and is as before, within one instant. Stall: nothing of the
	// process runs for up to 10 minutes. JumpForward, JumpBack: its clock is set
	// by up to 6 hours. Suspend: it sleeps for up to 6 hours.
	Flap, Stall, JumpForward, JumpBack, Suspend Rate

	// Kill ends the process as a power failure does; it is started again within
	// 10 minutes. It is a fault of every tick, too.
	Kill Rate

	// Of the store, for each append. StoreSlow: it takes up to a minute.
	// StoreFails: it returns an error, and what was written may be there or not.
	// StoreKill is Kill in the middle of it or right after it. Whatever kills
	// leaves of what was not durable the beginning, or nothing.
	StoreSlow, StoreFails, StoreKill Rate

	// Aim is how often one of the process's faults, of those that are not zero,
	// comes right after something has happened: a start, a latch, a cancel, a
	// completion.
	Aim Rate

	// Uniform leaves the rates as they are. Otherwise each is multiplied, for
	// each seed anew, by 0, 1, 5 or 25, so that lives differ in what goes wrong
	// in them.
	Uniform bool
}

// Usual are the faults of a test that does not say which: all but Lost and
// those that kill, which an App cannot make up for without its store. Take them
// to change one:
//
//	f := sim.Usual()
//	f.Duplicate, f.Kill = 0, 0.01
//	sim.Test(t, scenario, sim.WithFaults(f))
func Usual() Faults {
	return Faults{
		Panic: 0.004, Hang: 0.002, Slow: 0.02, Deaf: 0.002,
		Delay: 0.004, Duplicate: 0.004,
		Flap: 0.004, Stall: 0.004, JumpForward: 0.001, JumpBack: 0.001, Suspend: 0.001,
		StoreSlow: 0.004, StoreFails: 0.004,
		Aim: 0.01,
	}
}

// WithFaults sets what goes wrong and how often. The default is Usual;
// Faults{} is nothing at all.
func WithFaults(f Faults) Option { return func(c *config) { c.faults = f } }

// A fault is a kind of fault.
type fault int

const (
	faultPanic fault = iota
	faultHang
	faultSlow
	faultDeaf
	faultLost
	faultDelay
	faultDuplicate
	faultFlap
	faultStall
	faultForward
	faultBack
	faultSuspend
	faultKill
	faultStoreSlow
	faultStoreFails
	faultStoreKill
	faultAim
	faultCount
)

// firstOfProcess: from this on up to faultKill they are a process's.
const firstOfProcess = faultFlap

var faultNames = [...]string{
	"panic", "hang", "slow", "deaf", "lost", "delay", "duplicate",
	"flap", "stall", "jump forward", "jump back", "suspend", "kill",
	"store slow", "store fails", "store kill", "aim",
}

// rates are those of a life: the base, as the test has it, and what the seed
// makes of it. What never happens by its base is never asked for.
type rates struct {
	base, scaled [faultCount]Rate
}

func (f Faults) rates(c *choice.Source) (r rates) {
	r.base = [faultCount]Rate{
		f.Panic, f.Hang, f.Slow, f.Deaf, f.Lost, f.Delay, f.Duplicate,
		f.Flap, f.Stall, f.JumpForward, f.JumpBack, f.Suspend, f.Kill,
		f.StoreSlow, f.StoreFails, f.StoreKill, f.Aim,
	}
	r.scaled = r.base
	if !f.Uniform {
		for i := range r.scaled {
			r.scaled[i] = min(1, r.base[i]*Rate(c.Factor(faultNames[i])))
		}
	}
	return r
}

// any reports whether one of the faults from one kind to another can happen.
func (r *rates) any(from, to fault) bool {
	for i := from; i <= to; i++ {
		if r.base[i] > 0 {
			return true
		}
	}
	return false
}

// streams are where the faults of one task, or of one process, are decided.
type streams struct {
	name string
	made [faultCount]*choice.Stream
}

func (s *S) newStreams(name string) *streams {
	st := &streams{name: name}
	if s.mu.on { // else they are made when they are asked for, by one strand at a time
		for f := range faultCount {
			st.of(f)
		}
	}
	return st
}

func (st *streams) of(f fault) *choice.Stream {
	if st.made[f] == nil {
		st.made[f] = choice.NewStream(faultNames[f] + " of " + st.name)
	}
	return st.made[f]
}

// happens decides whether a fault comes now.
func (s *S) happens(f fault, st *streams) bool {
	if s.rates.base[f] == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	return s.chance(st.of(f), s.rates.scaled[f])
}

// How long faults last, at most.
const (
	shortFault = 10 * time.Minute
	longFault  = 6 * time.Hour
	deafFault  = time.Minute
)

// lasts decides how long a fault does: from two seconds on, for an App takes no
// notice of its clock being set by less than one.
func (s *S) lasts(f fault, st *streams, most time.Duration) time.Duration {
	return s.span(st.of(f), 2*time.Second, most)
}

// Package peers has the contenders: bare Go, bgloop in its modes, and other
// libraries, each behind the same few methods and with the same job to run.
//
// It measures nothing; measure does.
package peers

import "time"

// A Kind says what a contender is.
type Kind string

// The kinds.
const (
	Floor Kind = "floor" // what Go does by itself
	Ours  Kind = "bgloop"
	Peer  Kind = "peer"
)

// A Contender is one way to run jobs. What it cannot do is nil; if a reader
// might ask why, Cannot says so.
type Contender struct {
	Name  string
	Kind  Kind
	Gives string // what it gives that others do not

	Dispatch func() (Dispatcher, error)                    // runs a job now
	Time     func() (Timetable, error)                     // runs a job once, at a given time
	Recur    func(beat func(due int64)) (Recurring, error) // runs jobs again and again
	Register func(names []string) (Register, error)        // keeps jobs that come every Quarter
	Virtual  func(tick func()) (Simulation, error)         // lets virtual time pass
	Years    func(days int) (ticks int, err error)         // lets days of a tick each Quarter pass, or fewer
	Durable  func(dir string) (Dispatcher, error)          // has stored a job when Submit returns
	Most     map[Ability]int                               // how many timers, registrations or jobs per second are feasible; absent: any number
	Cannot   map[Ability]string                            // why not, or why not more
	Lead     time.Duration                                 // how long setting one timer may take; zero: 10 µs
}

// An Ability is what a contender may be able to do.
type Ability string

// The abilities, one for each function of a Contender.
const (
	Dispatching Ability = "dispatch"
	OpenLoop    Ability = "open loop" // Dispatching whose Submit does not wait for the job
	Timing      Ability = "time"
	Recur       Ability = "recur"
	Registering Ability = "register"
	Simulating  Ability = "virtual"
	Living      Ability = "year"
	Storing     Ability = "durable"
)

// Has reports whether the contender has the ability.
func (c Contender) Has(a Ability) bool {
	switch a {
	case Dispatching, OpenLoop:
		return c.Dispatch != nil
	case Timing:
		return c.Time != nil
	case Recur:
		return c.Recur != nil
	case Registering:
		return c.Register != nil
	case Simulating:
		return c.Virtual != nil
	case Living:
		return c.Years != nil
	case Storing:
		return c.Durable != nil
	}
	return false
}

// A Dispatcher runs jobs as soon as it can. Submit may be called from any
// goroutine; it may wait for a place in a queue, not for the job. Close waits
// for the jobs that have begun.
type Dispatcher interface {
	Submit(*Job)
	Close()
}

// An Awaiter is a Dispatcher whose callers wait for the outcome of each job
// rather than for the handlers' signal.
type Awaiter interface {
	Dispatcher
	SubmitAll([]*Job)
}

// Near is so near that a Timetable may refuse to set it.
const Near = 10 * time.Millisecond

// A Timetable runs each job once, when it is due. All calls of At come before
// that of Start.
type Timetable interface {
	At(time.Time, *Job) error
	Start() error
	Close()
}

// A Recurring runs jobs at a first instant and whenever a time has passed since,
// and calls beat at the first line of each run, with the instant at which it was
// due as Now gives it. It makes up for none that it has missed. All calls of
// Every come before that of Start.
type Recurring interface {
	Every(first time.Time, every time.Duration) error
	Start() error
	Close()
}

// Quarter is how often what is in a Register comes: the model's least interval.
const Quarter = 15 * time.Minute

// A Register keeps jobs that come every Quarter, by their number among the names
// it was made with. Add and Remove work before and after Start.
type Register interface {
	Add(i int) error
	Remove(i int) error
	Start() error
	Close()
}

// Ticking is how many tasks a Simulation has; each is due every TickEvery.
const (
	Ticking   = 100
	TickEvery = time.Minute
)

// A Simulation has Ticking tasks that call tick every TickEvery of virtual time.
// Pass lets that much time go by; tick's caller waits for the calls.
type Simulation interface {
	Pass()
	Close()
}

// All are all contenders; for each ability the first that has it is the floor.
func All() []Contender {
	var all []Contender
	for _, list := range [][]Contender{
		floors(), bgloop(), clocks(),
		fromAnts(), fromPond(), fromConc(), fromWorkqueue(), fromProtoactor(), fromWatermill(),
		fromGocron(), fromQuartz(), fromRobfig(), fromNetresearch(), fromRiver(),
	} {
		all = append(all, list...)
	}
	return all
}

// Absent are peers that could not be made contenders, and why.
func Absent() map[Ability]map[string]string {
	return map[Ability]map[string]string{
		Storing: {"neoq": "the Go module proxy refuses its module (github.com/acaloiaro/neoq)"},
	}
}

// Package condition holds the built-in conditions: what must hold before a due
// task starts.
package condition

import (
	"sync"

	"github.com/bgloop/bgloop/activation"
)

// A Flag is a condition set by hand. One flag may serve any number of
// registrations. Its methods may be called from any goroutine.
type Flag struct {
	name string

	mu    sync.Mutex // guards the following, and keeps reports in order
	holds bool
	armed []*report
}

type report struct{ tell func(bool) }

// NewFlag returns a flag; name is what people see.
func NewFlag(name string, holds bool) *Flag { return &Flag{name: name, holds: holds} }

// String is the flag's name.
func (f *Flag) String() string { return "flag(" + f.name + ")" }

// Arm is for Register.
func (f *Flag) Arm(tell func(bool), p activation.Port) error {
	r := &report{tell}
	tell(f.Holds())
	p.OnArm(func() { f.add(r) })
	p.OnDisarm(func() { f.remove(r) })
	return nil
}

func (f *Flag) add(r *report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = append(f.armed, r)
	r.tell(f.holds) // it may have changed since
}

func (f *Flag) remove(r *report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, o := range f.armed {
		if o == r {
			f.armed = append(f.armed[:i], f.armed[i+1:]...)
			return
		}
	}
}

// Holds reports how the flag is set.
func (f *Flag) Holds() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.holds
}

// Set sets the flag. Every change is told, in order, to every registration,
// also one that is taken back at once.
func (f *Flag) Set(holds bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.holds == holds {
		return
	}
	f.holds = holds
	for _, r := range f.armed {
		r.tell(holds)
	}
}

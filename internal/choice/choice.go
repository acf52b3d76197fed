// Package choice is where a simulation decides. Each decision is drawn from a
// stream, which belongs to one kind of decision of one actor and begins anew at
// each instant; what it is called there depends on nothing else. So decisions
// can be told apart in another run of the same scenario, and one that is left
// out there moves none of the others.
//
// Zero is always the dull value: nothing special happens. Where values come
// from is a Source: a seed, a plan that names the few that are not dull, or a
// walk through all there are.
package choice

import (
	"math/bits"
	"time"
)

// A Key names a decision, in 40 bits.
type Key uint64

// A Decision is one that was made, and not dull.
type Decision struct {
	Key   Key
	Value uint64
	What  string        // the stream's name; empty in a plan that was parsed
	At    time.Duration // since the start
	Of    uint64        // how many values there were
}

// A Stream is where decisions of one kind by one actor come from. It is not
// safe for concurrent use.
type Stream struct {
	name string
	id   uint64
	at   time.Duration
	n    uint64 // decisions at that instant
}

// NewStream returns the stream of that name.
func NewStream(name string) *Stream {
	return &Stream{name: name, id: mix(Hash(name)), at: -1}
}

// Hash is the FNV-1a of a text.
func Hash(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}

// key names the stream's next decision.
func (s *Stream) key(at time.Duration) Key {
	if at != s.at {
		s.at, s.n = at, 0
	}
	s.n++
	return Key(mix(s.id^mix(uint64(at)<<8+s.n)) >> 24)
}

// A Rate is how often something happens, from 0, never, to 1, always.
type Rate float64

// A Source gives decisions their values. It is not safe for concurrent use.
type Source struct {
	seed uint64
	free bool           // it goes by the seed
	plan map[Key]uint64 // nil: not by plan
	walk *Walk          // nil: not by walk
	tape *tape          // nil: not by tape

	recording bool
	made      Plan
}

// Seeded returns a Source whose values follow from a seed.
func Seeded(seed uint64) *Source { return &Source{seed: mix(seed + 1), free: true} }

// Kin returns the n-th of the Sources whose seeds follow from that of s; nil if s
// does not go by a seed.
func (s *Source) Kin(n int) *Source {
	if !s.free {
		return nil
	}
	return &Source{seed: mix(s.seed + uint64(n) + 1), free: true}
}

// Planned returns a Source where all decisions are dull but those of the plan.
func Planned(plan Plan) *Source {
	s := &Source{plan: make(map[Key]uint64, len(plan))}
	for _, d := range plan {
		s.plan[d.Key] = d.Value
	}
	return s
}

// Record makes s remember the decisions that are not dull.
func (s *Source) Record() *Source {
	s.recording = true
	return s
}

// Made are the decisions that were made and not dull, if s records.
func (s *Source) Made() Plan { return s.made }

// Below returns a number from 0 to n-1, each as likely. With an n of 1 or less
// there is nothing to decide.
func (s *Source) Below(st *Stream, at time.Duration, n uint64) uint64 {
	if n <= 1 {
		return 0
	}
	if s.free && !s.recording { // as mostly
		return scale(s.draw(st.key(at)), n)
	}
	return s.decide(st, at, n, func(r uint64) uint64 { return scale(r, n) })
}

// Span is Below where the ends are likelier: each comes up once in eight times.
func (s *Source) Span(st *Stream, at time.Duration, n uint64) uint64 {
	if n <= 1 {
		return 0
	}
	return s.decide(st, at, n, func(r uint64) uint64 {
		switch r >> 61 {
		case 0:
			return 0
		case 7:
			return n - 1
		}
		return scale(mix(r), n)
	})
}

// Chance reports whether something happens that happens at that rate.
func (s *Source) Chance(st *Stream, at time.Duration, p Rate) bool {
	switch {
	case p <= 0 && s.plan == nil:
		st.key(at)
		return false
	case p >= 1 && s.plan == nil && s.walk == nil:
		s.note(Decision{st.key(at), 1, st.name, at, 2})
		return true
	}
	if s.free && !s.recording {
		return chance(s.draw(st.key(at)), p) == 1
	}
	return s.decide(st, at, 2, func(r uint64) uint64 { return chance(r, p) }) == 1
}

// chance is 1 where r says so, at that rate, and 0 elsewhere.
func chance(r uint64, p Rate) uint64 {
	if float64(r>>11)/(1<<53) >= 1-float64(p) {
		return 1
	}
	return 0
}

// draw is the random number of a decision, by the seed.
func (s *Source) draw(key Key) uint64 { return mix(s.seed ^ mix(uint64(key))) }

func (s *Source) decide(st *Stream, at time.Duration, n uint64, draw func(r uint64) uint64) uint64 {
	key := st.key(at)
	var v uint64
	switch {
	case s.walk != nil:
		v = s.walk.take(n)
	case s.plan != nil:
		v = min(s.plan[key], n-1)
	case s.tape != nil:
		v = draw(s.tape.next())
	default:
		v = draw(s.draw(key))
	}
	if v != 0 {
		s.note(Decision{key, v, st.name, at, n})
	}
	return v
}

// Factor is by how much the rates of a kind of fault are multiplied: 0, 1, 5 or
// 25 with a seed, else 1. It is no decision: in a plan rates mean nothing.
func (s *Source) Factor(kind string) float64 {
	if !s.free {
		return 1
	}
	return [...]float64{0, 1, 5, 25}[mix(s.seed^Hash(kind))%4]
}

func (s *Source) note(d Decision) {
	if s.recording {
		s.made = append(s.made, d)
	}
}

// mix is the finalizer of SplitMix64. It is our own, so that a seed means the
// same in every release of Go.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// scale maps r to a number below n.
func scale(r, n uint64) uint64 {
	hi, _ := bits.Mul64(r, n)
	return hi
}

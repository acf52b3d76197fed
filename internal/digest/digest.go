// Package digest sums up states, so that one that was there before is known
// again. It knows nothing of what it is given.
package digest

import "time"

// A Sum is what was added so far, in its order. The zero Sum is empty.
type Sum uint64

// Add adds numbers.
func (s *Sum) Add(list ...uint64) {
	for _, v := range list {
		z := uint64(*s) ^ v + 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		*s = Sum(z ^ z>>31)
	}
}

// Int adds a number that may be negative.
func (s *Sum) Int(v int) { s.Add(uint64(v)) } //nolint:gosec // any mapping will do

// Is adds answers, up to 64.
func (s *Sum) Is(list ...bool) {
	bits := uint64(1)
	for _, yes := range list {
		bits <<= 1
		if yes {
			bits |= 1
		}
	}
	s.Add(bits)
}

// Text adds a text.
func (s *Sum) Text(text string) {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	s.Add(h, uint64(len(text)))
}

// Time adds an instant, whatever its zone.
func (s *Sum) Time(t time.Time) { s.Add(uint64(t.Unix()), uint64(t.Nanosecond())) } //nolint:gosec // any mapping will do

// Err adds what an error says.
func (s *Sum) Err(err error) {
	if err == nil {
		s.Add(0)
		return
	}
	s.Text(err.Error())
}

// A Bag is Sums without an order. The zero Bag is empty.
type Bag uint64

// Add puts a Sum in.
func (b *Bag) Add(s Sum) { *b += Bag(s)*2 + 1 }

package coro

import (
	"math/bits"
	"time"
)

// A splitmix is the SplitMix64 generator. It is our own, so that a seed means
// the same in every release of Go.
type splitmix uint64

// A Chooser decides which of n things that can happen at the instant at, given
// as the time since the World's start, happens next; n is at least 2. Choice 0
// is what a World in order would do.
type Chooser interface {
	Choose(at time.Duration, n int) int
}

// first chooses what a World in order would do.
type first struct{}

func (first) Choose(time.Duration, int) int { return 0 }

// Choose implements Chooser: each is as likely.
func (r *splitmix) Choose(_ time.Duration, n int) int {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	hi, _ := bits.Mul64(z, uint64(n))
	return int(hi)
}

// An fnv is a running hash after FNV-1a, which takes a word at a time instead of
// a byte, and so folds the upper half into the lower one.
type fnv uint64

func newFNV() fnv { return 14695981039346656037 }

func (h *fnv) add(v uint64) {
	x := (uint64(*h) ^ v) * 1099511628211
	*h = fnv(x ^ x>>32)
}

package coro

import "math/bits"

// A splitmix is the SplitMix64 generator. It is our own, so that a seed means
// the same in every release of Go.
type splitmix uint64

// below returns a number from 0 to n-1; n must be positive. With nothing to
// choose it draws nothing.
func (r *splitmix) below(n int) int {
	if n == 1 {
		return 0
	}
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	hi, _ := bits.Mul64(z, uint64(n))
	return int(hi)
}

// An fnv is a running FNV-64a hash.
type fnv uint64

func newFNV() fnv { return 14695981039346656037 }

// add hashes the eight bytes of v, the lowest first.
func (h *fnv) add(v uint64) {
	x := uint64(*h)
	for range 8 {
		x = (x ^ v&0xff) * 1099511628211
		v >>= 8
	}
	*h = fnv(x)
}

package pool

import "github.com/bgloop/bgloop/internal/seam"

// A queue is a ring of jobs, first in, first out. It grows as needed and keeps
// its memory, up to roomy slots once it is empty.
type queue struct {
	ring []seam.Job // its length is a power of two
	head int        // the oldest
	n    int
}

const (
	small = 64      // slots of the first ring
	roomy = 1 << 16 // slots an empty queue may keep
)

func (q *queue) push(j seam.Job) {
	if q.n == len(q.ring) {
		q.grow()
	}
	q.ring[(q.head+q.n)&(len(q.ring)-1)] = j
	q.n++
}

// pop takes the oldest job, or returns nil.
func (q *queue) pop() seam.Job {
	if q.n == 0 {
		return nil
	}
	j := q.ring[q.head]
	q.ring[q.head] = nil
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.n--
	if q.n == 0 && len(q.ring) > roomy {
		*q = queue{}
	}
	return j
}

func (q *queue) grow() {
	ring := make([]seam.Job, max(small, 2*len(q.ring)))
	k := copy(ring, q.ring[q.head:])
	copy(ring[k:], q.ring[:q.head])
	q.ring, q.head = ring, 0
}

package coro

// A queue holds the strands that are ready. It keeps their order as long as
// they leave by pop only.
type queue struct {
	line []*strand
	head int // those before it have left
}

func (q *queue) len() int { return len(q.line) - q.head }

func (q *queue) push(s *strand) {
	if len(q.line) == cap(q.line) && q.head > len(q.line)/2 {
		n := copy(q.line, q.line[q.head:])
		clear(q.line[n:])
		q.line, q.head = q.line[:n], 0
	}
	q.line = append(q.line, s)
}

// pop takes the strand that waits longest.
func (q *queue) pop() *strand {
	s := q.line[q.head]
	q.line[q.head] = nil
	q.head++
	if q.head == len(q.line) {
		q.line, q.head = q.line[:0], 0
	}
	return s
}

// pick takes the strand at i, and puts the last one in its place.
func (q *queue) pick(i int) *strand {
	i += q.head
	last := len(q.line) - 1
	s := q.line[i]
	q.line[i], q.line[last] = q.line[last], nil
	q.line = q.line[:last]
	return s
}

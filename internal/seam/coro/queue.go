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

// pick takes the strand at i; the others keep their order.
func (q *queue) pick(i int) *strand {
	if i == 0 {
		return q.pop()
	}
	i += q.head
	s := q.line[i]
	copy(q.line[q.head+1:i+1], q.line[q.head:i])
	q.line[q.head] = s
	return q.pop()
}

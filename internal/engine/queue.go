package engine

import "slices"

// A queue is a list of pending activations, first in first out.
type queue struct {
	acts []*Act
	head int
}

func (q *queue) len() int { return len(q.acts) - q.head }

// items are the activations, first first. They must not be kept.
func (q *queue) items() []*Act { return q.acts[q.head:] }

func (q *queue) push(a *Act) {
	if q.head > 32 && q.head > len(q.acts)/2 {
		q.acts = slices.Delete(q.acts, 0, q.head)
		q.head = 0
	}
	q.acts = append(q.acts, a)
}

func (q *queue) last() *Act {
	if q.len() == 0 {
		return nil
	}
	return q.acts[len(q.acts)-1]
}

func (q *queue) pop() *Act {
	if q.len() == 0 {
		return nil
	}
	return q.take(0)
}

// take removes the i-th.
func (q *queue) take(i int) *Act {
	a := q.acts[q.head+i]
	if i == 0 {
		q.acts[q.head] = nil
		q.head++
		if q.head == len(q.acts) {
			q.acts, q.head = q.acts[:0], 0
		}
		return a
	}
	q.acts = slices.Delete(q.acts, q.head+i, q.head+i+1)
	return a
}

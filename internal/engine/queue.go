package engine

import "slices"

// A queue is a list of pending activations, first in first out.
type queue struct {
	acts  []*Act
	head  int
	tried int // of those, how many an attempt was made of
}

func (q *queue) len() int { return len(q.acts) - q.head }

// fresh is how many have not been tried yet.
func (q *queue) fresh() int { return q.len() - q.tried }

// items are the activations, first first. They must not be kept.
func (q *queue) items() []*Act { return q.acts[q.head:] }

func (q *queue) push(a *Act) {
	if q.head > 32 && q.head > len(q.acts)/2 {
		q.acts = slices.Delete(q.acts, 0, q.head)
		q.head = 0
	}
	q.acts = append(q.acts, a)
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
	if a.retrying {
		q.tried--
	}
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

// ripe is the place of the first that may start, -1 if there is none.
func (q *queue) ripe() int {
	for i, a := range q.items() {
		if a.ripe() {
			return i
		}
	}
	return -1
}

// ripe reports whether a is neither put off nor held back by its own attempt
// before: one that failed may have deferrals that are open.
func (a *Act) ripe() bool { return a.notYet.index == 0 && !a.lingers() }

func (a *Act) lingers() bool { return a.retrying && a.last != nil && !a.last.released }

// ripeAndFresh reports whether there is one that is neither put off nor tried.
func (q *queue) ripeAndFresh() bool {
	return slices.ContainsFunc(q.items(), func(a *Act) bool { return a.ripe() && !a.retrying })
}

// mergeable is the last that may be merged with: it has not been tried yet.
func (q *queue) mergeable() *Act {
	if len(q.acts) == 0 {
		return nil
	}
	for _, a := range slices.Backward(q.items()) {
		if !a.retrying {
			return a
		}
	}
	return nil
}

// putBack inserts one that was tried where its age puts it.
func (q *queue) putBack(a *Act) {
	at := len(q.acts)
	for at > q.head && q.acts[at-1].ID > a.ID {
		at--
	}
	q.acts = slices.Insert(q.acts, at, a)
	q.tried++
}

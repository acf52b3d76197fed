package clock

import "time"

// A heap is a binary heap of timers, the earliest first, and of those due
// together the one armed first. Its keys are in the entries: container/heap over
// pointers was measured at three to four times the cost.
type heap []entry

type entry struct {
	at  time.Duration
	seq uint64
	t   *armed
}

// armed is what is called, and the index of its entry, or out. It is guarded by
// what guards the heap.
type armed struct {
	f func()
	i int
}

// out is the index of a timer that is in no heap.
const out = -1

func (e entry) before(o entry) bool {
	return e.at < o.at || e.at == o.at && e.seq < o.seq
}

func (h *heap) push(e entry) {
	*h = append(*h, e)
	h.up(len(*h)-1, e)
}

// remove takes out and returns the entry at i.
func (h *heap) remove(i int) entry {
	s := *h
	e, last := s[i], s[len(s)-1]
	s[len(s)-1] = entry{} // keeps no function alive
	*h = s[:len(s)-1]
	e.t.i = out
	switch {
	case i == len(*h): // it was the last
	case i > 0 && last.before(s[(i-1)/2]):
		h.up(i, last)
	default:
		h.down(i, last)
	}
	return e
}

// up puts e at i or above, where it belongs.
func (h heap) up(i int, e entry) {
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(h[parent]) {
			break
		}
		h.put(i, h[parent])
		i = parent
	}
	h.put(i, e)
}

// down puts e at i or below, where it belongs.
func (h heap) down(i int, e entry) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if r := child + 1; r < len(h) && h[r].before(h[child]) {
			child = r
		}
		if !h[child].before(e) {
			break
		}
		h.put(i, h[child])
		i = child
	}
	h.put(i, e)
}

func (h heap) put(i int, e entry) {
	h[i] = e
	e.t.i = i
}

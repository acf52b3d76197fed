package coro

// A heap is a binary heap of alarms: the earliest first, and of those due
// together the one armed first. Each knows its place.
type heap []*alarm

func (a *alarm) before(b *alarm) bool {
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (h *heap) push(a *alarm) {
	*h = append(*h, a)
	h.up(len(*h)-1, a)
}

// remove takes out and returns the alarm at i.
func (h *heap) remove(i int) *alarm {
	old := *h
	a, end := old[i], len(old)-1
	last := old[end]
	old[end] = nil
	*h = old[:end]
	a.i = gone
	if i < end {
		h.up(h.down(i, last), last)
	}
	return a
}

// fix puts a, whose instant is another by now, where it belongs.
func (h heap) fix(a *alarm) { h.up(h.down(a.i, a), a) }

// up puts a at i, or as far above as it belongs.
func (h heap) up(i int, a *alarm) {
	for i > 0 {
		parent := (i - 1) / 2
		if !a.before(h[parent]) {
			break
		}
		h.put(i, h[parent])
		i = parent
	}
	h.put(i, a)
}

// down moves alarms up until a belongs at the place that is free or above it,
// and returns that place.
func (h heap) down(i int, a *alarm) int {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return i
		}
		if child+1 < len(h) && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(a) {
			return i
		}
		h.put(i, h[child])
		i = child
	}
}

func (h heap) put(i int, a *alarm) {
	h[i] = a
	a.i = i
}

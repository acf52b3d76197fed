package sim

import "iter"

// rows holds a row for each of a sequence of IDs, which an App counts from 1.
// Those at the beginning that are done are let go of.
type rows[T interface{ done() bool }] struct {
	list  []T
	first uint64 // the ID of list[0]
}

// row returns the row of an ID, which is valid until the next call; nil if it
// was let go of.
func (t *rows[T]) row(id uint64) *T {
	if i := id - t.first; i < uint64(len(t.list)) { // as mostly
		return &t.list[i]
	}
	return t.reach(id)
}

// reach is row for an ID that has none, or none yet.
func (t *rows[T]) reach(id uint64) *T {
	if t.first == 0 {
		t.first = 1
	}
	if id < t.first {
		return nil
	}
	for id-t.first >= uint64(len(t.list)) {
		t.grow()
	}
	return &t.list[id-t.first]
}

func (t *rows[T]) grow() {
	if len(t.list) == cap(t.list) {
		n := 0
		for n < len(t.list) && t.list[n].done() {
			n++
		}
		if n > len(t.list)/2 {
			t.list = t.list[:copy(t.list, t.list[n:])]
			t.first += uint64(n)
		}
	}
	var empty T
	t.list = append(t.list, empty)
}

// open are the rows that are not done, by ID.
func (t *rows[T]) open() iter.Seq2[uint64, *T] {
	return func(yield func(uint64, *T) bool) {
		for i := range t.list {
			if row := &t.list[i]; !(*row).done() && !yield(t.first+uint64(i), row) {
				return
			}
		}
	}
}

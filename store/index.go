package store

import (
	"cmp"
	"slices"
)

// An index says where the last record of each key is that was not deleted.
type index struct {
	live  map[string]span
	bytes int64 // of those
}

// A span is where a frame is.
type span struct {
	at int64
	n  int
}

func newIndex() index { return index{live: map[string]span{}} }

// scan reads frames up to the first that is not whole, and says how many bytes
// those are.
func scan(data []byte) (x index, whole int) {
	x = newIndex()
	for {
		r, n, err := Decode(data[whole:])
		if err != nil {
			return x, whole
		}
		x.note(r, span{int64(whole), n})
		whole += n
	}
}

// note takes account of a record.
func (x *index) note(r Record, s span) {
	x.bytes -= int64(x.live[r.Key].n)
	if r.Kind == Delete {
		delete(x.live, r.Key)
		return
	}
	x.live[r.Key] = s
	x.bytes += int64(s.n)
}

// inOrder are the places, in the order of the records.
func (x *index) inOrder() []span {
	list := make([]span, 0, len(x.live))
	for _, s := range x.live {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b span) int { return cmp.Compare(a.at, b.at) })
	return list
}

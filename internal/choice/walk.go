package choice

// A Walk goes through every way to decide, one execution after the other, the
// last decision changing first.
type Walk struct {
	path []branch
	next int  // in path, of the execution that runs
	deep int  // the longest path so far
	dull bool // the execution is to have no further branches
}

// A branch is a decision on the path.
type branch struct{ value, of uint64 }

// widest is how many values of one decision a Walk tries: of more it tries the
// two ends.
const widest = 16

// Source returns the Source of the execution that is on.
func (w *Walk) Source() *Source {
	w.next, w.dull = 0, false
	return &Source{walk: w}
}

// Next goes on to the next execution, and reports whether there is one.
func (w *Walk) Next() bool {
	w.path = w.path[:min(w.next, len(w.path))]
	for i := len(w.path) - 1; i >= 0; i-- {
		if b := &w.path[i]; b.value+1 < b.of {
			b.value++
			w.path = w.path[:i+1]
			return true
		}
	}
	return false
}

// Depth is the number of decisions of the longest execution so far.
func (w *Walk) Depth() int { return w.deep }

// Fresh reports whether the next decision is one that no execution has come to.
func (w *Walk) Fresh() bool { return w.next == len(w.path) }

// Dull makes all further decisions of the execution dull, and no branches.
func (w *Walk) Dull() { w.dull = true }

func (w *Walk) take(n uint64) uint64 {
	if w.dull {
		return 0
	}
	of := n
	if n > widest {
		of = 2
	}
	if w.next == len(w.path) {
		w.path = append(w.path, branch{0, of})
		w.deep = max(w.deep, len(w.path))
	}
	v := w.path[w.next].value
	w.next++
	if n > widest && v == 1 {
		return n - 1
	}
	return v
}

package choice

import (
	"slices"
)

// A Trial is what became of a run that followed a plan.
type Trial struct {
	Fails bool
	Made  Plan // the decisions of the plan that were come to, if it fails
}

// Shrink looks for the smallest plan that still fails, by leaving decisions out
// and lowering those that stay, within so many tries. It returns the best plan
// and how many tries it took.
func Shrink(found Plan, limit int, try func(Plan) Trial) (Plan, int) {
	s := &shrinking{best: found, left: limit, try: try}
	s.dull()
	s.kinds()
	s.tails()
	s.parts()
	s.lower()
	return s.best, limit - s.left
}

type shrinking struct {
	best Plan
	left int
	try  func(Plan) Trial
}

// attempt tries a plan, and takes it for the best if it fails.
func (s *shrinking) attempt(p Plan) bool {
	if s.left == 0 {
		return false
	}
	s.left--
	t := s.try(p)
	if t.Fails {
		s.best = t.Made
	}
	return t.Fails
}

// dull tries whether it takes anything at all.
func (s *shrinking) dull() { s.attempt(Plan{}) }

// kinds leaves out, one kind after the other, all that were made by one name.
func (s *shrinking) kinds() {
	var names []string
	count := map[string]int{}
	for _, d := range s.best {
		if count[d.What]++; count[d.What] == 1 {
			names = append(names, d.What)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return count[b] - count[a] })
	for _, name := range names[:min(len(names), 40)] {
		s.without(func(d Decision) bool { return d.What == name })
	}
}

func (s *shrinking) without(gone func(Decision) bool) {
	p := slices.DeleteFunc(slices.Clone(s.best), gone)
	if len(p) < len(s.best) {
		s.attempt(p)
	}
}

// tails keeps what was made at the very start, which is how the world is, and
// the last few.
func (s *shrinking) tails() {
	for k := 1; k < len(s.best)/2; k *= 2 {
		first := slices.IndexFunc(s.best, func(d Decision) bool { return d.At > 0 })
		if first < 0 || len(s.best)-k <= first {
			return
		}
		if s.attempt(slices.Concat(s.best[:first], s.best[len(s.best)-k:])) {
			return
		}
	}
}

// parts leaves out ever smaller parts, as delta debugging does, the last first.
func (s *shrinking) parts() {
	for size := (len(s.best) + 1) / 2; size >= 1 && s.left > 0; {
		removed := false
		for end := len(s.best); end > 0 && s.left > 0; end = min(end-size, len(s.best)) {
			from := max(end-size, 0)
			removed = s.attempt(slices.Concat(s.best[:from], s.best[end:])) || removed
		}
		switch {
		case size > 1:
			size = min(size/2, max(len(s.best)/2, 1))
		case !removed:
			return
		}
	}
}

// lower makes the values that stay smaller.
func (s *shrinking) lower() {
	for i := 0; i < len(s.best); i++ {
		for _, smaller := range []func(uint64) uint64{
			func(uint64) uint64 { return 1 },
			func(v uint64) uint64 { return v / 2 },
			func(v uint64) uint64 { return v / 2 },
			func(v uint64) uint64 { return v - 1 },
		} {
			if i >= len(s.best) {
				return
			}
			v := s.best[i].Value
			if to := smaller(v); to < v && to > 0 {
				p := slices.Clone(s.best)
				p[i].Value = to
				s.attempt(p)
			}
		}
	}
}

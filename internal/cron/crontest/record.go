package crontest

import (
	"slices"
	"time"
)

// A Record is what the clock of a zone did over some years.
type Record struct {
	// Edges are the instants at which the clock was set, in order, in seconds
	// from 1970.
	Edges []int64

	from, to int64
	offsets  []int64 // before each edge, and after the last
}

// Watch looks at the clock of a zone once an hour, and where it was set in
// between looks closer. The span should begin and end at a full hour of UTC.
func Watch(loc *time.Location, from, to time.Time) *Record {
	offset := func(u int64) int64 {
		_, o := time.Unix(u, 0).In(loc).Zone()
		return int64(o)
	}
	r := &Record{from: from.Unix(), to: to.Unix()}
	last := offset(r.from)
	r.offsets = append(r.offsets, last)
	for u := r.from + 3600; u <= r.to; u += 3600 {
		now := offset(u)
		if now == last {
			continue
		}
		lo, hi := u-3600, u // set in (lo, hi]
		for hi-lo > 1 {
			if mid := (lo + hi) / 2; offset(mid) == last {
				lo = mid
			} else {
				hi = mid
			}
		}
		r.Edges = append(r.Edges, hi)
		r.offsets = append(r.offsets, now)
		last = now
	}
	return r
}

// period is the ith stretch between edges, and the offset during it.
func (r *Record) period(i int) (from, to, offset int64) {
	from, to = r.from, r.to
	if i > 0 {
		from = r.Edges[i-1]
	}
	if i < len(r.Edges) {
		to = r.Edges[i]
	}
	return from, to, r.offsets[i]
}

// Owed lists the runs that are owed for one time of day, given in seconds, on
// each day from first to last inclusive: where the clock shows the time, there;
// where it shows it twice, at the first or at both; where it does not, at the
// edge that jumps over it or nowhere. The days must lie two days inside the span of
// the record.
func (r *Record) Owed(first, last time.Time, clock int64, skip, twice bool) []int64 {
	var owed []int64
	i := 0
	for wall := day(first) + clock; wall <= day(last)+clock; wall += 24 * 3600 {
		for i < len(r.Edges) && r.Edges[i] < wall-48*3600 {
			i++
		}
		shown := r.shown(i, wall)
		switch {
		case len(shown) > 1 && !twice:
			owed = append(owed, shown[0])
		case len(shown) > 0:
			owed = append(owed, shown...)
		case !skip:
			owed = append(owed, r.jumped(i, wall))
		}
	}
	slices.Sort(owed)
	return slices.Compact(owed) // one instant is one run
}

func day(t time.Time) int64 {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()
}

// shown lists the instants, from period i on, at which the clock shows wall.
func (r *Record) shown(i int, wall int64) (at []int64) {
	for ; i < len(r.offsets); i++ {
		from, to, offset := r.period(i)
		if from > wall+48*3600 {
			break
		}
		if u := wall - offset; from <= u && u < to {
			at = append(at, u)
		}
	}
	return at
}

// jumped is the edge, from period i on, at which the clock jumps over wall.
func (r *Record) jumped(i int, wall int64) int64 {
	for ; i < len(r.Edges); i++ {
		u := r.Edges[i]
		if u+r.offsets[i] <= wall && wall < u+r.offsets[i+1] {
			return u
		}
	}
	return 0
}

package crontest

import "time"

// Walk looks at the clock of a zone every step, a second or a minute, and lists
// the runs after from up to until. It knows three things: what the clock shows,
// whether it has shown that or more before, and whether it has jumped.
func Walk(f *Fields, loc *time.Location, from, until time.Time, step int64, skip, twice bool) []int64 {
	var runs []int64
	u := (from.Unix()/step)*step - 49*3600
	mark := int64(-1 << 62) // the highest that the clock has shown
	var minute, offset int64 = -1 << 62, 0
	for ; u <= until.Unix(); u += step {
		if m := u / 60; m != minute { // clocks are set at full minutes
			_, o := time.Unix(u, 0).In(loc).Zone()
			minute, offset = m, int64(o)
		}
		wall := u + offset
		if u > from.Unix() && owed(f, mark, wall, step, skip, twice) {
			runs = append(runs, u)
		}
		mark = max(mark, wall)
	}
	return runs
}

func owed(f *Fields, mark, wall, step int64, skip, twice bool) bool {
	if f.Elapsed() {
		return f.Match(wall)
	}
	if !skip {
		for w := mark + step; w < wall; w += step {
			if f.Match(w) {
				return true
			}
		}
	}
	return f.Match(wall) && (wall > mark || twice)
}

package crondiff

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

const (
	months   = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"
	weekdays = "SUNMONTUEWEDTHUFRISAT"
)

// Random makes up an expression of five fields, or six with seconds, that all
// libraries read alike. It leaves out what some refuse or get wrong:
//
//   - 7 for Sunday: robfig refuses it, cronexpr takes 5-7 for 5-6;
//   - SUN as the end of a range: cronexpr takes it for 6;
//   - */1 in a day field: cronexpr takes it for a restriction;
//   - L-3: cronexpr refuses it.
//
// L, LW, 15W, FRIL and FRI#2 are used if extended.
func Random(r *rand.Rand, seconds, extended bool) string {
	dom := func() string { return "?" }
	dow := func() string { return "?" }
	if extended {
		dom = func() string { return []string{"L", "LW", fmt.Sprintf("%dW", 1+r.IntN(31))}[r.IntN(3)] }
		dow = func() string {
			return fmt.Sprintf([]string{"%[1]dL", "%[1]d#%[2]d", "%[3]sL", "%[3]s#%[2]d"}[r.IntN(4)],
				r.IntN(7), 1+r.IntN(5), weekdays[3*r.IntN(7):][:3])
		}
	}
	month := func() string { return months[3*r.IntN(12):][:3] }
	f := []string{
		field(r, 0, 59, nil), field(r, 0, 23, nil), field(r, 1, 31, dom), field(r, 1, 12, month), field(r, 0, 6, dow),
	}
	if seconds {
		f = append([]string{field(r, 0, 59, nil)}, f...)
	}
	return strings.Join(f, " ")
}

// field makes up a field: every value, one entry, or a list of some.
func field(r *rand.Rand, from, to int, special func() string) string {
	if r.IntN(3) == 0 {
		return "*"
	}
	var list []string
	for len(list) == 0 || r.IntN(4) == 0 {
		e := entry(r, from, to)
		if special != nil && r.IntN(2) == 0 {
			if e = special(); e == "?" { // alone or not at all
				if len(list) == 0 {
					return e
				}
				continue
			}
		}
		list = append(list, e)
	}
	return strings.Join(list, ",")
}

func entry(r *rand.Rand, from, to int) string {
	a := from + r.IntN(to-from+1)
	b := a + r.IntN(to-a+1)
	n := 2 + r.IntN(to-from-1)
	kind := r.IntN(6)
	if b == 0 && to == 6 {
		kind = 5
	}
	switch kind {
	case 0:
		return fmt.Sprintf("%d-%d", a, b)
	case 1:
		return fmt.Sprintf("%d-%d/%d", a, b, n)
	case 2:
		return fmt.Sprintf("*/%d", n)
	case 3:
		return fmt.Sprintf("%d/%d", a, n)
	}
	return fmt.Sprint(a)
}

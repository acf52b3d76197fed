package crontest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Random makes up a valid expression of five fields, or of six.
func Random(r *rand.Rand, seconds bool) string {
	f := []string{
		entries(r, 0, 59, nil), entries(r, 0, 23, nil),
		entries(r, 1, 31, func() string {
			return []string{"L", "LW", fmt.Sprintf("L-%d", r.IntN(31)), fmt.Sprintf("%dW", 1+r.IntN(31)), "?"}[r.IntN(5)]
		}),
		entries(r, 1, 12, func() string { return months[3*r.IntN(12):][:3] }),
		entries(r, 0, 7, func() string {
			k := weekdays[3*r.IntN(7):][:3]
			return []string{"?", k, k + "L", fmt.Sprintf("%s#%d", k, 1+r.IntN(5)), "FRI-SUN", fmt.Sprintf("%dL", r.IntN(8))}[r.IntN(6)]
		}),
	}
	if seconds {
		f = append([]string{entries(r, 0, 59, nil)}, f...)
	}
	return strings.Join(f, " ")
}

const months = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"

// entries makes up a field: one entry most of the time, sometimes a list.
func entries(r *rand.Rand, from, to int, special func() string) string {
	if r.IntN(3) == 0 {
		return "*"
	}
	var list []string
	for len(list) == 0 || r.IntN(4) == 0 {
		if special != nil && r.IntN(3) == 0 {
			if e := special(); e != "?" {
				list = append(list, e)
			} else if len(list) == 0 {
				return e
			}
			continue
		}
		list = append(list, plain(r, from, to))
	}
	return strings.Join(list, ",")
}

func plain(r *rand.Rand, from, to int) string {
	a := from + r.IntN(to-from+1)
	b := a + r.IntN(to-a+1)
	n := 1 + r.IntN(to-from)
	switch r.IntN(6) {
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

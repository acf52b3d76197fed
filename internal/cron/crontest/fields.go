package crontest

import (
	"strconv"
	"strings"
	"time"
)

// Fields is a cron expression as lists of what its fields accept.
type Fields struct {
	second, minute, hour, month values
	dom, dow                    []string // the entries, for each day to be asked
	both                        bool

	day   int64 // the day that today is about
	today bool
}

// values says of each value whether it is accepted.
type values [64]bool

// Read takes an expression of five or six fields apart, without or with a zone
// in front. It must be valid and in upper case. With both, a day must suit both
// day fields even if both are restricted.
func Read(expr string, both bool) *Fields {
	f := strings.Fields(expr)
	if strings.Contains(f[0], "TZ=") {
		f = f[1:]
	}
	if len(f) == 5 {
		f = append([]string{"0"}, f...)
	}
	return &Fields{
		second: set(f[0], 0, 59), minute: set(f[1], 0, 59), hour: set(f[2], 0, 23), month: set(f[4], 1, 12),
		dom: strings.Split(f[3], ","), dow: strings.Split(f[5], ","),
		both: both, day: -1 << 62,
	}
}

// Elapsed reports whether every hour is asked for.
func (f *Fields) Elapsed() bool {
	n := 0
	for _, ok := range f.hour {
		if ok {
			n++
		}
	}
	return n == 24
}

// Match reports whether the fields accept what a clock shows, in seconds from
// 1970 as if the clock were in UTC.
func (f *Fields) Match(wall int64) bool {
	t := time.Unix(wall, 0).UTC()
	h, m, s := t.Clock()
	if !f.hour[h] || !f.minute[m] || !f.second[s] || !f.month[int(t.Month())] {
		return false
	}
	if today := day(t); f.day != today {
		f.day, f.today = today, f.matchDay(t)
	}
	return f.today
}

func (f *Fields) matchDay(t time.Time) bool {
	dom, dow := false, false
	anyDom, anyDow := false, false
	for _, e := range f.dom {
		anyDom = anyDom || open(e)
		dom = dom || matchDom(e, t)
	}
	for _, e := range f.dow {
		anyDow = anyDow || open(e)
		dow = dow || matchDow(e, t)
	}
	switch {
	case anyDom:
		return dow || anyDow
	case anyDow:
		return dom
	case f.both:
		return dom && dow
	}
	return dom || dow
}

func open(entry string) bool { return entry == "*" || entry == "?" || entry == "*/1" }

func matchDom(e string, t time.Time) bool {
	last := time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC)
	switch {
	case e == "L":
		return t.Day() == last.Day()
	case e == "LW":
		return t.Day() == workday(last).Day()
	case strings.HasPrefix(e, "L-"):
		return t.Day() == last.Day()-number(e[2:], "")
	case strings.HasSuffix(e, "W"):
		n := number(strings.TrimSuffix(e, "W"), "")
		return n <= last.Day() && t.Day() == workday(time.Date(t.Year(), t.Month(), n, 0, 0, 0, 0, time.UTC)).Day()
	}
	return set(e, 1, 31)[t.Day()]
}

// workday looks at the days around t, nearest first, for one from Monday to
// Friday in its month.
func workday(t time.Time) time.Time {
	for _, n := range []int{0, -1, 1, -2, 2} {
		u := t.AddDate(0, 0, n)
		if wd := u.Weekday(); wd != time.Saturday && wd != time.Sunday && u.Month() == t.Month() {
			return u
		}
	}
	panic("crontest: no workday near " + t.String())
}

const weekdays = "SUNMONTUEWEDTHUFRISAT"

func matchDow(e string, t time.Time) bool {
	if k, ok := strings.CutSuffix(e, "L"); ok {
		return number(k, weekdays)%7 == int(t.Weekday()) && t.AddDate(0, 0, 7).Month() != t.Month()
	}
	if k, n, ok := strings.Cut(e, "#"); ok {
		return number(k, weekdays)%7 == int(t.Weekday()) && (t.Day()-1)/7+1 == number(n, "")
	}
	days := set(e, 0, 6)
	return days[int(t.Weekday())] || t.Weekday() == time.Sunday && days[7]
}

// set is what a list of values, ranges and steps accepts.
func set(list string, from, to int) (accept values) {
	names := ""
	switch to {
	case 12:
		names = "xxx" + months
	case 6:
		names = weekdays
	}
	for _, e := range strings.Split(list, ",") {
		e, step, stepped := strings.Cut(e, "/")
		a, b := from, to
		if lo, hi, ok := strings.Cut(e, "-"); ok {
			a, b = number(lo, names), number(hi, names)
			if hi == "SUN" && a > 0 {
				b = 7
			}
		} else if e != "*" && e != "?" {
			a = number(e, names)
			if !stepped || a > b {
				b = a
			}
		}
		n := 1
		if stepped {
			n = number(step, "")
		}
		for v := a; v <= b; v += n {
			accept[v] = true
		}
	}
	return accept
}

func number(text, names string) int {
	if i := strings.Index(names, text); i >= 0 && len(text) == 3 {
		return i / 3
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		panic("crontest: " + err.Error())
	}
	return n
}

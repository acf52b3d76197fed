package cron

import (
	"math/bits"
	"strconv"
	"strings"
)

// String is the schedule as an expression in its plainest form: numbers for
// names, 0 for Sunday, descriptors spelled out, seconds only if they were
// given. The zone is in front unless it is time.Local by default. Parse with
// the same Options reads it to an equal schedule; Gap, Fold and Days are no
// part of an expression. A location whose name cannot be written as one word is
// left out.
func (s *Schedule) String() string {
	var b strings.Builder
	if s.zone != "" {
		b.WriteString("CRON_TZ=" + s.zone + " ")
	}
	if s.every > 0 {
		b.WriteString("@every " + s.everyText())
		return b.String()
	}
	if s.seconds {
		b.WriteString(seconds.text(s.second, 2) + " ")
	}
	b.WriteString(minutes.text(s.minute, 2) + " " + hours.text(s.hour, 2) + " ")
	b.WriteString(s.days.monthdayText() + " " + months.text(s.month, 3) + " " + s.days.weekdayText())
	return b.String()
}

// everyText is the duration without zeros at its end.
func (s *Schedule) everyText() string {
	text := s.every.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// text is a set of the field's values. Every nth value is */n if there are at
// least so many of them.
func (f *field) text(set uint64, steps int) string {
	if set == f.all() {
		return "*"
	}
	if n := f.every(set); n > 0 && bits.OnesCount64(set) >= steps {
		return "*/" + strconv.Itoa(n)
	}
	return strings.Join(terms(set), ",")
}

// every returns n if the set is */n, else 0.
func (f *field) every(set uint64) int {
	first := bits.TrailingZeros64(set)
	if first != f.min || set&(set-1) == 0 {
		return 0
	}
	n := bits.TrailingZeros64(set&(set-1)) - first
	if span(f.min, f.max, n) != set {
		return 0
	}
	return n
}

// terms lists the values of a set as single values and ranges.
func terms(set uint64) (list []string) {
	for set != 0 {
		a := bits.TrailingZeros64(set)
		b, n := progression(set, a)
		text := strconv.Itoa(a)
		if b > a {
			text += "-" + strconv.Itoa(b)
		}
		if n > 1 {
			text += "/" + strconv.Itoa(n)
		}
		list = append(list, text)
		set &^= span(a, b, n)
	}
	return list
}

// progression is the longest run a, a+n, ... b at the beginning of a set, if it
// has three values or more; else only a.
func progression(set uint64, a int) (b, n int) {
	rest := set &^ (1 << a)
	if rest == 0 {
		return a, 1
	}
	n = bits.TrailingZeros64(rest) - a
	for b = a + n; b+n < 64 && set>>(b+n)&1 != 0; {
		b += n
	}
	if b < a+2*n {
		return a, 1
	}
	return b, n
}

func (d *days) monthdayText() string {
	if d.anyDom {
		return "*"
	}
	var list []string
	switch n := monthday.every(d.dom); {
	case d.dom != monthday.all() && n > 0 && bits.OnesCount64(d.dom) >= 3:
		list = append(list, "*/"+strconv.Itoa(n))
	default:
		list = terms(d.dom)
	}
	for near := d.near &^ 1; near != 0; near &= near - 1 {
		list = append(list, strconv.Itoa(bits.TrailingZeros64(near))+"W")
	}
	for n := 30; n >= 0; n-- {
		switch {
		case d.tail>>n&1 == 0:
		case n == 0:
			list = append(list, "L")
		default:
			list = append(list, "L-"+strconv.Itoa(n))
		}
	}
	if d.near&1 != 0 {
		list = append(list, "LW")
	}
	return strings.Join(list, ",")
}

func (d *days) weekdayText() string {
	if d.anyDow {
		return "*"
	}
	list := terms(d.plain())
	for set := d.ordinal(); set != 0; set &= set - 1 {
		n := bits.TrailingZeros64(set)
		list = append(list, strconv.Itoa(n%7)+"#"+strconv.Itoa(n/7+1))
	}
	for set := d.last; set != 0; set &= set - 1 {
		list = append(list, strconv.Itoa(bits.TrailingZeros64(set))+"L")
	}
	return strings.Join(list, ",")
}

// plain is the set of weekdays meant in every week.
func (d *days) plain() uint64 {
	w := d.week
	return w & (w >> 7) & (w >> 14) & (w >> 21) & (w >> 28)
}

// ordinal is what week holds besides them.
func (d *days) ordinal() uint64 { return d.week &^ (everyWeek * d.plain()) }

package cron

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// dayWords says on which days; it is empty if every day is meant and that goes
// without saying.
func (s *Schedule) dayWords() string {
	d := &s.days
	switch {
	case d.anyDom && d.anyDow:
		return s.everyDay()
	case d.anyDom:
		return s.weekdaysWords()
	case d.anyDow:
		return on(d.monthdayWords()) + s.ofMonth(true)
	}
	words := on(d.monthdayWords()) + s.ofMonth(true)
	if d.rule == Both {
		return words + " if that is " + join(d.weekdayWords(), "or")
	}
	return words + " or " + s.weekdaysWords()
}

func (s *Schedule) weekdaysWords() string {
	d := &s.days
	return on(d.weekdayWords()) + s.ofMonth(d.ordinal() != 0 || d.last != 0)
}

// on is "on a and b", or "from a to b".
func on(list []string) string {
	if len(list) == 1 && strings.Contains(list[0], " to ") {
		return "from " + list[0]
	}
	return "on " + join(list, "and")
}

func (s *Schedule) everyDay() string {
	words := ""
	if s.times() != nil {
		words = "every day"
	}
	if s.month != months.all() {
		words = strings.TrimLeft(words+s.ofMonth(false), " ")
	}
	return words
}

// ofMonth names the months behind days; counted says that the days are counted
// in the month, as the 15th or the last Friday are.
func (s *Schedule) ofMonth(counted bool) string {
	switch {
	case s.month == months.all() && counted:
		return " of the month"
	case s.month == months.all():
		return ""
	}
	list := runs(s.month, func(n int) string { return time.Month(n).String() })
	if counted {
		return " of " + join(list, "and")
	}
	return " " + strings.Replace(on(list), "on ", "in ", 1)
}

func (d *days) monthdayWords() []string {
	list := runs(d.dom, func(n int) string { return "the " + ordinal(n) })
	for n := range values(d.near &^ 1) {
		list = append(list, "the weekday nearest the "+ordinal(n))
	}
	for n := 30; n > 0; n-- {
		switch {
		case d.tail>>n&1 == 0:
		case n == 1:
			list = append(list, "the day before the last")
		default:
			list = append(list, fmt.Sprintf("%d days before the last day", n))
		}
	}
	if d.tail&1 != 0 {
		list = append(list, "the last day")
	}
	if d.near&1 != 0 {
		list = append(list, "the last weekday")
	}
	return list
}

func (d *days) weekdayWords() []string {
	plain := d.plain()
	if plain&1 != 0 && plain&2 == 0 { // Sunday closes the week: Friday to Sunday
		plain = plain&^1 | 1<<7
	}
	list := runs(plain, func(n int) string { return time.Weekday(n % 7).String() })
	for n := range values(d.ordinal()) {
		nth := [...]string{"first", "second", "third", "fourth", "fifth"}[n/7]
		list = append(list, "the "+nth+" "+time.Weekday(n%7).String())
	}
	for n := range values(d.last) {
		list = append(list, "the last "+time.Weekday(n).String())
	}
	return list
}

// runs names the values of a set, three or more in a row as "a to c".
func runs(set uint64, name func(int) string) (list []string) {
	for set != 0 {
		a := bits.TrailingZeros64(set)
		n := bits.TrailingZeros64(^(set >> a))
		if n < 3 {
			n = 1
			list = append(list, name(a))
		} else {
			list = append(list, name(a)+" to "+name(a+n-1))
		}
		set &^= span(a, a+n-1, 1)
	}
	return list
}

func ordinal(n int) string {
	suffix := "th"
	if n/10 != 1 && n%10 >= 1 && n%10 <= 3 {
		suffix = [...]string{"st", "nd", "rd"}[n%10-1]
	}
	return strconv.Itoa(n) + suffix
}

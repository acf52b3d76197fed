package cron

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Describe is the schedule in words, for people: "at 02:30 on the last Friday
// of the month, Europe/Berlin". It names the zone where String does, and says
// so if the schedule never runs. The words may change between releases.
func (s *Schedule) Describe() string {
	var words string
	if s.every > 0 {
		words = "every " + s.everyText()
	} else {
		words = s.clockWords()
		if days := s.dayWords(); days != "" {
			words += " " + days
		}
		if s.never {
			words += ", which never comes"
		}
	}
	if s.zone != "" {
		words += ", " + s.zone
	}
	return words
}

// clockWords says at which times of day.
func (s *Schedule) clockWords() string {
	if times := s.times(); times != nil {
		return "at " + join(times, "and")
	}
	if s.second == 1 {
		return s.minuteWords()
	}
	sec := rhythm(&seconds, s.second)
	if s.minute == minutes.all() {
		if strings.HasPrefix(sec, "at ") {
			sec += " of every minute"
		}
		return sec + s.hourSpan()
	}
	minute := rhythm(&minutes, s.minute)
	if !strings.HasPrefix(minute, "at ") { // every 5 minutes: which ones matters here
		minute = "at minutes " + join(numbers(s.minute), "and")
	}
	return sec + " " + strings.Replace(minute, "at ", "of ", 1) + s.hourSet()
}

// times lists the times of day if they are few, or full hours that nothing
// shorter describes; else nothing.
func (s *Schedule) times() (list []string) {
	n := bits.OnesCount64(s.hour) * bits.OnesCount64(s.minute) * bits.OnesCount64(s.second)
	full := s.minute == 1 && s.second == 1
	if n > 4 && (!full || contiguous(s.hour) || hours.even(s.hour) > 0) {
		return nil
	}
	for h := range values(s.hour) {
		for m := range values(s.minute) {
			for sec := range values(s.second) {
				text := fmt.Sprintf("%02d:%02d", h, m)
				if s.second != 1 {
					text += fmt.Sprintf(":%02d", sec)
				}
				list = append(list, text)
			}
		}
	}
	return list
}

// minuteWords says at which minutes of which hours.
func (s *Schedule) minuteWords() string {
	every := hours.even(s.hour)
	switch {
	case s.minute == 1 && s.hour == hours.all():
		return "every hour"
	case s.minute == 1 && every > 0:
		return fmt.Sprintf("every %d hours", every)
	case s.minute == 1:
		a, b := ends(s.hour)
		return fmt.Sprintf("every hour from %02d:00 to %02d:00", a, b)
	}
	words := rhythm(&minutes, s.minute)
	if strings.HasPrefix(words, "at ") {
		return words + s.hourSet()
	}
	return words + s.hourSpan()
}

// hourSpan is the hours as a stretch of time.
func (s *Schedule) hourSpan() string {
	switch {
	case s.hour == hours.all():
		return ""
	case contiguous(s.hour):
		a, b := ends(s.hour)
		return fmt.Sprintf(" from %02d:00 to %02d:59", a, b)
	}
	return " in" + strings.TrimPrefix(s.hourSet(), " of")
}

// hourSet is the hours one by one.
func (s *Schedule) hourSet() string {
	switch {
	case s.hour == hours.all():
		return " of every hour"
	case bits.OnesCount64(s.hour) == 1:
		return " of the hour " + numbers(s.hour)[0]
	case contiguous(s.hour):
		a, b := ends(s.hour)
		return fmt.Sprintf(" of every hour from %d to %d", a, b)
	case hours.even(s.hour) > 0:
		return " of every " + ordinal(hours.even(s.hour)) + " hour"
	}
	return " of the hours " + join(numbers(s.hour), "and")
}

// rhythm is "every minute", "every 5 minutes", or "at minutes 5 and 7".
func rhythm(f *field, set uint64) string {
	n := f.even(set)
	switch {
	case set == f.all():
		return "every " + f.name
	case n > 0:
		return fmt.Sprintf("every %d %ss", n, f.name)
	case set&(set-1) == 0:
		return "at " + f.name + " " + numbers(set)[0]
	}
	return "at " + f.name + "s " + join(numbers(set), "and")
}

// even returns n if the set is every nth value, with the same distance from the
// last to the first; else 0.
func (f *field) even(set uint64) int {
	n := f.every(set)
	if n < 2 || (f.max+1-f.min)%n != 0 {
		return 0
	}
	return n
}

func ends(set uint64) (a, b int) { return bits.TrailingZeros64(set), 63 - bits.LeadingZeros64(set) }

func contiguous(set uint64) bool {
	a, b := ends(set)
	return set == span(a, b, 1)
}

// values yields the values of a set.
func values(set uint64) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for ; set != 0 && yield(bits.TrailingZeros64(set)); set &= set - 1 {
		}
	}
}

func numbers(set uint64) (list []string) {
	for v := range values(set) {
		list = append(list, strconv.Itoa(v))
	}
	return list
}

// join lists words as in "a, b and c".
func join(list []string, and string) string {
	n := len(list) - 1
	if n < 1 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:n], ", ") + " " + and + " " + list[n]
}

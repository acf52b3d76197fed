package cron

import (
	"strings"
	"unicode/utf8"
)

// A field is one of the six, with the values that it may hold.
type field struct {
	name     string
	min, max int
	names    string // three letters each, from min
}

var (
	seconds  = field{name: "second", max: 59}
	minutes  = field{name: "minute", max: 59}
	hours    = field{name: "hour", max: 23}
	monthday = field{name: "day of month", min: 1, max: 31}
	months   = field{name: "month", min: 1, max: 12, names: "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"}
	weekday  = field{name: "day of week", max: 6, names: "SUNMONTUEWEDTHUFRISAT"}
)

// all is the set of every value of the field.
func (f *field) all() uint64 { return span(f.min, f.max, 1) }

// span is the set of every nth value from a to b.
func span(a, b, n int) (set uint64) {
	for v := a; v <= b; v += n {
		set |= 1 << v
	}
	return set
}

// fields reads five or six fields and what they mean together.
func (p *parser) fields() error {
	var at [7][2]int
	n := 0
	for {
		from, to := p.word()
		if from == to {
			break
		}
		if n == 6 {
			return p.fail(from, "more than 6 fields")
		}
		at[n], p.pos = [2]int{from, to}, to
		n++
	}
	if n < 5 {
		return p.fail(len(p.expr), "%d of 5 fields", n)
	}
	s := p.s
	s.seconds, s.second = n == 6, 1
	readers := []func() error{
		func() (err error) { s.second, err = p.set(&seconds); return },
		func() (err error) { s.minute, err = p.set(&minutes); return },
		func() (err error) { s.hour, err = p.set(&hours); return },
		p.monthdays,
		func() (err error) { s.month, err = p.set(&months); return },
		p.weekdays,
	}
	for i, read := range readers[6-n:] {
		p.pos, p.end = at[i][0], at[i][1]
		if err := read(); err != nil {
			return err
		}
	}
	s.never = !s.ever()
	return nil
}

// list calls term for each entry of a list, and sees to the commas.
func (p *parser) list(term func() error) error {
	for {
		if err := term(); err != nil {
			return err
		}
		if p.pos == p.end {
			return nil
		}
		if !p.take(",") {
			r, _ := utf8.DecodeRuneInString(p.rest())
			return p.fail(p.pos, "%q is not expected here", string(r))
		}
	}
}

// set reads a field that is a plain set of values.
func (p *parser) set(f *field) (set uint64, err error) {
	err = p.list(func() error {
		vs, _, err := p.term(f)
		set |= vs
		return err
	})
	return set, err
}

// take reads s, in either case, if it comes next.
func (p *parser) take(s string) bool {
	if rest := p.rest(); len(rest) < len(s) || !strings.EqualFold(rest[:len(s)], s) {
		return false
	}
	p.pos += len(s)
	return true
}

// term reads *, a, a-b, and a step behind any of them. It also reports whether
// the term is open, which is * or */1.
func (p *parser) term(f *field) (set uint64, open bool, err error) {
	if p.take("*") {
		n, _, err := p.step(f)
		return span(f.min, f.max, n), n == 1, err
	}
	at := p.pos
	a, _, err := p.value(f)
	if err != nil {
		return 0, false, err
	}
	return p.from(f, at, a)
}

// from reads what may follow the value a, which began at the position at.
func (p *parser) from(f *field, at, a int) (set uint64, open bool, err error) {
	b := a
	isRange := p.take("-")
	if isRange {
		var named bool
		if b, named, err = p.value(f); err != nil {
			return 0, false, err
		}
		if f == &weekday && named && b == 0 && a > 0 {
			b = 7
		}
		if b < a {
			return 0, false, p.fail(at, "the range %s ends before it begins", p.expr[at:p.pos])
		}
	}
	n, stepped, err := p.step(f)
	if err != nil {
		return 0, false, err
	}
	if stepped && !isRange {
		b = max(a, f.max)
	}
	return span(a, b, n), false, nil
}

// step reads /n. Without it the step is 1.
func (p *parser) step(f *field) (n int, ok bool, err error) {
	if !p.take("/") {
		return 1, false, nil
	}
	at := p.pos
	n, ok = p.number()
	switch size := f.max - f.min + 1; {
	case !ok:
		err = p.fail(at, "a step must be a number")
	case n == 0:
		err = p.fail(at, "a step must not be 0")
	case n > size:
		err = p.fail(at, "the step %s is above %d, and the field starts anew each time",
			p.expr[at:p.pos], size)
	}
	return max(n, 1), true, err
}

// value reads a number or a name of the field, and reports whether it was a name.
func (p *parser) value(f *field) (v int, named bool, err error) {
	at := p.pos
	if v, ok := p.number(); ok {
		top := f.max
		if f == &weekday {
			top = 7
		}
		if v < f.min || v > top {
			return 0, false, p.fail(at, "%s %s is not in %d-%d", f.name, p.expr[at:p.pos], f.min, top)
		}
		return v, false, nil
	}
	for i := 0; i < len(f.names); i += 3 {
		if p.take(f.names[i : i+3]) {
			return f.min + i/3, true, nil
		}
	}
	if p.pos == p.end || p.expr[p.pos] == ',' {
		return 0, false, p.fail(at, "a value for the %s is missing", f.name)
	}
	word := p.rest()
	if n := strings.IndexAny(word, ",-/#"); n > 0 {
		word = word[:n]
	}
	return 0, false, p.fail(at, "%q is no %s", word, f.name)
}

// number reads digits. A number too large for any field is 1000.
func (p *parser) number() (n int, ok bool) {
	for p.pos < p.end && '0' <= p.expr[p.pos] && p.expr[p.pos] <= '9' {
		n = min(10*n+int(p.expr[p.pos]-'0'), 1000)
		p.pos++
		ok = true
	}
	return n, ok
}

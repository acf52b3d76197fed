package crontest

import (
	"fmt"
	"time"
)

// Next is what is tested: the first run after an instant.
type Next func(after time.Time) (time.Time, bool)

// Parse makes the Next of an expression in a zone under two policies.
type Parse func(expr string, loc *time.Location, skip, twice bool) (Next, error)

// times are the ten times of day of a sweep, as hours and minutes.
var times = [10][2]int{{0, 0}, {0, 1}, {0, 30}, {1, 0}, {1, 30}, {2, 0}, {2, 30}, {3, 0}, {12, 0}, {23, 59}}

// A Sweep compares daily runs at ten times of day, and runs each 20 minutes,
// with what is owed in the years 2000 to 2040.
type Sweep struct {
	// All looks at each day under every policy. Without it the policies that are
	// not the default are looked at in the days around edges only. Runs each 20
	// minutes are so in any case.
	All bool
	// OnlyEdges looks at no other days under the default either.
	OnlyEdges bool

	// Fires is how many runs were compared.
	Fires int
	// Violations are the differences found, at most ten of each kind.
	Violations []Violation
	// Count is how many differences of each kind were found.
	Count [Kinds]int

	loc    *time.Location
	parse  Parse
	record *Record
}

// A Kind is a way to be wrong.
type Kind int

// The kinds, and how many there are.
const (
	Skipped Kind = iota // a run that was owed and not made
	Extra               // a run that was made and not owed
	Stuck               // no next run, or one that is not later
	Kinds   = iota
)

// String is the kind in a word.
func (k Kind) String() string { return [Kinds]string{"skipped", "extra", "stuck"}[k] }

// A Violation is a difference between what is owed and what was made.
type Violation struct {
	Kind        Kind
	Expr, Zone  string
	Skip, Twice bool
	At          time.Time
}

// String is the violation for a reader.
func (v Violation) String() string {
	return fmt.Sprintf("%v: %q in %s at %v (skip %v, twice %v)", v.Kind, v.Expr, v.Zone, v.At, v.Skip, v.Twice)
}

var (
	sweepFrom = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	sweepTo   = time.Date(2040, 12, 31, 0, 0, 0, 0, time.UTC)
)

// NewSweep watches the clock of a zone and returns the sweep of it.
func NewSweep(loc *time.Location, parse Parse) *Sweep {
	record := Watch(loc, sweepFrom.AddDate(0, 0, -7), sweepTo.AddDate(0, 0, 7))
	return &Sweep{loc: loc, parse: parse, record: record}
}

// Edges is how often the zone's clock was set.
func (s *Sweep) Edges() int { return len(s.record.Edges) }

// Run runs the sweep.
func (s *Sweep) Run() {
	for _, skip := range []bool{false, true} {
		for _, twice := range []bool{false, true} {
			for _, t := range times {
				s.daily(t[0], t[1], skip, twice)
			}
			s.elapsed(skip, twice)
		}
	}
}

func (s *Sweep) daily(h, m int, skip, twice bool) {
	v := Violation{Expr: fmt.Sprintf("%d %d * * *", m, h), Zone: s.loc.String(), Skip: skip, Twice: twice}
	clock := int64(3600*h + 60*m)
	if s.All || !s.OnlyEdges && !skip && !twice {
		s.compare(v, s.record.Owed(sweepFrom, sweepTo, clock, skip, twice))
		return
	}
	for _, edge := range s.record.Edges {
		at := time.Unix(edge, 0).UTC()
		if at.Before(sweepFrom) || at.After(sweepTo) {
			continue
		}
		s.compare(v, s.record.Owed(at.AddDate(0, 0, -3), at.AddDate(0, 0, 3), clock, skip, twice))
	}
}

func (s *Sweep) elapsed(skip, twice bool) {
	v := Violation{Expr: "*/20 * * * *", Zone: s.loc.String(), Skip: skip, Twice: twice}
	f := Read(v.Expr, false)
	for _, edge := range s.record.Edges {
		var owed []int64
		for u := edge - edge%60 - 4*3600; u < edge+4*3600; u += 60 {
			_, offset := time.Unix(u, 0).In(s.loc).Zone()
			if f.Match(u + int64(offset)) {
				owed = append(owed, u)
			}
		}
		s.compare(v, owed)
	}
}

// compare follows Next from the first run that is owed to the last.
func (s *Sweep) compare(v Violation, owed []int64) {
	next, err := s.parse(v.Expr, s.loc, v.Skip, v.Twice)
	if err != nil {
		panic("crontest: " + err.Error())
	}
	if len(owed) == 0 {
		return
	}
	s.Fires += len(owed)
	at := time.Unix(owed[0], 0).Add(-1)
	for len(owed) > 0 {
		run, ok := next(at)
		if !ok || !run.After(at) {
			s.found(v, Stuck, at)
			return
		}
		at = run
		for len(owed) > 0 && owed[0] < run.Unix() {
			s.found(v, Skipped, time.Unix(owed[0], 0))
			owed = owed[1:]
		}
		switch {
		case len(owed) == 0:
		case owed[0] == run.Unix():
			owed = owed[1:]
		default:
			s.found(v, Extra, run)
		}
	}
}

func (s *Sweep) found(v Violation, k Kind, at time.Time) {
	v.Kind, v.At = k, at.In(s.loc)
	if s.Count[k]++; s.Count[k] <= 10 {
		s.Violations = append(s.Violations, v)
	}
}

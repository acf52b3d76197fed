package measure

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/bgloop/bgloop/bench/peers"
)

// A Table is what a scenario found.
type Table struct {
	Name    string   `json:"name"`
	About   string   `json:"about"`
	Rounds  int      `json:"rounds"`
	Columns []Column `json:"columns"`
	Rows    []Row    `json:"rows"` // the first is the floor
	Left    []Left   `json:"left"`
}

// A Row is a contender in a Table.
type Row struct {
	Name   string      `json:"name"`
	Kind   peers.Kind  `json:"kind"`
	Gives  string      `json:"gives"`
	Rounds [][]float64 `json:"rounds"` // by round and column

	// Values are the quartiles of each column; Floors those of its ratios to the
	// floor, round by round, where the column has ratios.
	Values []Quartiles `json:"values"`
	Floors []Quartiles `json:"floors"`
}

// A Left is a contender that does not take part, and why.
type Left struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Run measures every scenario with every contender that takes part and that
// chosen wants, once in each round. Each round begins with another contender, so
// that none always follows the same. The floor of a scenario is always measured
// if anything else is. tell is told what comes next.
func Run(all []Scenario, cs []peers.Contender, rounds int, chosen func(scenario, contender string) bool, tell func(string)) ([]Table, error) {
	var tables []Table
	var runs []run
	for _, s := range all {
		if r, t := newRun(s, cs, rounds, chosen); len(r.takes) > 0 {
			runs, tables = append(runs, r), append(tables, t)
		}
	}
	for round := range rounds {
		for i, r := range runs {
			if r.s.Every > 1 && round%r.s.Every != 0 {
				continue
			}
			said := func(c string) { tell(fmt.Sprintf("round %d of %d: %s: %s", round+1, rounds, r.s.Name, c)) }
			if err := r.round(round, &tables[i], said); err != nil {
				return nil, err
			}
		}
	}
	for i := range tables {
		tables[i].leave(runs[i].failed)
		tables[i].finish()
	}
	return tables, nil
}

// A run is a scenario and who takes part.
type run struct {
	s      Scenario
	takes  []peers.Contender
	failed map[string]error // peers by name; they are left out from then on
}

func newRun(s Scenario, cs []peers.Contender, rounds int, chosen func(scenario, contender string) bool) (run, Table) {
	r, t := run{s: s, failed: make(map[string]error)}, Table{Name: s.Name, About: s.About, Rounds: rounds, Columns: s.Columns}
	if s.Every > 1 {
		t.Rounds = (rounds + s.Every - 1) / s.Every
	}
	var floor *peers.Contender
	for _, c := range cs {
		switch {
		case s.Takes(c) && floor == nil:
			floor = &c
			if chosen(s.Name, c.Name) {
				r.takes = append(r.takes, c)
			}
		case !chosen(s.Name, c.Name):
		case s.Takes(c):
			r.takes = append(r.takes, c)
		case s.Left(c) != "":
			t.Left = append(t.Left, Left{c.Name, s.Left(c)})
		}
	}
	for name, why := range peers.Absent()[s.Ability] {
		if chosen(s.Name, name) {
			t.Left = append(t.Left, Left{name, why})
		}
	}
	if len(r.takes) > 0 && r.takes[0].Name != floor.Name {
		r.takes = slices.Insert(r.takes, 0, *floor)
	}
	for _, c := range r.takes {
		t.Rows = append(t.Rows, Row{Name: c.Name, Kind: c.Kind, Gives: c.Gives})
	}
	return r, t
}

// patience is after how long a measurement is taken to hang, since a job was
// lost. The program ends then, and says what every goroutine does.
const patience = 5 * time.Minute

func (r run) round(round int, t *Table, tell func(contender string)) error {
	for i := range r.takes {
		ci := (i + round) % len(r.takes)
		if r.failed[r.takes[ci].Name] != nil {
			continue
		}
		tell(r.takes[ci].Name)
		runtime.GC()
		late := time.AfterFunc(patience, func() { panic("bench: no end: " + r.s.Name + ": " + r.takes[ci].Name) })
		found, err := r.s.Once(r.takes[ci])
		late.Stop()
		switch {
		case err != nil && r.takes[ci].Kind == peers.Peer:
			r.failed[r.takes[ci].Name] = fmt.Errorf("failed in round %d: %w", round+1, err)
			continue
		case err != nil:
			return fmt.Errorf("%s: %s: %w", r.s.Name, r.takes[ci].Name, err)
		}
		t.Rows[ci].Rounds = append(t.Rows[ci].Rounds, found)
	}
	if r.s.Ability == peers.Registering {
		debug.FreeOSMemory()
	}
	return nil
}

// leave takes out what has failed, and says why.
func (t *Table) leave(failed map[string]error) {
	for _, w := range t.Rows {
		if err := failed[w.Name]; err != nil {
			t.Left = append(t.Left, Left{w.Name, err.Error()})
		}
	}
	t.Rows = slices.DeleteFunc(t.Rows, func(w Row) bool { return failed[w.Name] != nil })
}

// finish fills in what follows from the rounds.
func (t *Table) finish() {
	for i := range t.Rows {
		w := &t.Rows[i]
		for col, c := range t.Columns {
			var values, ratios []float64
			for round, found := range w.Rounds {
				values = append(values, found[col])
				if floor := t.Rows[0].Rounds[round][col]; c.Ratio && floor > 0 {
					ratios = append(ratios, found[col]/floor)
				}
			}
			w.Values = append(w.Values, QuartilesOf(values))
			w.Floors = append(w.Floors, QuartilesOf(ratios))
		}
	}
}

// Quartiles are the lower quartile, the median and the upper quartile; all are
// zero if there was nothing.
type Quartiles [3]float64

// QuartilesOf sorts the numbers and returns their quartiles.
func QuartilesOf(xs []float64) (q Quartiles) {
	if len(xs) == 0 {
		return q
	}
	slices.Sort(xs)
	for i := range q {
		at := float64(len(xs)-1) * float64(i+1) / 4
		low := int(at)
		high := min(low+1, len(xs)-1)
		q[i] = xs[low] + (xs[high]-xs[low])*(at-float64(low))
	}
	return q
}

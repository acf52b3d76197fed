package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/bgloop/bgloop/bench/measure"
)

// A goal is a figure of bgloop's that is promised: it must be reached, and it is
// aimed at. In floors, if the figure is a ratio.
type goal struct {
	what                     string
	table, contender, column string // the first two by their beginning
	of                       string // the row it is a multiple of; empty: the floor's ratio, or the figure itself
	absolute                 bool   // the figure itself
	must, aim                float64
}

func goals() []goal {
	const (
		one    = "throughput: one at a time"
		burst  = "throughput: burst of 1024, 1 producer"
		burst8 = "throughput: burst of 1024, 8 producers"
	)
	return []goal{
		{what: "one at a time, limit set, an observer attached", table: one, contender: "bgloop: limit, observer", column: "ns/run", must: 1.6, aim: 1.35},
		{what: "burst, one producer", table: burst, contender: "bgloop: fire", column: "ns/run", must: 0.8, aim: 0.55},
		{what: "burst, 8 producers", table: burst8, contender: "bgloop: fire", column: "ns/run", must: 1, aim: 0.8},
		{what: "open loop at 100,000/s, p99 of the start", table: "open loop: 100000", contender: "bgloop: fire", column: "start p99 µs", must: 1.2, aim: 1},
		{what: "a deferral completed on another goroutine", table: one, contender: "bgloop: deferral", column: "ns/run", must: 2.2, aim: 1.9},
		{what: "on the loop, burst", table: burst, contender: "bgloop: on the loop", column: "ns/run", must: 0.5, aim: 0.35},
		{what: "bytes per activation", table: burst, contender: "bgloop: fire", column: "B/run", absolute: true, must: 96, aim: 96},
		{what: "allocations per activation", table: burst, contender: "bgloop: fire", column: "allocs/run", absolute: true, must: 2, aim: 1},
		{what: "with histograms, in multiples of without", table: one, contender: "bgloop: fire", column: "ns/run", of: "bgloop: fire, no latency", must: 1.1, aim: 1.05},
		{what: "bytes per idle registration, of 100,000", table: "registrations: 100000", contender: "bgloop", column: "B each", absolute: true, must: 260, aim: 200},
		{what: "ns to register one more at 100,000", table: "registrations: 100000", contender: "bgloop", column: "one more ns", absolute: true, must: 1000, aim: 500},
		{what: "100,000 due over 5 s, p99 lateness", table: "timers: 100000", contender: "bgloop", column: "late p99 µs", must: 1.05, aim: 1.05},
		{what: "100,000 due over 5 s, CPU", table: "timers: 100000", contender: "bgloop", column: "CPU ns/timer", must: 0.6, aim: 0.6},
		{what: "100,000 due over 5 s, precise clock, p50 lateness", table: "timers: 100000", contender: "bgloop, precise", column: "late p50 µs", must: 1, aim: 0.2},
		{what: "10,000 due at one instant, p99 lateness", table: "timers: 10000", contender: "bgloop", column: "late p99 µs", must: 1, aim: 0.5},
		{what: "CPU µs/s of 100,000 idle registrations, in those of timers", table: "idle: 100000", contender: "bgloop", column: "CPU µs/s", of: "go", must: 1.2, aim: 1},
		{what: "CPU µs while Stop waits, in those of who waits for a channel's worker", table: "stopping:", contender: "bgloop: fire", column: "CPU µs", of: "channel, 1 worker", must: 2, aim: 1.2},
	}
}

// Goals writes what is promised beside what was found. A goal whose scenario was
// not measured is left out; it writes nothing if all are.
func (r *Report) Goals(w io.Writer) error {
	var b strings.Builder
	for _, g := range goals() {
		found, spread, ok := r.find(g)
		if !ok {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("\n### What is promised, and what was found\n\n")
			b.WriteString("Multiples of the floor, unless it says what. Of medians; the quartiles are in parentheses.\n")
			if r.Rounds < 3 {
				b.WriteString("So few rounds say little: judge by a whole run, on a machine that does nothing else.\n")
			}
			b.WriteString("\n")
			b.WriteString("| what | must | goal | found | |\n|---|---:|---:|---:|---|\n")
		}
		verdict := "**missed**"
		switch {
		case found <= g.aim:
			verdict = "goal"
		case found <= g.must:
			verdict = "must"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", g.what, number(g.must), number(g.aim), spread, verdict)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// find is the figure of a goal, and how it is written.
func (r *Report) find(g goal) (found float64, text string, ok bool) {
	for _, t := range r.Tables {
		if !strings.HasPrefix(t.Name+" ", g.table+" ") {
			continue
		}
		row, col := lookUp(t, g.contender, g.column)
		if row == nil {
			return 0, "", false
		}
		q := row.Floors[col]
		switch {
		case g.absolute:
			q = row.Values[col]
		case g.of != "":
			if q, ok = multiples(t, row, g.of, col); !ok {
				return 0, "", false
			}
		}
		return q[1], ratio(q), true
	}
	return 0, "", false
}

func lookUp(t measure.Table, contender, column string) (*measure.Row, int) {
	for i := range t.Rows {
		for col, c := range t.Columns {
			if t.Rows[i].Name == contender && c.Name == column {
				return &t.Rows[i], col
			}
		}
	}
	return nil, 0
}

// multiples are the quartiles of a row's figures as multiples of another's in
// the same rounds.
func multiples(t measure.Table, row *measure.Row, of string, col int) (measure.Quartiles, bool) {
	other, _ := lookUp(t, of, t.Columns[col].Name)
	if other == nil || len(other.Rounds) != len(row.Rounds) {
		return measure.Quartiles{}, false
	}
	var list []float64
	for i := range row.Rounds {
		if other.Rounds[i][col] > 0 {
			list = append(list, row.Rounds[i][col]/other.Rounds[i][col])
		}
	}
	return measure.QuartilesOf(list), len(list) > 0
}

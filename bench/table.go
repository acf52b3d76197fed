package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"
)

// A report is everything that was measured, and where.
type report struct {
	Go         string        `json:"go"`
	OS         string        `json:"os"`
	Arch       string        `json:"arch"`
	CPUs       int           `json:"cpus"`
	GOMAXPROCS int           `json:"gomaxprocs"`
	RoundCount int           `json:"rounds"`
	Span       time.Duration `json:"spanNs"`
	Loads      []loadReport  `json:"loads"`
}

type loadReport struct {
	Load string `json:"load"`
	Rows []row  `json:"rows"` // the first is the floor
}

// A row is a contender under one load.
type row struct {
	Name   string   `json:"name"`
	Gives  string   `json:"gives"`
	Median figure   `json:"median"`
	Floors ratio    `json:"floors"`    // in time
	CPU    ratio    `json:"cpuFloors"` // in processor time
	Rounds []figure `json:"figures"`
}

// A ratio is that of a contender to the floor: the quartiles of what was found
// round by round.
type ratio [3]float64

func (q ratio) String() string { return fmt.Sprintf("%.2f (%.2f-%.2f)", q[1], q[0], q[2]) }

func newReport(cs []contender, rounds int, span time.Duration) *report {
	r := &report{
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(),
		GOMAXPROCS: runtime.GOMAXPROCS(0), RoundCount: rounds, Span: span,
	}
	for _, l := range loads() {
		lr := loadReport{Load: l.name}
		for _, c := range cs {
			lr.Rows = append(lr.Rows, row{Name: c.name, Gives: c.gives})
		}
		r.Loads = append(r.Loads, lr)
	}
	return r
}

// finish fills in what follows from the rounds.
func (r *report) finish() {
	for _, l := range r.Loads {
		for i := range l.Rows {
			l.Rows[i].finish(l.Rows[0].Rounds)
		}
	}
}

func (w *row) finish(floor []figure) {
	column := func(of func(i int, f figure) float64) [3]float64 {
		var xs []float64
		for i, f := range w.Rounds {
			xs = append(xs, of(i, f))
		}
		return quartiles(xs)
	}
	w.Median = figure{
		NS:     column(func(_ int, f figure) float64 { return f.NS })[1],
		CPU:    column(func(_ int, f figure) float64 { return f.CPU })[1],
		Bytes:  column(func(_ int, f figure) float64 { return f.Bytes })[1],
		Allocs: column(func(_ int, f figure) float64 { return f.Allocs })[1],
	}
	w.Floors = column(func(i int, f figure) float64 { return f.NS / floor[i].NS })
	w.CPU = column(func(i int, f figure) float64 { return f.CPU / max(floor[i].CPU, 1) })
}

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// writeTable writes the report as Markdown.
func (r *report) writeTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s/%s, %d CPUs, GOMAXPROCS %d; medians of %d rounds of %v\n",
		r.Go, r.OS, r.Arch, r.CPUs, r.GOMAXPROCS, r.RoundCount, r.Span)
	for _, l := range r.Loads {
		fmt.Fprintf(&b, "\n| %-26s | ns/run | floors (quartiles) | CPU ns/run | CPU floors (quart.) | B/run | allocs/run |\n", l.Load)
		fmt.Fprintf(&b, "|%s|-------:|-------------------:|-----------:|--------------------:|------:|-----------:|\n",
			strings.Repeat("-", 28))
		for _, w := range l.Rows {
			fmt.Fprintf(&b, "| %-26s | %6.0f | %18s | %10.0f | %19s | %5.0f | %10.1f |\n",
				w.Name, w.Median.NS, w.Floors, w.Median.CPU, w.CPU, w.Median.Bytes, w.Median.Allocs)
		}
	}
	fmt.Fprintln(&b, "\nWhat each gives that the floor does not:")
	for _, w := range r.Loads[0].Rows {
		fmt.Fprintf(&b, "  %-26s %s\n", w.Name, w.Gives)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

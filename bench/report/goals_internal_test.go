package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/bgloop/bgloop/bench/measure"
	"github.com/bgloop/bgloop/bench/peers"
)

// TestGoalsAreMeasured: each goal is about a figure that a full run finds.
func TestGoalsAreMeasured(t *testing.T) {
	all, cs := measure.Scenarios(measure.Full()), peers.All()
	for _, g := range goals() {
		s := slices.IndexFunc(all, func(s measure.Scenario) bool { return strings.HasPrefix(s.Name+" ", g.table+" ") })
		if s < 0 {
			t.Errorf("%s: no scenario %q", g.what, g.table)
			continue
		}
		c := slices.IndexFunc(all[s].Columns, func(c measure.Column) bool { return c.Name == g.column })
		if c < 0 || !g.absolute && g.of == "" && !all[s].Columns[c].Ratio {
			t.Errorf("%s: no column %q, or no ratio", g.what, g.column)
		}
		for _, name := range []string{g.contender, g.of} {
			if name != "" && !slices.ContainsFunc(cs, func(c peers.Contender) bool { return c.Name == name && all[s].Takes(c) }) {
				t.Errorf("%s: no contender %q", g.what, name)
			}
		}
	}
}

func TestGoalsSayWhatWasReached(t *testing.T) {
	row := func(name string, rounds ...float64) measure.Row {
		w := measure.Row{Name: name}
		for _, v := range rounds {
			w.Rounds = append(w.Rounds, []float64{v})
		}
		q := measure.QuartilesOf(slices.Clone(rounds))
		w.Values, w.Floors = []measure.Quartiles{q}, []measure.Quartiles{q}
		return w
	}
	tests := []struct {
		found []float64
		want  string
	}{
		{[]float64{0.5, 0.5, 0.5}, "| goal |"},
		{[]float64{0.7, 0.7, 0.9}, "| must |"},
		{[]float64{0.7, 0.9, 0.9}, "| **missed** |"},
	}
	for _, tt := range tests {
		r := Report{Tables: []measure.Table{{
			Name: "throughput: burst of 1024, 1 producer", Columns: []measure.Column{{Name: "ns/run", Ratio: true}},
			Rows: []measure.Row{row("go", 1, 1, 1), row("bgloop: fire", tt.found...)},
		}}}
		var b strings.Builder
		if err := r.Goals(&b); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), tt.want) || strings.Count(b.String(), "burst, one producer") != 1 {
			t.Errorf("found %v: got %s", tt.found, b.String())
		}
	}
	var none strings.Builder
	if err := new(Report).Goals(&none); err != nil || none.Len() > 0 {
		t.Errorf("of nothing: got %q, %v", none.String(), err)
	}
}

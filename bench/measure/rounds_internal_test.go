package measure

import "testing"

func TestQuartiles(t *testing.T) {
	tests := []struct {
		name string
		xs   []float64
		want Quartiles
	}{
		{"none", nil, Quartiles{}},
		{"one", []float64{3}, Quartiles{3, 3, 3}},
		{"two", []float64{8, 4}, Quartiles{5, 6, 7}},
		{"odd", []float64{9, 1, 5, 3, 7}, Quartiles{3, 5, 7}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := QuartilesOf(tt.xs); got != tt.want {
				t.Errorf("quartiles: got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestFinish: ratios are those of one round to the floor of the same round.
func TestFinish(t *testing.T) {
	table := Table{
		Columns: []Column{{Name: "ns", Ratio: true}, {Name: "runs"}},
		Rows: []Row{
			{Rounds: [][]float64{{10, 1}, {20, 1}, {40, 1}}},
			{Rounds: [][]float64{{20, 5}, {40, 7}, {80, 6}}},
		},
	}
	table.finish()
	if got, want := table.Rows[1].Floors[0], (Quartiles{2, 2, 2}); got != want {
		t.Errorf("floors: got %v, want %v", got, want)
	}
	if got, want := table.Rows[1].Floors[1], (Quartiles{}); got != want {
		t.Errorf("floors of a column without: got %v, want %v", got, want)
	}
	if got, want := table.Rows[1].Values[1], (Quartiles{5.5, 6, 6.5}); got != want {
		t.Errorf("values: got %v, want %v", got, want)
	}
}

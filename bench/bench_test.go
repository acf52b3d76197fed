package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func BenchmarkFloor(b *testing.B) { benchmark(b, floors()) }

func BenchmarkFire(b *testing.B) { benchmark(b, fires()) }

// benchmark measures batches: one op of a burst is 1,024 runs.
func benchmark(b *testing.B, cs []contender) {
	b.Helper()
	for _, c := range cs {
		for _, l := range loads() {
			b.Run(c.name+"/"+l.name, func(b *testing.B) {
				t, err := c.open()
				if err != nil {
					b.Fatal(err)
				}
				defer t.end()
				t.batch(l)
				b.ReportAllocs()
				for b.Loop() {
					t.batch(l)
				}
				b.ReportMetric(float64(b.Elapsed())/float64(b.N*l.runs()), "ns/run")
			})
		}
	}
}

// TestEveryRunEnds: whatever the contender and the load, a batch comes to its
// end, and the floor is one floor.
func TestEveryRunEnds(t *testing.T) {
	r, err := measure(contenders(), 2, time.Microsecond, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range r.Loads {
		if floor := l.Rows[0]; floor.Floors != (ratio{1, 1, 1}) {
			t.Errorf("%s: ratio of the floor: got %v, want 1", l.Load, floor.Floors)
		}
		for _, w := range l.Rows {
			if len(w.Rounds) != 2 || w.Median.NS <= 0 {
				t.Errorf("%s, %s: got %+v, want two rounds", l.Load, w.Name, w)
			}
		}
	}
	var text, data bytes.Buffer
	if err := r.writeTable(&text); err != nil || strings.Count(text.String(), "fire, receipt") != len(loads())+1 {
		t.Errorf("table: %v\n%s", err, &text)
	}
	if err := r.writeJSON(&data); err != nil || !json.Valid(data.Bytes()) {
		t.Errorf("JSON: %v\n%s", err, &data)
	}
}

func TestQuartiles(t *testing.T) {
	tests := []struct {
		name string
		xs   []float64
		want [3]float64
	}{
		{"one", []float64{3}, [3]float64{3, 3, 3}},
		{"two", []float64{8, 4}, [3]float64{5, 6, 7}},
		{"odd", []float64{9, 1, 5, 3, 7}, [3]float64{3, 5, 7}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := quartiles(tt.xs); got != tt.want {
				t.Errorf("quartiles: got %v, want %v", got, tt.want)
			}
		})
	}
}

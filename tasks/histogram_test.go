package tasks_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bgloop/bgloop/tasks"
)

func ExampleHistogram() {
	var h tasks.Histogram
	for i := range 1000 {
		h.Add(time.Duration(i+1) * time.Millisecond)
	}
	fmt.Println(h.Count(), h.Max(), h.Mean())
	fmt.Println(h.P50().Round(10*time.Millisecond), h.P99().Round(10*time.Millisecond))
	// Output:
	// 1000 1s 500.5ms
	// 490ms 970ms
}

// Each quantile is off by a sixteenth at most, or 64 ns, whatever was added.
func TestHistogramIsOffByASixteenth(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var h tasks.Histogram
		list := make([]time.Duration, 1+r.IntN(300))
		for i := range list {
			list[i] = time.Duration(r.Int64N(1 << (1 + r.IntN(46))))
			h.Add(list[i])
		}
		slices.Sort(list)
		if h.Count() != uint64(len(list)) || h.Max() != list[len(list)-1] {
			t.Fatalf("seed %d: got %d, at most %v", seed, h.Count(), h.Max())
		}
		for _, q := range []float64{-1, 0, 0.1, 0.5, 0.9, 0.99, 1, 2} {
			rank := max(1, int(math.Ceil(min(max(q, 0), 1)*float64(len(list)))))
			want, got := list[rank-1], h.Quantile(q)
			if off := (got - want).Abs(); off > max(want/16, 64) {
				t.Fatalf("seed %d: quantile %v: got %v, want %v", seed, q, got, want)
			}
		}
	}
}

// A quantile is one of few, too: the median of three is the second of them.
func TestHistogramOfFew(t *testing.T) {
	tests := []struct {
		name string
		list []time.Duration
		q    float64
		want time.Duration
	}{
		{"median of three", []time.Duration{time.Second, time.Minute, time.Hour}, 0.5, time.Minute},
		{"median of two", []time.Duration{time.Second, time.Hour}, 0.5, time.Second},
		{"nine of ten, of three", []time.Duration{time.Second, time.Minute, time.Hour}, 0.9, time.Hour},
		{"no number", []time.Duration{time.Second, time.Hour}, math.NaN(), time.Second},
		{"longer than all buckets", []time.Duration{100 * time.Hour, 1000 * time.Hour}, 1, 1000 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h tasks.Histogram
			for _, d := range tt.list {
				h.Add(d)
			}
			if got := h.Quantile(tt.q); (got - tt.want).Abs() > tt.want/16 {
				t.Errorf("Quantile: got %v, want %v", got, tt.want)
			}
		})
	}
}

// The buckets are without gaps: what is counted is below its edge, and not below
// the one before.
func TestHistogramBuckets(t *testing.T) {
	last := time.Duration(0)
	for d := time.Duration(0); d < 1<<46; d += max(1, d/33) {
		var h tasks.Histogram
		h.Add(d)
		for edge, n := range h.Buckets() {
			if n != 1 || d >= edge || edge < last || edge > last && d < last {
				t.Fatalf("%v: got %d below %v, after %v", d, n, edge, last)
			}
			last = edge
		}
	}
	var h tasks.Histogram
	for _, d := range []time.Duration{-1, 0, time.Second, time.Second, math.MaxInt64} {
		h.Add(d)
	}
	var got []uint64
	for _, n := range h.Buckets() {
		got = append(got, n)
	}
	if !slices.Equal(got, []uint64{2, 2, 1}) || h.Max() != math.MaxInt64 {
		t.Errorf("got %v, at most %v", got, h.Max())
	}
	for range h.Buckets() {
		break // which must not go on
	}
}

// An empty one says zero, and a copy is one's own.
func TestHistogramIsAValue(t *testing.T) {
	var h tasks.Histogram
	if h.Count()+uint64(h.Max()+h.Mean()+h.P50()) != 0 {
		t.Errorf("empty: got %+v", h)
	}
	h.Add(time.Second)
	c := h.Clone()
	h.Add(time.Second)
	if c.Count() != 1 || h.Count() != 2 {
		t.Errorf("got %d in the copy, %d in the other", c.Count(), h.Count())
	}
	for range c.Buckets() {
		for edge, n := range c.Buckets() {
			if n != 1 {
				t.Errorf("below %v: got %d, want 1", edge, n)
			}
		}
	}
	got, err := json.Marshal(c)
	if want := `{"Count":1,"Mean":1000000000,"P50":973078528,"P90":973078528,"P99":973078528,"Max":1000000000}`; err != nil || string(got) != want {
		t.Errorf("JSON: got %s, %v, want %s", got, err, want)
	}
}

func BenchmarkHistogramAdd(b *testing.B) {
	var h tasks.Histogram
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h.Add(time.Duration(i & 0xffff))
	}
}

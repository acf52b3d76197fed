package coro

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestQueueAgainstASlice(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var q queue
	var model []*strand
	for step := range 100_000 {
		n := len(model)
		switch what := random.IntN(20); {
		case n == 0 || what < 10 && n < 100:
			s := new(strand)
			q.push(s)
			model = append(model, s)
		case what < 19:
			if got := q.pop(); got != model[0] {
				t.Fatalf("step %d: pop: got another than the oldest", step)
			}
			model = slices.Delete(model, 0, 1)
		default:
			i := random.IntN(n)
			if got := q.pick(i); got != model[i] {
				t.Fatalf("step %d: pick: got another than number %d", step, i)
			}
			model = slices.Delete(model, i, i+1)
		}
		if q.len() != len(model) {
			t.Fatalf("step %d: len: got %d, want %d", step, q.len(), len(model))
		}
	}
	if len(q.line) > 1000 {
		t.Errorf("slots for at most 100 strands: got %d", len(q.line))
	}
}

package crondiff_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bgloop/bgloop/integrations/crondiff"
)

// TestEqualAwayFromTheEdges compares 100,000 expressions in UTC, where no clock
// is ever set.
func TestEqualAwayFromTheEdges(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n /= 10
	}
	r := rand.New(rand.NewPCG(1, 0))
	runs, diffs := crondiff.Compare(r, n, time.UTC, ours, crondiff.Robfig(), crondiff.Cronexpr())
	t.Logf("%d expressions, %d runs, %d differences", n, runs, len(diffs))
	for i, d := range diffs {
		if i == 20 {
			break
		}
		t.Error(d)
	}
}

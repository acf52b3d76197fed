package sim_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/bgloop/bgloop/sim"
)

// hashes lives a scenario with seeds from first on, and returns the hash
// of each life.
func hashes(t *testing.T, scenario func(*sim.S), first, n int) []string {
	t.Helper()
	list := make([]string, n)
	for i := range list {
		_, text := verdict(t, func(t testing.TB) {
			sim.Test(t, scenario, sim.Seed(uint64(first+i)))
		})
		_, hash, ok := strings.Cut(strings.TrimSpace(text), "nothing went wrong: ")
		if !ok {
			t.Fatalf("seed %d: %s", first+i, text)
		}
		list[i] = fmt.Sprintf("seed %d: %s", first+i, hash)
	}
	return list
}

// A life does not depend on how many threads there are.
func TestALifeIsTheSameOnAnyNumberOfThreads(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var first []string
	for _, n := range []int{1, 2, 8} {
		runtime.GOMAXPROCS(n)
		got := hashes(t, durable, 100, 5)
		if first == nil {
			first = got
		}
		if strings.Join(got, "\n") != strings.Join(first, "\n") {
			t.Errorf("on %d threads: got %q, want %q", n, got, first)
		}
	}
}

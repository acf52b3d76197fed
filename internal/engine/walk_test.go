package engine_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// verify makes the walk of a tape in several ways, which must not differ.
func verify(t testing.TB, name string, tape []byte) {
	t.Helper()
	ways := []way{{watched: true, shadow: true}, {split: true}}
	var first *walk
	for _, w := range ways {
		k := run(slices.Clone(tape), w)
		if k.wrong != nil {
			t.Fatalf("%s, %+v: %v\nthe end of the walk:\n%s", name, w, k.wrong, strings.Join(k.log[max(0, len(k.log)-60):], "\n"))
		}
		if first == nil {
			first = k
		} else if !slices.Equal(k.log, first.log) {
			t.Fatalf("%s, %+v and %+v: %s", name, ways[0], w, firstDifference(strings.Join(k.log, "\n"), strings.Join(first.log, "\n")))
		}
	}
}

// randomTape makes the tape of a seed.
func randomTape(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	tape := make([]byte, 100+r.IntN(700))
	for i := range tape {
		tape[i] = byte(r.Uint32())
	}
	return tape
}

// TestEngineRandomWalks compares the engine with the model over random inputs.
// BGLOOP_SEEDS says how many walks to make instead of the usual.
func TestEngineRandomWalks(t *testing.T) {
	n := 600
	if v, err := strconv.Atoi(os.Getenv("BGLOOP_SEEDS")); err == nil {
		n = v
	} else if testing.Short() {
		n = 200
	}
	const strands = 4
	for s := range strands {
		t.Run(fmt.Sprintf("from %d", s), func(t *testing.T) {
			t.Parallel()
			for seed := s; seed < n; seed += strands {
				verify(t, fmt.Sprintf("seed %d", seed), randomTape(uint64(seed)))
			}
		})
	}
}

// FuzzEngine does the same with inputs that a fuzzer chooses.
func FuzzEngine(f *testing.F) {
	for seed := range uint64(32) {
		f.Add(randomTape(1<<32 + seed))
	}
	f.Fuzz(func(t *testing.T, tape []byte) {
		if len(tape) <= 4096 {
			verify(t, "tape", tape)
		}
	})
}

// TestEngineIsPure: the same inputs have the same effects, in the same order.
func TestEngineIsPure(t *testing.T) {
	for seed := range uint64(50) {
		tape := randomTape(1<<33 + seed)
		a, b := run(slices.Clone(tape), way{}), run(slices.Clone(tape), way{})
		if !slices.Equal(a.log, b.log) {
			t.Fatalf("seed %d: %s", seed, firstDifference(strings.Join(b.log, "\n"), strings.Join(a.log, "\n")))
		}
	}
}

package sim_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bgloop/bgloop/sim"
)

var update = flag.Bool("update", false, "write testdata/golden.txt as the lives are now")

// goldenFile has the hashes of lives, the same on every machine.
const goldenFile = "testdata/golden.txt"

// A golden is a scenario whose lives are written down.
type golden struct {
	name     string
	scenario func(*sim.S)
	opts     []sim.Option
}

// goldens have between them all faults, the store, kills, a night on which
// clocks are set back, and no App at all.
func goldens() []golden {
	fails := rough()
	fails.StoreSlow, fails.StoreFails = 0.02, 0.02
	kills := fails
	kills.Kill, kills.StoreKill = 0.02, 0.02
	list := []golden{
		{"market", market, nil},
		{"busy, calm", busy, []sim.Option{calm}},
		{"busy", busy, nil},
		{"busy, rough", busy, []sim.Option{sim.WithFaults(rough())}},
		{"durable, rough", shift(true), []sim.Option{sim.WithFaults(fails)}},
		{"durable, killed", shift(true), []sim.Option{sim.WithFaults(kills)}},
		{"busy, in a bubble", shift(false), []sim.Option{sim.InBubble()}},
		{"durable, rough, in a bubble", shift(true), []sim.Option{sim.InBubble(), sim.WithFaults(fails)}},
		{"durable, killed, in a bubble", shift(true), []sim.Option{sim.InBubble(), sim.WithFaults(kills)}},
	}
	for _, h := range hunters {
		list = append(list, golden{"mill, " + h.name, h.scenario, []sim.Option{sim.WithFaults(h.faults), evening()}})
	}
	return list
}

// shift is six hours of the busy service.
func shift(durable bool) func(*sim.S) {
	return func(s *sim.S) { live(s, durable, 6*time.Hour) }
}

// TestGolden fails when a seed does no longer what it did, here or on another
// machine. A change of the App or of the simulation may do that, and is then to
// be told in the changelog, for it takes the meaning from every seed that
// somebody noted: go test ./sim -run TestGolden -update.
func TestGolden(t *testing.T) {
	got := lines(t)
	if *update {
		if err := os.WriteFile(goldenFile, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	same(t, got, written(t))
}

// Coroutines that are handed over by channels live the same lives.
func TestGoldenByHandoff(t *testing.T) {
	if slower > 1 {
		t.Skip("that is how TestGolden does it under the race detector")
	}
	same(t, lines(t, sim.ByHandoff()), written(t))
}

// A hundred lives of one seed are one life, however many threads there are and
// whatever else lives beside.
func TestGoldenAHundredTimes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	g := golden{"shift", shift(false), []sim.Option{sim.WithFaults(rough())}}
	want := g.line(t, 1)
	for threads, runs := range map[int]int{1: 33, 2: 33, 8: 34} {
		runtime.GOMAXPROCS(threads)
		got := make([]string, runs)
		var lives sync.WaitGroup
		for i := range got {
			lives.Go(func() { got[i] = g.line(t, 1) })
		}
		lives.Wait()
		for _, line := range got {
			if line != want {
				t.Errorf("on %d threads: got %s, want %s", threads, line, want)
			}
		}
	}
}

// lines are all that are written down.
func lines(t *testing.T, opts ...sim.Option) string {
	t.Helper()
	list := ""
	for _, g := range goldens() {
		g.opts = append(g.opts, opts...)
		for seed := range uint64(3) {
			list += g.line(t, seed) + "\n"
		}
	}
	return list
}

// line is what is written down of a life.
func (g golden) line(t *testing.T, seed uint64) string {
	t.Helper()
	failure, steps, hash := sim.Lived(t, g.scenario, seed, g.opts...)
	if failure != nil {
		t.Errorf("%s, seed %d: %v", g.name, seed, failure)
	}
	return fmt.Sprintf("%s, seed %d: %d steps, hash %016x", g.name, seed, steps, hash)
}

func written(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// same compares line by line.
func same(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	if len(g) != len(w) {
		t.Fatalf("got %d lives, %d are written down", len(g)-1, len(w)-1)
	}
	for i := range g {
		if g[i] != w[i] {
			t.Errorf("got  %s\nwant %s", g[i], w[i])
		}
	}
}

// market is a life without an App: actors that decide, wait and meet.
func market(s *sim.S) {
	stock, waiting := 0, 0
	for _, name := range []string{"ann", "bob", "cid"} {
		s.Go(name, func(a *sim.Actor) {
			for range 20 {
				a.Sleep(a.Between("walk", time.Second, time.Minute))
				if a.Chance("buys", 0.3) {
					waiting++
					s.Event("buys", uint64(a.Choose("how many", 5)), uint64(stock))
				}
			}
		})
	}
	s.Every("carrier", 5*time.Minute, func() {
		stock += s.Choose("delivered", 10)
		s.Event("delivered", uint64(stock), uint64(waiting))
	})
	s.RunFor(time.Hour)
}

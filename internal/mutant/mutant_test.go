package mutant_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/bgloop/bgloop/internal/mutant"
)

// Nothing is planted in a build without the tag.
func TestOffWithoutTheTag(t *testing.T) {
	for _, m := range mutant.All() {
		t.Setenv("BGLOOP_MUTANT", string(m))
		if mutant.On(m) {
			t.Errorf("%s is on", m)
		}
	}
}

// The happy path: what a user reads first. It must not notice a mutant, or that
// would need no simulation.
var happy = []struct{ dir, run string }{
	{"./examples/readme", "."},
	{"./examples/spm", "."},
	{"./examples/testing", "."},
	{"./app", "^Example"},
}

// Every mutant is found by the simulation, and by no test of the happy path, where
// two walks in turn would have to fail. It takes half a minute, and is run where BGLOOP_SEEDS is set:
//
//	BGLOOP_SEEDS=1 BGLOOP_TRIALS=5 go test ./internal/mutant -v
func TestMutantsAreFound(t *testing.T) {
	if os.Getenv("BGLOOP_SEEDS") == "" {
		t.Skip("only where BGLOOP_SEEDS is set")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	hunt := build(t, root, "./sim")
	var paths []string
	for _, h := range happy {
		paths = append(paths, build(t, root, h.dir))
	}
	var all results
	for _, m := range mutant.All() {
		out, err := run(t, hunt, filepath.Join(root, "sim"), m, "^TestMutant$")
		if err != nil {
			t.Errorf("%s: %v\n%s", m, err, out)
		}
		all = all.read(out)
	}
	var walks errgroup.Group // side by side: they mostly wait, and nobody takes their time
	walks.SetLimit(8)
	for _, m := range mutant.All() {
		for i, h := range happy {
			walks.Go(func() error {
				out, err := run(t, paths[i], filepath.Join(root, h.dir), m, h.run)
				if err != nil { // a race that is lost now and then is none that is noticed
					out, err = run(t, paths[i], filepath.Join(root, h.dir), m, h.run)
				}
				if err != nil {
					t.Errorf("%s: the happy path notices it: %s: %v\n%s", m, h.dir, err, out)
				}
				return nil
			})
		}
	}
	_ = walks.Wait() // all are told as they come
	t.Logf("%d mutants, %d trials:\n%s", len(mutant.All()), len(all), all)
	for _, r := range all {
		if r.seeds > 100 || r.shrunk > 30 {
			t.Errorf("too late, or too long: %+v", r)
		}
	}
}

// build builds the tests of a package with the mutants.
func build(t *testing.T, root, dir string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "mutant.test")
	cmd := exec.CommandContext(t.Context(), "go", "test", "-tags", "mutant", "-c", "-o", bin, dir)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", dir, err, out)
	}
	return bin
}

func run(t *testing.T, bin, dir string, m mutant.Mutant, tests string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bin, "-test.run", tests, "-test.v", "-test.timeout=2m")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "BGLOOP_MUTANT="+string(m))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// A result is what one trial said.
type result struct {
	name                              string
	seeds, us, made, shrunk, shrinkUS int
}

type results []result

func (r results) read(out string) results {
	for text := range strings.Lines(out) {
		_, text, ok := strings.Cut(text, "mutant=")
		if !ok {
			continue
		}
		var one result
		if n, _ := fmt.Sscanf(text, "%s seeds=%d us=%d made=%d shrunk=%d shrinkus=%d", &one.name, &one.seeds, &one.us, &one.made, &one.shrunk, &one.shrinkUS); n == 6 {
			r = append(r, one)
		}
	}
	return r
}

// String is a line for each mutant and one for all: the median and the worst.
func (r results) String() string {
	var b strings.Builder
	line := func(name string, of results) {
		mid := func(f func(result) int) string {
			var all []int
			for _, one := range of {
				all = append(all, f(one))
			}
			slices.Sort(all)
			return fmt.Sprintf("%6d %8d", all[len(all)/2], all[len(all)-1])
		}
		fmt.Fprintf(&b, "%-18s%s  %s  %s  %s\n", name, mid(func(o result) int { return o.seeds }), mid(func(o result) int { return o.us / 1000 }),
			mid(func(o result) int { return o.shrunk }), mid(func(o result) int { return o.shrinkUS / 1000 }))
	}
	fmt.Fprintf(&b, "%-18s%15s  %15s  %15s  %15s\n", "median, worst", "seeds", "ms", "decisions", "ms to shrink")
	for rest := r; len(rest) > 0; {
		n := 0
		for n < len(rest) && rest[n].name == rest[0].name {
			n++
		}
		line(rest[0].name, rest[:n])
		rest = rest[n:]
	}
	if len(r) > 0 {
		line("all", r)
	}
	return b.String()
}

package sim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/bgloop/bgloop/internal/choice"
)

// report shrinks a life that went wrong and fails t with its story. again is a
// source of the decisions of that life; how says how to live it.
func report(t testing.TB, conf *config, scenario func(*S), again *choice.Source, how string, why error) {
	t.Helper()
	var failure *Failure
	if !errors.As(why, &failure) {
		t.Fatalf("sim: %s: %s: %v", t.Name(), how, why)
	}
	first := live(conf, again.Record(), scenario)
	if first.failure == nil || !first.failure.same(failure) {
		t.Fatalf("sim: %s: %s: %v\nand when it was lived again: %v: something decides that is none of the simulation's (a map's order, the real time, a goroutine)",
			t.Name(), how, failure, first.failure)
	}
	plan, runs := conf.shrink(scenario, first, again)
	told := live(conf.telling(), choice.Planned(plan).Record(), scenario)
	if told.failure == nil { // shrunk by a hash that met another; tell it as it was
		plan, told = first.made, live(conf.telling(), choice.Planned(first.made).Record(), scenario)
	}
	t.Fatalf("sim: %s: %s: %v\n%d decisions shrunk to %d in %d lives\n%sstory:\n%sreproduce: go test -run '%s' %s",
		t.Name(), how, failure, len(first.made), len(plan), runs, decisions(told.made), told.story.short()+last(told.failure),
		pattern(t.Name()), conf.moded("-sim.replay="+plan.String()))
}

// shown is how many decisions are shown.
const shown = 30

// decisions lists those that are not dull.
func decisions(made choice.Plan) string {
	var b strings.Builder
	for _, d := range made[:min(len(made), shown)] {
		fmt.Fprintf(&b, "  %-14v %s: %d of 0 to %d\n", d.At, d.What, d.Value, d.Of-1)
	}
	if more := len(made) - shown; more > 0 {
		fmt.Fprintf(&b, "  and %d more\n", more)
	}
	return b.String()
}

func last(f *Failure) string {
	if f == nil {
		return ""
	}
	return f.Error() + "\n"
}

// pattern is what go test -run finds a test with.
func pattern(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = "^" + p + "$"
	}
	return strings.Join(parts, "/")
}

func sorted(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }

// compare lives a seed twice and names the first step that differs.
func (c *config) compare(seed uint64, scenario func(*S)) error {
	tracing := *c
	tracing.tracing = true
	a := live(&tracing, choice.Seeded(seed), scenario).traced
	b := live(&tracing, choice.Seeded(seed), scenario).traced
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a) || i >= len(b):
			return fmt.Errorf("two lives of one seed differ: one ends at step %d: %w", i, errDiffers)
		case a[i] != b[i]:
			return fmt.Errorf("two lives of one seed differ from step %d (%v and %v): %w", i+1, a[i].at, b[i].at, errDiffers)
		}
	}
	return fmt.Errorf("two lives of one seed differed, but not the next two: %w", errDiffers)
}

var errDiffers = errors.New("something decides that is none of the simulation's: a map's order, the real time, a goroutine")

package arch_test

import (
	"fmt"
	"slices"
	"strings"
)

const module = "github.com/bgloop/bgloop"

// This file is the policy. A change that breaks it is changed, not the policy:
// an import that the table does not allow is nearly always code in the wrong
// package. Where the policy itself is wrong, it changes in a commit of its own,
// with a decision record in docs/decisions that says why.

// packages says what each package may import of this module. A line may name
// only packages of lines above it, so what the table allows has no cycle.
//
//	nothing  no package of ours
//	above    every package of the lines above
//	public   every package of the module that is not internal, tests included
//	/...     the package and all below it
//
// Tests may import any package of ours, except where a line says public.
// A new package gets a line here, before it gets a second file.
const packages = `
clock:                  nothing
activation:             nothing
deferral:               nothing
store:                  nothing
internal/arch:          nothing
internal/mutant:        nothing
internal/cron:          internal/mutant
internal/choice:        nothing
internal/digest:        nothing
internal/waitfd:        nothing

event:                  activation
internal/seam:          activation deferral
internal/seam/pool:     internal/seam
internal/seam/coro:     internal/digest internal/seam clock
internal/seam/seamtest: internal/seam
internal/seam/bubbletest: internal/seam clock
internal/cron/crontest: internal/cron
internal/cron/dstsweep: internal/cron internal/cron/crontest
store/storetest:        store

activation/trigger:     activation internal/cron
activation/condition:   activation
activation/source:      activation

tasks:                  activation deferral event internal/seam
internal/engine:        activation event internal/digest internal/mutant tasks
app:                    clock activation deferral store event internal/digest internal/seam internal/seam/pool tasks internal/engine internal/mutant
tasks/taskstest:        above
activation/activationtest: above
record:                 clock activation event tasks internal/engine
sim:                    above

activation/source/...:  activation activation/source internal/waitfd

examples/...:           public
bench/...:              public
integrations/...:       public
`

// modules says which packages of the core may import which other module. Other
// modules have no place in the core: they are for a module of its own under
// integrations. A nested module may import what it likes.
//
//	all    every package, tests included
//	tests  the tests of every package
const modules = `
github.com/benbjohnson/clock: clock tests
github.com/looplab/fsm:       tasks app
golang.org/x/sync:            all
`

// The rest of the policy. Product code is what is linked into a user's program:
// the core without its tests, its packages for tests, its examples and our own
// programs.
const (
	noTestPackages = "product code never imports testing, a package whose name ends in test, or sim"

	oneClock = "all of time comes through package clock; limits are in the engine's schedule, not in a context"

	oneStarter = "only the drivers, internal/seam/pool and internal/seam/coro, and clock start goroutines"

	noNativeWait = "app waits and starts through internal/seam alone, so that a simulation runs the real App: " +
		"no wait on a channel, no select, errgroup, context.AfterFunc, sync.WaitGroup or sync.Cond"

	pureEngine = "internal/engine is pure: no goroutine, channel, lock or atomic"

	noMapOrder = "map order decides nothing in internal/engine: no range over a map; slices.Sorted(maps.Keys(m)) is allowed"

	noGlobals = "no mutable package-level state: a package-level var is an error sentinel, a filled table, " +
		"a function, an embedded file or sync.OnceValue, and nobody assigns to it"

	noInit = "no func init: importing a package has no effect"

	noProcess = "the process is the user's: no os.Exit, log.Fatal or signal handling but by triggers, in activation/source/signals"
)

// A line is one line of the two tables.
type line struct {
	text  string // as written, spaces folded
	name  string // the package or module it is about
	below bool   // packages below name too
	may   []string
}

// parse reads a table and expands "above".
func parse(table string) (lines []line, err error) {
	var above []string
	for text := range strings.Lines(table) {
		name, rest, ok := strings.Cut(strings.Join(strings.Fields(text), " "), ":")
		if name == "" {
			continue
		}
		if !ok {
			return nil, fmt.Errorf("%q: no colon", text)
		}
		l := line{text: name + ":" + rest, may: strings.Fields(rest)}
		l.name, l.below = strings.CutSuffix(name, "/...")
		if slices.Contains(l.may, "above") {
			l.may = slices.Clone(above)
		}
		lines, above = append(lines, l), append(above, name)
	}
	return lines, nil
}

// find returns the line about a package, or about what it is below.
func find(lines []line, name string) (line, bool) {
	i := slices.IndexFunc(lines, func(l line) bool {
		return l.name == name || l.below && under(name, l.name)
	})
	if i < 0 {
		return line{}, false
	}
	return lines[i], true
}

// under reports whether the slash-separated path is dir or below it.
func under(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+"/")
}

package sim

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/internal/choice"
	"github.com/bgloop/bgloop/internal/seam/coro"
)

// The flags, as in "go test -run '^TestSync$' -sim.seed=0x2a". They exist only
// in tests of packages that import sim; for "go test ./..." each has a twin in
// the environment, such as BGLOOP_SIM_SEED, which a flag overrules.
var (
	seedFlag   = word("seed", "live with this seed alone")
	seedsFlag  = word("seeds", "how many seeds to hunt, instead of what the test says")
	forFlag    = word("for", "hunt for this long, from a seed that is new each time, instead of a number of seeds; see -sim.first")
	firstFlag  = word("first", "the seed that a hunt begins with; the default is 0, and another each time with -sim.for")
	replayFlag = word("replay", "live the one life that an earlier failure printed")
	traceFlag  = word("trace", "if true, tell the whole story of a -sim.seed or -sim.replay")
	twiceFlag  = word("twice", "live every so manieth seed twice and compare; 0 for none (default 100)")
	strictFlag = word("strict", "if true, find calls from goroutines that are none of the simulation's; slow")
	modeFlag   = word("mode", `how strands run: "coroutines" (default), "bubble" or "batch"; see InBubble and InBatch`)
	breakFlag  = word("break", "stop for the debugger before this step")
)

// word registers a flag whose default is its twin in the environment. It is a
// text, so that a mistake is one of the test that reads it.
func word(name, usage string) *string {
	return flag.String("sim."+name, os.Getenv("BGLOOP_SIM_"+strings.ToUpper(name)), "sim: "+usage)
}

// A config is what the options and the flags say.
type config struct {
	start  time.Time
	seeds  int
	scope  int           // executions of Exhaust
	within time.Duration // hunt for this long; zero: a number of seeds
	seed   *uint64
	first  *uint64     // of a hunt; nil: the default
	plan   choice.Plan // nil: none
	twice  int
	trace  bool
	strict bool
	most   uint64 // steps of a life
	stop   uint64 // the step to stop at for the debugger
	mode   mode
	asked  mode          // by an option
	stuck  time.Duration // how long one step may take, in real time
	faults Faults
	quiet  map[string]bool // oracles that are switched off

	tb      testing.TB
	bubbles *testing.T // what bubbles are made of
	dog     *watchdog  // nil: nobody watches
	told    bool       // the story is read
	tracing bool       // each step is kept
	merger  *merger    // of Exhaust; nil: states are not compared
	steps   uint64     // a life of more steps is given up; zero: none is
	world   []coro.Option
}

// An Option changes how a scenario is tested.
type Option func(*config)

// Seeds sets with how many seeds Test lives the scenario, unless -sim.seeds says
// otherwise. The default, and what zero and negative mean, is 100.
func Seeds(n int) Option { return func(c *config) { c.seeds = n } }

// Seed has Test live with this seed alone, and tell how that ended.
func Seed(seed uint64) Option { return func(c *config) { c.seed = &seed } }

// From sets the instant at which a life begins, and its zone. The default is
// the beginning of the year 2026, UTC.
func From(start time.Time) Option { return func(c *config) { c.start = start } }

// Executions sets how many executions Exhaust may take before it gives up. The
// default is a million.
func Executions(n int) Option { return func(c *config) { c.scope = n } }

// Steps sets how many steps a life may take before it is taken to have no end.
// The default is 20 million.
func Steps(n uint64) Option { return func(c *config) { c.most = n } }

// Twice sets that every n-th life is lived twice, and compared, unless
// -sim.twice says otherwise. The default is 100; zero means none.
func Twice(n int) Option { return func(c *config) { c.twice = n } }

// Patience sets for how long one step may keep the simulation, in real time,
// before it is taken to wait for something that is none of the simulation's.
// The default is 10 seconds; zero and negative mean for ever.
func Patience(d time.Duration) Option { return func(c *config) { c.stuck = d } }

// defaultSeeds is with how many seeds a hunt lives that is not told otherwise.
const defaultSeeds = 100

func newConfig(t testing.TB, opts []Option) *config {
	t.Helper()
	c := &config{
		start: time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC),
		seeds: defaultSeeds, scope: 1_000_000, most: 20_000_000, twice: 100, stuck: 10 * time.Second,
		faults: Usual(), quiet: map[string]bool{}, tb: t,
	}
	for _, o := range opts {
		o(c)
	}
	c.asked = c.mode
	c.readFlags(t)
	if c.seeds <= 0 {
		c.seeds = defaultSeeds
	}
	return c
}

func (c *config) readFlags(t testing.TB) {
	t.Helper()
	set(t, "seeds", *seedsFlag, func(v uint64) { c.seeds = int(v) })
	set(t, "seed", *seedFlag, func(v uint64) { c.seed = &v })
	set(t, "first", *firstFlag, func(v uint64) { c.first = &v })
	set(t, "twice", *twiceFlag, func(v uint64) { c.twice = int(v) })
	set(t, "break", *breakFlag, func(v uint64) { c.stop = v })
	c.trace = yes(t, "trace", *traceFlag)
	c.strict = yes(t, "strict", *strictFlag)
	if *modeFlag != "" {
		m := mode(slices.Index(modeNames[:], *modeFlag))
		if m < 0 {
			t.Fatalf("sim: -sim.mode: %q, want one of %q", *modeFlag, modeNames)
		}
		c.mode = m
	}
	if *forFlag != "" {
		d, err := time.ParseDuration(*forFlag)
		if err != nil {
			t.Fatalf("sim: -sim.for: %v", err)
		}
		c.within = d
	}
	if *replayFlag != "" {
		p, err := choice.ParsePlan(*replayFlag)
		if err != nil {
			t.Fatalf("sim: -sim.replay: %v", err)
		}
		c.plan = p
	}
}

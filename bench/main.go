// Bench measures what it costs to run a task, from its trigger to its
// completion, beside what a bare goroutine costs in the same run.
//
//	go run -C bench .                 # a table
//	go run -C bench . -json           # every figure of every round
//	go run -C bench . -only 'floor'   # some contenders; the floor is always there
//	go test -C bench -bench . -count 10 | tee new.txt   # for benchstat
//
// Read the ratios: each is the median of what was measured in the same round.
// Where other programs keep the machine busy, read those of the processor time
// and have many short rounds: -rounds 30 -time 20ms. What a contender does
// that the floor does not is said below the table.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 7, "how many `rounds`; each measures every contender once")
	span := flag.Duration("time", 100*time.Millisecond, "how long one measurement takes, at least")
	only := flag.String("only", "", "measure the contenders whose name matches `regexp`")
	asJSON := flag.Bool("json", false, "print every figure as JSON")
	flag.Parse()
	if err := run(*rounds, *span, *only, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(rounds int, span time.Duration, only string, asJSON bool) error {
	match, err := regexp.Compile(only)
	switch {
	case err != nil:
		return err
	case rounds < 1:
		return fmt.Errorf("-rounds is %d, want at least 1", rounds)
	}
	chosen := contenders()[:1] // the floor, for the ratios
	for _, c := range contenders()[1:] {
		if match.MatchString(c.name) {
			chosen = append(chosen, c)
		}
	}
	r, err := measure(chosen, rounds, span, func(round int) {
		fmt.Fprintf(os.Stderr, "\rround %d of %d ", round, rounds)
	})
	fmt.Fprint(os.Stderr, "\r                    \r")
	if err != nil {
		return err
	}
	if asJSON {
		return r.writeJSON(os.Stdout)
	}
	return r.writeTable(os.Stdout)
}

// contenders are all of them; the first is the floor.
func contenders() []contender { return append(floors(), fires()...) }

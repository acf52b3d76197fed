// Bench measures what it costs to run a task, from its trigger to its
// completion, beside what Go does by itself and what other libraries cost, in
// one run.
//
//	go run -C bench .                          # tables, in about a quarter of an hour
//	go run -C bench . -quick                   # the same in little time, for a look
//	go run -C bench . -list                    # what there is
//	go run -C bench . -only 'latency.*ants'    # some; the floor is always there
//	go run -C bench . -json                    # every figure of every round
//	go run -C bench . -page ../docs/benchmarks.md    # the page, and its plot
//	go run -C bench . -stages ../docs/cost.md  # one activation, stage by stage
//	go run -C bench . -from old.json           # what a run with -json found, as tables
//	go test -C bench -run '^$' -bench . -count 10    # for benchstat
//	go test -C bench -run TestYear -v          # clocks for tests, those included that live only there
//
// Read the ratios: each is the median of what was measured in the same round.
// Where other programs keep the machine busy, read those of the processor time
// and have more rounds. What a contender does that others do not is said below
// the tables. Package peers has the contenders, measure the scenarios, report
// the tables, the plot and the page.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/bgloop/bgloop/bench/measure"
	"github.com/bgloop/bgloop/bench/peers"
	"github.com/bgloop/bgloop/bench/report"
	"github.com/bgloop/bgloop/bench/stages"
)

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 0, "how many `rounds`; each measures every contender once (default 7, or 1 with -quick)")
	flag.StringVar(&o.only, "only", "", "measure what matches `regexp`, of \"scenario: contender\"")
	flag.BoolVar(&o.quick, "quick", false, "measure little: enough to see that everything works")
	flag.BoolVar(&o.list, "list", false, "list the scenarios and their contenders, and measure nothing")
	flag.BoolVar(&o.json, "json", false, "print every figure as JSON")
	flag.StringVar(&o.svg, "svg", "", "write a plot to `file`")
	flag.StringVar(&o.page, "page", "", "write a page to `file`, and its plot beside it")
	flag.StringVar(&o.stages, "stages", "", "profile some of bgloop's modes, and write a page to `file` that says where the time goes")
	flag.StringVar(&o.from, "from", "", "take the figures from a `file` that -json has written, and measure nothing")
	flag.Parse()
	if err := o.run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	rounds            int
	only              string
	quick, list, json bool
	svg, page, from   string
	stages            string
}

func (o options) run(out io.Writer) error {
	if o.stages != "" {
		span, sizes := 6*time.Second, measure.Full()
		if o.quick {
			span, sizes = 200*time.Millisecond, measure.Quick()
		}
		defer progress("")
		return create(o.stages, func(w io.Writer) error { return stages.Page(w, command(), span, sizes, progress) })
	}
	if o.from != "" {
		data, err := os.ReadFile(o.from)
		if err != nil {
			return err
		}
		r := new(report.Report)
		if err := json.Unmarshal(data, r); err != nil {
			return err
		}
		return o.write(out, r)
	}
	match, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	chosen := func(scenario, contender string) bool { return match.MatchString(scenario + ": " + contender) }
	sizes := measure.Full()
	if o.quick {
		sizes = measure.Quick()
	}
	if o.rounds > 0 {
		sizes.Rounds = o.rounds
	}
	if o.list {
		return list(out, measure.Scenarios(sizes), chosen)
	}
	began := time.Now()
	tables, err := measure.Run(measure.Scenarios(sizes), peers.All(), sizes.Rounds, chosen, progress)
	progress("")
	if err != nil {
		return err
	}
	r := &report.Report{
		Machine: report.Here(), Command: command(), Seconds: time.Since(began).Seconds(),
		Rounds: sizes.Rounds, Tables: tables,
	}
	return o.write(out, r)
}

func (o options) write(out io.Writer, r *report.Report) error {
	if o.page != "" {
		plot := strings.TrimSuffix(o.page, filepath.Ext(o.page)) + ".svg"
		page := func(w io.Writer) error { return r.Page(w, filepath.Base(plot)) }
		if err := create(o.page, page); err != nil {
			return err
		}
		if err := create(plot, r.Plot); err != nil {
			return err
		}
	}
	if o.svg != "" {
		if err := create(o.svg, r.Plot); err != nil {
			return err
		}
	}
	if o.json {
		return r.JSON(out)
	}
	return errors.Join(r.Text(out), r.Goals(out))
}

// create makes a file of what write writes.
func create(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		_ = f.Close() // the first error counts
		return err
	}
	return f.Close()
}

// command is how this program was run, from the root of the tree. What it prints
// is of no account.
func command() string {
	words := []string{"go run -C bench ."}
	for _, a := range os.Args[1:] {
		if strings.TrimLeft(a, "-") != "json" {
			words = append(words, a)
		}
	}
	return strings.Join(words, " ")
}

// progress says on the standard error what is being done.
func progress(what string) { fmt.Fprintf(os.Stderr, "\r%-110s\r%s", "", what) }

func list(out io.Writer, all []measure.Scenario, chosen func(scenario, contender string) bool) error {
	for _, s := range all {
		for _, c := range peers.All() {
			if s.Takes(c) && chosen(s.Name, c.Name) {
				if _, err := fmt.Fprintf(out, "%s: %s\n", s.Name, c.Name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

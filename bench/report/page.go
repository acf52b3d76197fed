package report

import (
	"fmt"
	"io"
	"strings"
)

// why is where it says why what is missed is missed.
const why = `
Where the time goes is in [cost.md](cost.md), stage by stage. What was tried, what it gave and what is left are in the
records [17](decisions/0017-one-allocation-per-activation.md), [28](decisions/0028-letters-without-a-lock.md) and, of
timers, [30](decisions/0030-due-times-on-the-real-clock.md).

`

// Page writes the page of the documentation, which shows the plot that is beside
// it under the given name. Nothing in it is written by hand but what stands here.
func (r *Report) Page(w io.Writer, plot string) error {
	var b strings.Builder
	fmt.Fprintf(&b, `# Benchmarks

<!-- Written by bench; do not edit. -->

What it costs to run a task, beside what Go does by itself and what other libraries cost, measured in one run of one
program on one machine. From a clone:

    %s

It needs Go, and the network once, for the modules. It took %.0f seconds here and has written this page. Without
`+"`-page`"+` it prints the tables; `+"`-json`"+` prints every figure of every round, `+"`-svg FILE`"+` writes the plot, `+"`-quick`"+` takes
some seconds, `+"`-only REGEXP`"+` measures some. For benchstat: `+"`go test -C bench -run '^$' -bench . -count 10`"+`.

## The machine

%s

| module | version |
|---|---|
| github.com/bgloop/bgloop | of this tree |
`, r.Command, r.Seconds, r.Machine)
	for _, m := range r.Machine.Modules {
		fmt.Fprintf(&b, "| %s | %s |\n", m.Path, m.Version)
	}
	fmt.Fprintf(&b, `
## How to read it

- **Read the ratios, not the times.** Floors are multiples of what the first row, the floor, took in the same round:
  the median and, in parentheses, the quartiles. Where the quartiles of two contenders overlap, take them as equal.
- **Rounds.** Contenders take turns: each round measures every scenario once with each, and begins with another
  contender. A value is the median over the rounds; a percentile of latency is the median of the rounds' percentiles.
- **Wall and processor.** Whatever else the machine does makes times longer, processor time much less so. The tails of
  latency (p99, p99.9) suffer most.
- **The same job for all.** Each contender hands the same payload to the same handler, under a recover that is its own
  or, where it has none, ours, and the handler signals its end in the same way. Only "bgloop: receipt" waits for more.
- **They do not do the same.** What each gives that others do not is said at the end. The floors give nothing; a pool
  has no times, names or limits; bgloop pays in each run for an ID, a lifecycle, a context with a reason, counters and a
  history.
- A contender that cannot do something, or not at that size, is left out of the table, with the reason.

![Medians of every scenario](%s)

## The result

`, plot)
	if err := r.Goals(&b); err != nil {
		return err
	}
	b.WriteString(why)
	var tables strings.Builder
	if err := r.Text(&tables); err != nil {
		return err
	}
	_, body, _ := strings.Cut(tables.String(), "\n\n") // the machine was said
	b.WriteString(body)
	_, err := io.WriteString(w, b.String())
	return err
}

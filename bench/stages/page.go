package stages

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/bgloop/bgloop/bench/measure"
	"github.com/bgloop/bgloop/bench/peers"
	"github.com/bgloop/bgloop/bench/report"
)

// wanted are the contenders that are taken apart; the first is the floor.
var wanted = []string{"go", "bgloop: fire", "bgloop: limit, observer", "bgloop: deferral", "bgloop: on the loop"}

// wantedTimers are those that are taken apart when jobs fall due; the first is
// time.AfterFunc.
var wantedTimers = []string{"go", "bgloop", "bgloop, on the loop"}

// Page measures each load for the span with each contender, and timers of the
// sizes, and writes what was found. tell is told what comes next.
func Page(w io.Writer, command string, span time.Duration, sizes measure.Sizes, tell func(string)) error {
	var b strings.Builder
	fmt.Fprintf(&b, `# What an activation costs, stage by stage

<!-- Written by bench; do not edit. -->

The processor time of one activation of a task, from the firing to the end of all that follows from it, taken apart. It
is the runtime's profile, so it is what was spent and not what was hoped for: each sample counts for the innermost
function that is of a stage, with what that called. Nanoseconds of processor time for each activation, of all
processors: on two of them a run may take half of that. From a clone:

    %s

%s

Shares below one in a hundred are noise: they are a few samples. The first column is the floor: a goroutine and a
WaitGroup, with the same job.

## The stages

| stage | what it is |
|---|---|
`, command, report.Here())
	for _, s := range Stages() {
		files := ""
		if len(s.files) > 0 {
			files = ": `" + strings.Join(s.files, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| %s | %s%s |\n", s.Name, s.About, files)
	}
	for _, l := range measure.Loads() {
		var list []Found
		for _, c := range contenders(peers.Dispatching, wanted) {
			tell(l.Name + ": " + c.Name)
			f, err := Measure(c, l, span)
			if err != nil {
				return err
			}
			list = append(list, f)
		}
		table(&b, l.Name, list)
	}
	if err := timers(&b, sizes, tell); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// timers takes apart what falls due.
func timers(b *strings.Builder, sizes measure.Sizes, tell func(string)) error {
	for _, s := range measure.Scenarios(sizes) {
		if s.Ability != peers.Timing {
			continue
		}
		var list []Found
		for _, c := range contenders(peers.Timing, wantedTimers) {
			tell(s.Name + ": " + c.Name)
			f, err := MeasureOnce(c, s)
			if err != nil && !errors.Is(err, ErrNoSample) { // with -quick there may be none
				return err
			}
			list = append(list, f)
		}
		table(b, s.Name, list)
		b.WriteString("\nEach job is made, falls due, runs once and is gone; all of that is in the figures, and the floor is time.AfterFunc.\n")
	}
	return nil
}

func contenders(a peers.Ability, names []string) (list []peers.Contender) {
	for _, name := range names {
		for _, c := range peers.All() {
			if c.Name == name && c.Has(a) {
				list = append(list, c)
			}
		}
	}
	return list
}

func table(b *strings.Builder, load string, list []Found) {
	fmt.Fprintf(b, "\n## %s\n\n| ns |", strings.ToUpper(load[:1])+load[1:])
	rule := "\n|---|"
	for _, f := range list {
		fmt.Fprintf(b, " %s |", f.Contender)
		rule += "---:|"
	}
	b.WriteString(rule + "\n")
	for i, s := range Stages() {
		fmt.Fprintf(b, "| %s |", s.Name)
		for _, f := range list {
			fmt.Fprintf(b, " %s |", cell(f.Each[i], f.CPU))
		}
		b.WriteByte('\n')
	}
	b.WriteString("| **all** |")
	for _, f := range list {
		fmt.Fprintf(b, " **%.0f** |", f.CPU)
	}
	b.WriteString("\n| samples |")
	for _, f := range list {
		fmt.Fprintf(b, " %d |", f.Samples)
	}
	b.WriteByte('\n')
}

// cell is a stage's time, with its share.
func cell(ns, all float64) string {
	if ns == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f (%.0f %%)", ns, 100*ns/all)
}

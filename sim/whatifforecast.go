package sim

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// A Forecast is what a WhatIf found.
type Forecast struct {
	// From and To are when it began and ended.
	From, To time.Time
	// Tasks are the tasks in the order of the question, those in groups last.
	Tasks []TaskForecast
	// Peak is how many instances were active at once, and PeakAt when it first
	// was so many.
	Peak   int
	PeakAt time.Time
	// Edges are the settings of the clock, by zone: that of From first, then
	// those of the tasks that go by a wall clock.
	Edges []*Edge
}

// A TaskForecast is what would become of one task. All counts are of the whole
// time.
type TaskForecast struct {
	// Task is its name, with the group's and a slash before it if it is in one.
	Task string
	// Due is how often it was due: Fired, Merged and Refused together.
	Due uint64
	// Fired is how many activations there were.
	Fired uint64
	// Merged is how many firings became part of one that was pending.
	Merged uint64
	// Refused is how many were refused, as Overlap, Keep and filters say.
	Refused uint64
	// Missed is how many due times passed without a firing of their own.
	Missed uint64
	// Waited, Latched and Capped are how many activations waited for another
	// instance of the task, for a condition, and for a cap.
	Waited, Latched, Capped uint64
	// Started is how many attempts began, Canceled how many were canceled, by
	// the time limit for one.
	Started, Canceled uint64
	// Completed is how many activations were over in the end.
	Completed uint64
	// Peak is how many instances were active at once.
	Peak int
	// Longest is the longest that an activation waited for its start.
	Longest time.Duration
	// Busy is how long its instances were active, together.
	Busy time.Duration
	// Fault is the last thing its schedule did wrong, nil if there was none.
	Fault error
}

// An Edge is an instant at which a zone's clocks are set.
type Edge struct {
	// At is when, in the zone.
	At time.Time
	// Shift is by how much: positive when clocks are set forward, which leaves
	// a gap, negative when they are set back, and a time comes twice.
	Shift time.Duration
	// Tasks are those that go by this wall clock and are due near the edge.
	Tasks []EdgeTask
}

// An EdgeTask is how often a task was due within the length of the shift
// before an edge, and from the edge on. So one whose time of day comes twice
// has 1 and 0 if it is due once, 1 and 1 if twice; one whose time is jumped
// over has 0 and 1 if it is due after the gap, and is not there if it is
// skipped.
type EdgeTask struct {
	Task          string
	Before, After int
}

// Task finds what became of a task, and false if it was not asked about.
func (f *Forecast) Task(name string) (TaskForecast, bool) {
	for _, t := range f.Tasks {
		if t.Task == name {
			return t, true
		}
	}
	return TaskForecast{}, false
}

// Left is how many activations were not over in the end.
func (t TaskForecast) Left() uint64 { return t.Fired - t.Completed }

const stamp = "2006-01-02 15:04"

// String is all of it as tables, for people.
func (f *Forecast) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s to %s %s, at most %d at once", f.From.Format(stamp), f.To.Format(stamp), f.From.Location(), f.Peak)
	if f.Peak > 0 {
		fmt.Fprintf(&b, " (%s)", f.PeakAt.In(f.From.Location()).Format(stamp))
	}
	b.WriteString("\n\n")
	row := table(&b)
	row("task", "due", "fired", "merged", "refused", "missed", "waited", "latched", "capped", "started", "canceled", "left", "peak", "longest", "busy")
	for _, t := range f.Tasks {
		row(t.Task, t.Due, t.Fired, t.Merged, t.Refused, t.Missed, t.Waited, t.Latched, t.Capped, t.Started, t.Canceled, t.Left(), t.Peak, t.Longest, t.Busy)
	}
	row()
	f.writeEdges(&b)
	for _, t := range f.Tasks {
		if t.Fault != nil {
			fmt.Fprintf(&b, "\n%s: %v\n", t.Task, t.Fault)
		}
	}
	return b.String()
}

func (f *Forecast) writeEdges(b *strings.Builder) {
	if len(f.Edges) == 0 {
		return
	}
	b.WriteString("\n")
	row := table(b)
	row("clock set", "zone", "by", "due near it")
	for _, e := range f.Edges {
		tasks := "-"
		for i, t := range e.Tasks {
			if i == 0 {
				tasks = ""
			} else {
				tasks += ", "
			}
			tasks += fmt.Sprintf("%s %d+%d", t.Task, t.Before, t.After)
		}
		row(e.At.UTC().Format(stamp+" UTC"), e.At.Location(), fmt.Sprintf("%+gm", e.Shift.Minutes()), tasks)
	}
	row()
}

// table returns a function that writes the rows of a table, and with no cells
// its end.
func table(b *strings.Builder) func(cells ...any) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	return func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				_, _ = fmt.Fprint(w, "\t")
			}
			_, _ = fmt.Fprint(w, c)
		}
		if len(cells) == 0 {
			_ = w.Flush()
			return
		}
		_, _ = fmt.Fprintln(w)
	}
}

// edgesOf lists the instants from one to another at which a zone's offset
// changes.
func edgesOf(loc *time.Location, from, to time.Time) (edges []*Edge) {
	for at := from.In(loc); ; {
		_, before := at.Zone()
		_, end := at.ZoneBounds()
		switch {
		case end.IsZero():
			return edges
		case !end.After(at): // a rule's year is short by the leap day
			end = at.Add(24 * time.Hour)
		}
		if !end.Before(to) {
			return edges
		}
		at = end.In(loc)
		if _, after := at.Zone(); after != before {
			edges = append(edges, &Edge{At: at, Shift: time.Duration(after-before) * time.Second})
		}
	}
}

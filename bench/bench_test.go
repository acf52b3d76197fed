package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/bench/measure"
	"github.com/bgloop/bgloop/bench/peers"
	"github.com/bgloop/bgloop/bench/report"
)

// BenchmarkThroughput measures batches: one op of a burst is 1,024 runs.
func BenchmarkThroughput(b *testing.B) {
	for _, l := range measure.Loads() {
		for _, c := range peers.All() {
			if !c.Has(peers.Dispatching) {
				continue
			}
			b.Run(l.Name+"/"+c.Name, func(b *testing.B) {
				d, err := c.Dispatch()
				if err != nil {
					b.Fatal(err)
				}
				defer d.Close()
				batch := measure.NewBatch(l, d, false)
				batch.Run()
				b.ReportAllocs()
				for b.Loop() {
					batch.Run()
				}
				b.ReportMetric(float64(b.Elapsed())/float64(b.N*l.Runs()), "ns/run")
			})
		}
	}
}

func BenchmarkLatency(b *testing.B)       { benchmark(b, "latency") }
func BenchmarkOpenLoop(b *testing.B)      { benchmark(b, "open loop") }
func BenchmarkTimers(b *testing.B)        { benchmark(b, "timers") }
func BenchmarkRegistrations(b *testing.B) { benchmark(b, "registrations") }
func BenchmarkIdle(b *testing.B)          { benchmark(b, "idle") }
func BenchmarkStopping(b *testing.B)      { benchmark(b, "stopping") }
func BenchmarkVirtualTime(b *testing.B)   { benchmark(b, "virtual time") }
func BenchmarkYear(b *testing.B)          { benchmark(b, "year") }
func BenchmarkDurable(b *testing.B)       { benchmark(b, "durable") }

// benchmark makes one op of a whole measurement of the quick sizes; its figures
// are the medians over the ops.
func benchmark(b *testing.B, family string) {
	for _, s := range measure.Scenarios(measure.Quick()) {
		rest, is := strings.CutPrefix(s.Name, family+": ")
		if !is {
			continue
		}
		for _, c := range peers.All() {
			if !s.Takes(c) {
				continue
			}
			b.Run(rest+"/"+c.Name, func(b *testing.B) {
				found := make([][]float64, len(s.Columns))
				for b.Loop() {
					values, err := s.Once(c)
					if err != nil {
						b.Fatal(err)
					}
					for i, v := range values {
						found[i] = append(found[i], v)
					}
				}
				b.ReportMetric(0, "ns/op") // of a measurement: nobody asks
				for i, col := range s.Columns {
					slices.Sort(found[i])
					b.ReportMetric(found[i][len(found[i])/2], unit.Replace(col.Name))
				}
			})
		}
	}
}

// unit makes the name of a column one word.
var unit = strings.NewReplacer(" ", "-", "µ", "u", "%", "percent")

// tiny is what takes next to no time.
func tiny() measure.Sizes {
	return measure.Sizes{
		Rounds: 1, Span: time.Microsecond, OpenSpan: 2 * time.Millisecond, Rates: []int{10_000},
		Timers: 50, TimerSpan: 10 * time.Millisecond, Instant: 50, Recurring: 5, Period: time.Millisecond,
		Registrations: []int{100}, Idle: time.Millisecond, Takes: 4 * time.Millisecond, Minutes: 2, Days: 1, Stored: 2,
	}
}

func everything(string, string) bool { return true }

// TestEveryScenarioWithEveryContender: each comes to its end with as many
// figures as it has columns, all of them possible; the floor is one floor; and
// what is written names everything.
func TestEveryScenarioWithEveryContender(t *testing.T) {
	all := measure.Scenarios(tiny())
	before := time.Now()
	tables, err := measure.Run(all, peers.All(), 1, everything, func(string) {})
	after := time.Now()
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) != len(all) {
		t.Fatalf("tables: got %d, want %d", len(tables), len(all))
	}
	for _, table := range tables {
		if len(table.Rows)+len(table.Left) < 2 {
			t.Errorf("%s: got %d rows, want more", table.Name, len(table.Rows))
		}
		for i, row := range table.Rows {
			checkRow(t, table, row, wasSet(before, after))
			for col, c := range table.Columns {
				if one := (measure.Quartiles{1, 1, 1}); i == 0 && c.Ratio && row.Values[col][1] > 0 && row.Floors[col] != one {
					t.Errorf("%s: %s of the floor: got %v floors, want 1", table.Name, c.Name, row.Floors[col])
				}
			}
		}
	}
	checkReport(t, &report.Report{Machine: report.Here(), Command: "go run -C bench .", Rounds: 1, Tables: tables})
}

// wasSet reports whether the wall clock was set in between: who goes by it may
// have been early then.
func wasSet(before, after time.Time) bool {
	d := after.Round(0).Sub(before.Round(0)) - after.Sub(before)
	return d.Abs() > time.Microsecond
}

func checkRow(t *testing.T, table measure.Table, row measure.Row, wasSet bool) {
	t.Helper()
	if len(row.Rounds) != 1 || len(row.Rounds[0]) != len(table.Columns) {
		t.Fatalf("%s, %s: got %v, want one round of %d figures", table.Name, row.Name, row.Rounds, len(table.Columns))
	}
	for i, v := range row.Rounds[0] {
		name := table.Columns[i].Name
		switch {
		case math.IsNaN(v), math.IsInf(v, 0), v < 0 && name != "after µs":
			t.Errorf("%s, %s: %s is %v", table.Name, row.Name, name, v)
		case wasSet && strings.HasPrefix(table.Name, "timers"): // early or late by no fault of theirs
		case name == "early" && v != 0:
			t.Errorf("%s, %s: %v began before they were due", table.Name, row.Name, v)
		case (strings.HasPrefix(name, "ns/") || strings.Contains(name, "p99")) && v == 0:
			t.Errorf("%s, %s: %s is nothing", table.Name, row.Name, name)
		}
	}
}

func checkReport(t *testing.T, r *report.Report) {
	t.Helper()
	var data, plot, page bytes.Buffer
	if err := errors.Join(r.JSON(&data), r.Plot(&plot), r.Page(&page, "plot.svg")); err != nil {
		t.Fatal(err)
	}
	var back report.Report
	if err := json.Unmarshal(data.Bytes(), &back); err != nil || !reflect.DeepEqual(&back, r) {
		t.Errorf("JSON: %v, or another report than was written", err)
	}
	for d := xml.NewDecoder(&plot); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("plot: %v", err)
		}
	}
	for _, table := range r.Tables {
		for _, row := range table.Rows {
			if !strings.Contains(page.String(), table.Name) || !strings.Contains(page.String(), row.Name) {
				t.Errorf("page: %s, %s: not there", table.Name, row.Name)
			}
		}
	}
}

// TestEveryJobRunsOnce: whatever the dispatcher and the load, each job of a
// batch runs, after it was asked for.
func TestEveryJobRunsOnce(t *testing.T) {
	for _, c := range peers.All() {
		for _, l := range measure.Loads() {
			if !c.Has(peers.Dispatching) {
				continue
			}
			t.Run(c.Name+"/"+l.Name, func(t *testing.T) {
				d, err := c.Dispatch()
				if err != nil {
					t.Fatal(err)
				}
				defer d.Close()
				b := measure.NewBatch(l, d, true)
				for range 2 {
					b.Run() // one that ran twice would end the batch too soon, or panic
					for _, j := range b.Jobs() {
						if j.Due == 0 || j.Began < j.Due || j.Ended < j.Began {
							t.Fatalf("job %d: due %d, began %d, ended %d", j.N, j.Due, j.Began, j.Ended)
						}
					}
				}
			})
		}
	}
}

// TestChosen: the floor comes with whatever is chosen, and only with it.
func TestChosen(t *testing.T) {
	only := func(scenario, contender string) bool {
		return strings.HasPrefix(scenario, "virtual") && contender == "bgloop"
	}
	tables, err := measure.Run(measure.Scenarios(tiny()), peers.All(), 2, only, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) != 1 || len(tables[0].Rows) != 2 || tables[0].Rows[0].Kind != peers.Floor {
		t.Fatalf("tables: got %+v, want one, of a floor and bgloop", tables)
	}
	if got := len(tables[0].Rows[1].Rounds); got != 2 {
		t.Errorf("rounds: got %d, want 2", got)
	}
}

// TestFailingPeer: a peer that fails is left out, with the reason; the rest goes
// on.
func TestFailingPeer(t *testing.T) {
	var calls int
	s := measure.Scenario{
		Name: "s", Ability: peers.Dispatching, Columns: []measure.Column{{Name: "ns", Ratio: true}},
		Once: func(c peers.Contender) ([]float64, error) {
			if calls++; c.Name == "bad" {
				return nil, errors.New("broken")
			}
			return []float64{1}, nil
		},
	}
	open := func() (peers.Dispatcher, error) { return nil, nil }
	cs := []peers.Contender{
		{Name: "go", Kind: peers.Floor, Dispatch: open},
		{Name: "bad", Kind: peers.Peer, Dispatch: open},
		{Name: "good", Kind: peers.Peer, Dispatch: open},
	}
	tables, err := measure.Run([]measure.Scenario{s}, cs, 3, everything, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	if got := tables[0]; len(got.Rows) != 2 || len(got.Rows[1].Rounds) != 3 || len(got.Left) != 1 || calls != 7 {
		t.Errorf("after %d calls: got %+v, want go and good in three rounds, and bad left out", calls, got)
	}
	cs[0].Name, cs[1].Name = "bad", "go"
	if _, err := measure.Run([]measure.Scenario{s}, cs, 3, everything, func(string) {}); err == nil {
		t.Error("a floor that fails: got no error")
	}
}

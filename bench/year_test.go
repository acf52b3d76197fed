package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/bench/measure"
	"github.com/bgloop/bgloop/bench/peers"
	"github.com/bgloop/bgloop/bench/report"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/tasks"
)

// inTests are the clocks that live only in a test.
func inTests() []peers.Contender {
	return []peers.Contender{
		{Name: "bgloop, sim", Kind: peers.Ours, Gives: "as bgloop, in a simulation; the handler sleeps for a second", Years: simYear},
		{Name: "testing/synctest", Kind: peers.Peer, Gives: "native timers and goroutines", Years: synctestYear(false)},
		{Name: "testing/synctest, goroutine", Kind: peers.Peer, Gives: "a goroutine for each tick, which sleeps for a second", Years: synctestYear(true)},
	}
}

func simYear(days int) (int, error) {
	f, err := sim.WhatIf{
		From: peers.NewYear(), Days: days, Tasks: []tasks.Registration{{Name: "tick", Trigger: trigger.Every(peers.Quarter)}},
	}.Forecast()
	if err != nil {
		return 0, err
	}
	return int(f.Tasks[0].Started), nil
}

func synctestYear(handler bool) func(days int) (int, error) {
	return func(days int) (ticks int, err error) {
		year := func(*testing.T) {
			ticker := time.NewTicker(peers.Quarter)
			defer ticker.Stop()
			for range peers.Quarters(days) {
				<-ticker.C
				ticks++
				if handler {
					go time.Sleep(time.Second)
				}
			}
			time.Sleep(2 * time.Second) // for the last of them
		}
		inBubble := testing.InternalTest{Name: "year", F: func(t *testing.T) { synctest.Test(t, year) }}
		if !testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{inBubble}) {
			return 0, errors.New("the test has failed")
		}
		return ticks, nil
	}
}

// TestYear: every clock lives its year. With -v it prints the table, with
// ratios:
//
//	go test -C bench -run TestYear -v
func TestYear(t *testing.T) {
	sizes := tiny()
	if testing.Verbose() {
		sizes = measure.Full()
		sizes.Rounds = 3
	}
	only := func(scenario, _ string) bool { return strings.HasPrefix(scenario, "year") }
	tables, err := measure.Run(measure.Scenarios(sizes), append(peers.All(), inTests()...), sizes.Rounds, only, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) != 1 || len(tables[0].Rows) != 8 {
		t.Fatalf("tables: got %+v, want one of eight rows", tables)
	}
	var text bytes.Buffer
	r := &report.Report{Machine: report.Here(), Command: "go test -C bench -run TestYear -v", Rounds: sizes.Rounds, Tables: tables}
	if err := r.Text(&text); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + text.String())
}

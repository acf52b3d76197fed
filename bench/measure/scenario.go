// Package measure has the scenarios: what is measured of the contenders, and the
// rounds in which they take turns.
//
// It says what was found as numbers; report writes them down.
package measure

import (
	"time"

	"github.com/bgloop/bgloop/bench/peers"
)

// A Scenario is one thing to measure of every contender that has the ability: a
// table of the report.
type Scenario struct {
	Name    string // such as "latency: one at a time"
	About   string // what exactly was measured
	Ability peers.Ability
	Size    int // how many timers, registrations, or jobs per second
	Columns []Column
	Every   int // it is measured in every so manieth round; zero: in each
	// Once measures a contender: a number for each column.
	Once func(peers.Contender) ([]float64, error)
}

// A Column is a number that a Scenario finds.
type Column struct {
	Name  string `json:"name"`  // with its unit
	Ratio bool   `json:"ratio"` // also as a multiple of the floor's in the same round
	Plot  bool   `json:"plot"`
}

// Sizes say how much is measured.
type Sizes struct {
	Rounds        int           // how often each contender has its turn
	Span          time.Duration // how long jobs are asked for, in turn and in bursts
	OpenSpan      time.Duration // how long jobs are asked for at a fixed rate
	Rates         []int         // per second
	Timers        int           // due over TimerSpan
	TimerSpan     time.Duration
	Instant       int // timers due at one instant
	Recurring     int // jobs that come every Period, for TimerSpan
	Period        time.Duration
	Registrations []int         // how many stand at once
	Idle          time.Duration // how long nothing is done
	Takes         time.Duration // how long the handler takes that a stop waits for
	Minutes       int           // of virtual time
	Days          int           // of it, with one trigger
	Stored        int           // jobs that are stored
}

// Full is what the page is made from.
func Full() Sizes {
	return Sizes{
		Rounds: 7, Span: 25 * time.Millisecond, OpenSpan: 100 * time.Millisecond, Rates: []int{10_000, 100_000},
		Timers: 100_000, TimerSpan: 5 * time.Second, Instant: 10_000,
		Recurring: 1_000, Period: 50 * time.Millisecond,
		Registrations: []int{10_000, 100_000, 1_000_000}, Idle: 400 * time.Millisecond,
		Takes: 100 * time.Millisecond, Minutes: 60, Days: 365, Stored: 64,
	}
}

// Quick is enough to see that everything works.
func Quick() Sizes {
	return Sizes{
		Rounds: 1, Span: 3 * time.Millisecond, OpenSpan: 20 * time.Millisecond, Rates: []int{10_000, 100_000},
		Timers: 2_000, TimerSpan: 200 * time.Millisecond, Instant: 1_000,
		Recurring: 200, Period: 10 * time.Millisecond,
		Registrations: []int{1_000, 10_000}, Idle: 50 * time.Millisecond,
		Takes: 20 * time.Millisecond, Minutes: 10, Days: 2, Stored: 16,
	}
}

// Scenarios are all of them.
func Scenarios(s Sizes) []Scenario {
	var all []Scenario
	for _, list := range [][]Scenario{
		throughput(s), latency(s), openLoop(s), timers(s), registrations(s), idle(s), stopping(s), virtual(s), year(s), durable(s),
	} {
		all = append(all, list...)
	}
	return all
}

// Takes reports whether the contender takes part.
func (s Scenario) Takes(c peers.Contender) bool {
	most, bounded := c.Most[s.Ability]
	return c.Has(s.Ability) && (!bounded || s.Size <= most)
}

// Left is why a contender that does not take part is left out. It is empty where
// nobody would ask.
func (s Scenario) Left(c peers.Contender) string { return c.Cannot[s.Ability] }

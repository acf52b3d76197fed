// Package crondiff compares our cron with others: the same expressions, made up
// at random, must have the same runs wherever no clock is set. It measures them
// side by side, too.
//
// It holds tests only and is imported by nobody. What the others do when a
// clock is set is not compared: they do not agree with each other.
package crondiff

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Next is a cron library as a function: the first run of an expression after an
// instant, and whether there is one.
type Next func(expr string, loc *time.Location, from time.Time) (time.Time, bool)

// A Peer is a library to compare with.
type Peer struct {
	// Name is the library's name.
	Name string
	// Next is the library.
	Next Next
	// Extended says that it knows L, W and #.
	Extended bool
	// Horizon is how far it looks from an instant; beyond, it has no run.
	Horizon func(from time.Time) time.Time
}

// A Difference is an instant after which two libraries name different runs. A
// zero time stands for none.
type Difference struct {
	Peer, Expr         string
	From, Ours, Theirs time.Time
}

// String is the difference for a reader.
func (d Difference) String() string {
	return fmt.Sprintf("%q after %v: ours is %v, %s has %v", d.Expr, d.From, d.Ours, d.Peer, d.Theirs)
}

// Compare makes up n expressions and compares ours with each peer that knows
// their syntax, for three runs in a row from a random instant of the years 2000
// to 2059. It returns how many runs it compared and the differences.
func Compare(r *rand.Rand, n int, loc *time.Location, ours Next, peers ...Peer) (runs int, diffs []Difference) {
	for i := range n {
		extended := i%3 == 2
		expr := Random(r, i%4 == 3, extended)
		start := time.Date(2000, 1, 1, 0, 0, r.IntN(60*365*24*60*60), 0, loc)
		for _, p := range peers {
			if extended && !p.Extended {
				continue
			}
			from := start
			for range 3 {
				runs++
				want, ok := p.Next(expr, loc, from)
				got, found := ours(expr, loc, from)
				if !ok && (!found || got.After(p.Horizon(from))) {
					break
				}
				if ok != found || !got.Equal(want) {
					diffs = append(diffs, Difference{Peer: p.Name, Expr: expr, From: from, Ours: got, Theirs: want})
					break
				}
				from = got
			}
		}
	}
	return runs, diffs
}

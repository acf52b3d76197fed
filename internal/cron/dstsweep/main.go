// Command dstsweep compares what package cron runs with what it owes: every zone
// of the tz database, ten times of day, every policy, each day of the years 2000
// to 2040, and runs by elapsed time around each edge. It prints one line and
// exits with 1 if anything differs.
//
// It is a command and not a test because it takes minutes.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bgloop/bgloop/internal/cron"
	"github.com/bgloop/bgloop/internal/cron/crontest"
)

func main() {
	only := flag.String("zone", "", "sweep the zones whose name contains this; all if empty")
	flag.Parse()
	total, err := sweepAll(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "dstsweep:", err)
		os.Exit(1)
	}
	for _, v := range total.violations {
		fmt.Println(v)
	}
	bad := 0
	fmt.Printf("%d zones, %d edges, %d fires", total.zones, total.edges, total.fires)
	for k, n := range total.count {
		fmt.Printf(", %d %v", n, crontest.Kind(k))
		bad += n
	}
	fmt.Println()
	if bad > 0 || total.zones == 0 {
		os.Exit(1)
	}
}

type result struct {
	zones, edges, fires int
	violations          []crontest.Violation
	count               [crontest.Kinds]int
}

// sweepAll sweeps zones, as many at a time as there are processors.
func sweepAll(only string) (total result, err error) {
	var mu sync.Mutex // guards total
	var sweeps errgroup.Group
	sweeps.SetLimit(runtime.GOMAXPROCS(0))
	for _, name := range crontest.Zones() {
		if !strings.Contains(name, only) {
			continue
		}
		sweeps.Go(func() error {
			loc, err := time.LoadLocation(name)
			if err != nil {
				return err
			}
			s := crontest.NewSweep(loc, parse)
			s.All = true
			s.Run()
			mu.Lock()
			defer mu.Unlock()
			total.add(s)
			return nil
		})
	}
	err = sweeps.Wait()
	return total, err
}

func (r *result) add(s *crontest.Sweep) {
	r.zones++
	r.edges += s.Edges()
	r.fires += s.Fires
	r.violations = append(r.violations, s.Violations...)
	for k, n := range s.Count {
		r.count[k] += n
	}
}

func parse(expr string, loc *time.Location, skip, twice bool) (crontest.Next, error) {
	opts := cron.Options{Location: loc}
	if skip {
		opts.Gap = cron.Skip
	}
	if twice {
		opts.Fold = cron.Twice
	}
	s, err := cron.Parse(expr, opts)
	if err != nil {
		return nil, err
	}
	return s.Next, nil
}

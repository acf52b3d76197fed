package sim_test

import (
	"testing"
	"time"

	"github.com/bgloop/bgloop/sim"
)

// market is a life without an App: actors that decide, wait and meet.
func market(s *sim.S) {
	stock, waiting := 0, 0
	for _, name := range []string{"ann", "bob", "cid"} {
		s.Go(name, func(a *sim.Actor) {
			for range 20 {
				a.Sleep(a.Between("walk", time.Second, time.Minute))
				if a.Chance("buys", 0.3) {
					waiting++
					s.Event("buys", uint64(a.Choose("how many", 5)), uint64(stock))
				}
			}
		})
	}
	s.Every("carrier", 5*time.Minute, func() {
		stock += s.Choose("delivered", 10)
		s.Event("delivered", uint64(stock), uint64(waiting))
	})
	s.RunFor(time.Hour)
}

// TestSeedsKeepTheirMeaning fails when a seed or a plan that somebody noted does
// no longer what it did. That is allowed, but must be meant, and told in the
// changelog. It is the same on every machine.
func TestSeedsKeepTheirMeaning(t *testing.T) {
	sum := uint64(0)
	for _, hash := range hashes(t, market, 0, 50) {
		for _, c := range hash {
			sum = (sum ^ uint64(c)) * 1099511628211
		}
	}
	if want := uint64(0xcd30e7afe9217165); sum != want {
		t.Errorf("hash of 50 lives: got %#x, want %#x", sum, want)
	}
}

package sim_test

import (
	"testing"
	"time"

	"github.com/bgloop/bgloop/sim"
)

// Whatever is asked after a step may end the life by Fatalf, and the hunt tells
// of it.
func TestFatalfInWhatIsAsked(t *testing.T) {
	for name, asked := range map[string]func(s *sim.S, fatal func() bool){
		"an invariant": func(s *sim.S, fatal func() bool) {
			s.Invariant("it", func() error { fatal(); return nil })
		},
		"a promise": func(s *sim.S, fatal func() bool) { s.Eventually("it", time.Minute, fatal) },
		"a wait": func(s *sim.S, fatal func() bool) {
			s.Go("who waits", func(a *sim.Actor) { a.Until(fatal) })
		},
	} {
		for mode, opts := range map[string][]sim.Option{
			"coroutines": nil, "bubble": {sim.InBubble(), sim.InBubblesOf(t)},
		} {
			failed, text := verdict(t, func(t testing.TB) {
				sim.Test(t, func(s *sim.S) {
					late := false
					asked(s, func() bool {
						if late {
							s.Fatalf("too late")
						}
						return false
					})
					s.RunFor(time.Second)
					late = true
					s.RunFor(time.Second)
				}, append(opts, calm, sim.Seeds(2))...)
			})
			if !failed {
				t.Errorf("%s, %s: nothing failed", name, mode)
			}
			says(t, text, `"scenario" broke`, "too late")
		}
	}
}

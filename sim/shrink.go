package sim

import "github.com/bgloop/bgloop/internal/choice"

// How many lives may be spent on shrinking one: on other seeds, on leaving
// decisions out, and once more on both if what is left is too long to be read.
const (
	kin       = 24
	tries     = 200
	moreKin   = 48
	moreTries = 100
)

// A shrinking looks for the fewest decisions by which a life goes wrong as one
// did. What takes many decisions by one seed may take few by another, and
// leaving out is a search that can end beside the mark: so it begins with the
// simplest of several lives.
type shrinking struct {
	conf     *config // of lives not longer than the simplest so far
	scenario func(*S)
	want     *Failure
	by       *choice.Source // of the life that went wrong
	best     choice.Plan
	lives    int
	asked    int // seeds
}

// shrink returns the plan, and how many lives it took.
func (c *config) shrink(scenario func(*S), first outcome, by *choice.Source) (choice.Plan, int) {
	bounded := *c
	bounded.stop, bounded.steps = 0, first.failure.Step
	s := &shrinking{conf: &bounded, scenario: scenario, want: first.failure, by: by, best: first.made}
	s.simplest(kin)
	s.leaveOut(tries)
	if len(s.best) > shown && s.simplest(moreKin) {
		s.leaveOut(moreTries)
	}
	return s.best, s.lives
}

// simplest asks other seeds, and reports whether one takes fewer decisions.
func (s *shrinking) simplest(seeds int) (found bool) {
	for range seeds {
		other := s.by.Kin(s.asked)
		if other == nil {
			break
		}
		s.asked++
		found = s.try(other, len(s.best)-1).Fails || found
	}
	return found
}

func (s *shrinking) leaveOut(tries int) {
	s.best, _ = choice.Shrink(s.best, tries, func(p choice.Plan) choice.Trial {
		return s.try(choice.Planned(p), len(p))
	})
}

// try lives once: it fails if it breaks the same in not more steps than the best
// before, and by at most so many decisions.
func (s *shrinking) try(by *choice.Source, most int) choice.Trial {
	s.lives++
	o := live(s.conf, by.Record(), s.scenario)
	if o.failure == nil || !o.failure.same(s.want) || len(o.made) > most {
		return choice.Trial{}
	}
	s.conf.steps, s.best = o.failure.Step, o.made
	return choice.Trial{Fails: true, Made: o.made}
}

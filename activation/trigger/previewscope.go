package trigger

import (
	"time"

	"github.com/bgloop/bgloop/activation"
)

// A previewScope is a trigger or a branch of one, with filters of its own.
type previewScope struct {
	parent  *previewScope
	filters []activation.Filter
	window  time.Duration
	phase   activation.Phase
	asked   time.Time // the due time that its filters were asked about last
}

// up visits the scope and those it is a branch of.
func (s *previewScope) up(visit func(*previewScope) bool) {
	for o := s; o != nil && visit(o); o = o.parent {
	}
}

// pass asks the filters, the innermost first.
func (s *previewScope) pass(due time.Time) (at time.Time, ok bool) {
	at, ok = due, true
	s.up(func(o *previewScope) bool {
		o.asked = at
		for _, f := range o.filters {
			if at, ok = f.Pass(o.phase, at); !ok {
				return false
			}
		}
		return true
	})
	return at.Round(0), ok
}

// ended reports whether nothing comes through anymore that is due from then on:
// no filter moves a firing to an earlier instant.
func (s *previewScope) ended(due time.Time) (yes bool) {
	s.up(func(o *previewScope) bool {
		for _, f := range o.filters {
			e, ok := f.(ender)
			yes = yes || ok && e.ended(o.phase, due)
		}
		return !yes
	})
	return yes
}

// count notes a firing that came through.
func (s *previewScope) count() {
	s.up(func(o *previewScope) bool {
		o.phase.N, o.phase.Last = o.phase.N+1, o.asked
		return true
	})
}

// closes is when the innermost window closes that a firing has opened.
func (s *previewScope) closes() (end time.Time, bounded bool) {
	s.up(func(o *previewScope) bool {
		end, bounded = o.asked.Add(o.window), o.window > 0
		return !bounded
	})
	return end, bounded
}

func (s *previewScope) postpones() (yes bool) {
	s.up(func(o *previewScope) bool {
		for _, f := range o.filters {
			p, ok := f.(activation.Postponer)
			yes = yes || ok && p.Postpones()
		}
		return !yes
	})
	return yes
}

package trigger

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// Next previews the first n times at which t lets a task start that is
// registered at from and always free: what its schedules say, filters and
// delays included. There are fewer if the trigger comes to an end, and none for
// one that does not go by time. It returns the errors of the trigger's Arm. The
// task's name, which a Jitter goes by, is empty.
func Next(t activation.Trigger, from time.Time, n int) ([]time.Time, error) {
	if t == nil {
		return nil, ErrNoTrigger
	}
	p := &preview{from: from, root: &previewScope{}}
	if err := t.Arm(&previewPort{p, p.root}); err != nil {
		return nil, err
	}
	p.root.phase = activation.Phase{Registered: from, Started: from}
	for _, s := range p.scopes {
		s.phase = p.root.phase
	}
	for i := range p.sources {
		p.sources[i].ask(p.root.phase)
	}
	return p.run(n)
}

// previewBound is how many due times a preview looks at without finding one
// that is let through.
const previewBound = 100_000

// errPreview says that a preview went on for too long.
var errPreview = errors.New("trigger: no firing among the next 100,000 due times is let through")

// A preview lives through the due times of a trigger.
type preview struct {
	from    time.Time
	root    *previewScope
	scopes  []*previewScope
	sources []previewSource
	oneShot bool
}

type previewScope struct {
	parent  *previewScope
	filters []activation.Filter
	phase   activation.Phase
}

type previewSource struct {
	schedule activation.Schedule
	scope    *previewScope
	phase    activation.Phase
	at       time.Time
	ok       bool
}

func (s *previewSource) ask(ph activation.Phase) {
	s.phase = ph
	s.at, s.ok = s.schedule.Next(ph)
}

func (p *preview) run(n int) (list []time.Time, err error) {
	for idle := 0; len(list) < n; idle++ {
		s := p.earliest()
		if s == nil || p.oneShot && len(list) > 0 {
			break
		}
		if idle == previewBound {
			return list, errPreview
		}
		if at, ok := s.scope.pass(s.at); ok {
			list = append(list, at)
			idle = 0
		}
		ph := s.phase
		ph.N, ph.Last, ph.Completed = ph.N+1, s.at, s.at
		s.ask(ph)
	}
	slices.SortStableFunc(list, time.Time.Compare)
	return list, nil
}

func (p *preview) earliest() (first *previewSource) {
	for i := range p.sources {
		if s := &p.sources[i]; s.ok && (first == nil || s.at.Before(first.at)) {
			first = s
		}
	}
	return first
}

func (s *previewScope) pass(due time.Time) (at time.Time, ok bool) {
	at = due
	for o := s; o != nil; o = o.parent {
		for _, f := range o.filters {
			if at, ok = f.Pass(o.phase, at); !ok {
				return at, false
			}
		}
	}
	for o := s; o != nil; o = o.parent {
		o.phase.N, o.phase.Last, o.phase.Completed = o.phase.N+1, due, due
	}
	return at, true
}

// A previewPort records what the trigger says, and does nothing else.
type previewPort struct {
	*preview
	scope *previewScope
}

func (p *previewPort) Schedule(s activation.Schedule) {
	p.sources = append(p.sources, previewSource{schedule: s, scope: p.scope})
}

func (p *previewPort) Branch() activation.Port {
	s := &previewScope{parent: p.scope}
	p.scopes = append(p.scopes, s)
	return &previewPort{p.preview, s}
}

func (p *previewPort) Filter(f activation.Filter) { p.scope.filters = append(p.scope.filters, f) }
func (p *previewPort) OneShot()                   { p.oneShot = true }
func (p *previewPort) Now() time.Time             { return p.from }

func (*previewPort) Listen(string)                  {}
func (*previewPort) Window(time.Duration, bool)     {}
func (*previewPort) Payload()                       {}
func (*previewPort) Exclusive(any)                  {}
func (*previewPort) OnArm(func())                   {}
func (*previewPort) OnDisarm(func())                {}
func (*previewPort) Go(func(context.Context) error) {}
func (*previewPort) Wanted(func(bool))              {}

func (*previewPort) Fire(context.Context, any) (activation.Receipt, error) {
	return activation.Receipt{Result: activation.UnknownError}, activation.ErrUnbound
}

func (*previewPort) Reserve(context.Context) (activation.Slot, error) {
	return nil, activation.ErrUnbound
}

func (*previewPort) After(time.Duration, func()) (stop func() bool) {
	return func() bool { return false }
}

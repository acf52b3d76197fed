package engine

import (
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A Task is a registration. There may be very many that wait for time and have
// never fired, so what only others need is in their state, and what many have in
// common in their Terms.
type Task struct {
	ID  uint64
	Key Key
	*Terms

	// Host is the host's own; the engine never looks at it.
	Host any
	// Watched says that somebody wants this task's Completed and Progressed.
	Watched bool

	paused     bool
	spent      bool // a one-shot that has fired
	gone       bool
	quiet      bool      // its sources have been told to end
	durable    bool      // it is kept over a restart
	changed    bool      // in Engine.dirty
	follows    bool      // a schedule of it goes by completions
	index      int32     // in Engine.all
	registered time.Time // when this phase of its schedules began
	first      source    // its only one, as a rule
	*state               // nil until it has one
}

// A state is what a task has that has fired, or whose registration needs it.
type state struct {
	keep  tasks.Keep
	slots int
	limit time.Duration // not positive: none
	grace time.Duration // not positive: none

	more    []source            // all but the first
	phases  []activation.Phase  // of the sources; none until one of them has moved on
	one     [1]activation.Phase // room for that of the only one
	scopes  []scope             // none if the trigger has no filter and no window
	conds   []condition
	unmet   int  // conditions that do not hold
	polled  bool // some condition asked to be told when it matters
	wanted  bool
	resumes bool        // its phases are those of a former run
	waits   event.Waits // why the pending entries that are due wait

	pending   queue
	held      int // places reserved
	reserving []*Place
	active    []*Instance  // in no particular order
	lone      [1]*Instance // room for one of them
	inherited int          // active instances of the registrations it replaced
	heir      *Task        // the registration that replaced it
	limits    []*limit
	inLine    *limit   // in whose line it waits
	wants     uint64   // the activation it waits there for
	timers    []*Timer // armed by its ports

	stats        *stats    // nil until something happened
	whilePaused  int       // firings accepted since the pause
	missedPaused uint64    // firings that were not
	missedLast   time.Time // when the last of those was due
	epoch        int       // how often Apply has changed its trigger
}

// A scope is where one of the trigger's scopes stands.
type scope struct {
	*Scope
	phase activation.Phase // of the firings that came through
	asked time.Time        // the due time that its filters were asked about last
}

// stateOf is the task's state, made when it is first asked for.
func (e *Engine) stateOf(t *Task) *state {
	if t.state == nil {
		t.state = new(state)
		t.active = t.lone[:0]
		e.heed(t)
	}
	return t.state
}

// heed works out what the terms mean for a task with a state.
func (e *Engine) heed(t *Task) {
	s := t.state
	s.keep, s.slots, s.limit, s.grace = t.Reg.Keep, t.Reg.Overlap.Slots(), t.Reg.TimeLimit, t.Reg.Grace
	if s.keep == 0 {
		s.keep = tasks.Newest
		if t.Payload > 0 { // a place for each, lest one that waits with it in hand keeps it from the others
			s.keep = tasks.Every(t.Payload)
		}
	}
	if s.limit == 0 {
		s.limit = e.cfg.TimeLimit
	}
	if s.grace == 0 {
		s.grace = e.cfg.Grace
	}
	s.limits = e.limitsOf(t.Key, t.Reg.Key)
}

// adopt puts a task on the terms of s. All phases begin now.
func (e *Engine) adopt(t *Task, s *Spec) {
	t.Terms, t.registered, t.first = s.Terms, e.now, newSource(t, 0)
	t.durable = e.cfg.Durable && !s.Reg.Volatile
	t.follows = slices.ContainsFunc(t.Schedules, func(s Scoped[activation.Schedule]) bool { return follows(s.Source) })
	if t.state == nil && t.Simple() {
		return
	}
	st := e.stateOf(t)
	e.heed(t)
	st.more, st.phases, st.scopes, st.conds = nil, nil, nil, nil
	st.unmet, st.polled, st.wanted = 0, false, false // the conditions have been told nothing
	for n := 1; n < len(t.Schedules); n++ {
		st.more = append(st.more, newSource(t, n))
	}
	if t.judges() {
		for i := range t.Scopes {
			st.scopes = append(st.scopes, scope{Scope: &t.Scopes[i], phase: e.fresh(t)})
		}
	}
	for i, holds := range s.Holds {
		c := condition{holds: holds && !s.Polled[i], polled: s.Polled[i], unheard: s.Unheard != nil && s.Unheard[i]}
		st.conds = append(st.conds, c)
		st.polled = st.polled || c.polled
		if !c.holds {
			st.unmet++
		}
	}
}

// fresh is the phase of a schedule of which nothing has come yet.
func (e *Engine) fresh(t *Task) activation.Phase {
	return activation.Phase{Name: t.Key.Name, Registered: t.registered, Started: e.started}
}

package engine

import (
	"context"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// An Op says what an Input is.
type Op uint8

// The inputs, with the fields they use.
const (
	Tick        Op = iota // time has passed: every Step looks at that first; N: of what is due at most so much, zero: all; On: the Tick before goes on
	Register              // Spec
	Unregister            // Task, On: cancel running instances
	Begin                 // the App runs; Details: a *Former, nil if there is none
	Fire                  // Task, Spec: of the port, if it came through one, Index: of the scope, Details, Origin
	FirePlace             // Place, Details, Origin
	Raise                 // Topic, Details, Origin
	Reserve               // Place
	Unreserve             // Place
	Report                // Task, Spec: of the port, Index, On
	Pause                 // Task, On
	PauseGroup            // Topic: the group, On
	PauseAll              // On
	CancelTask            // Task, Reason
	Update                // Task, Spec, Topic: what has changed, in words
	Jump                  // For: by how much the wall clock moved against time
	Returned              // Inst, Err: the handler returned, deferrals are open
	Over                  // Inst, Err: the handler returned and none is open; On: it began For after its start
	Cancel                // Inst, Reason
	Began                 // Inst: its turn on the loop has come
	Unbegun               // Inst: it was canceled before its handler began; before its Over
	Tell                  // Inst, ID, Kind, Topic: of something the host has noticed
	Progress              // Inst, ID, N
	Arm                   // Timer, For
	Disarm                // Timer
	SourceEnded           // Task, Err
	Drain                 // no new starts; cancel all with Reason
	DrainNow              // abandon all
	Stall                 // On, Err: nothing can be kept; or it can again
	Unclaimed             // Spec: of a task that was kept and is not registered, N: what is pending of it
)

// An Input is one thing that happened.
type Input struct {
	Op      Op
	On      bool
	Reason  activation.Reason
	Kind    event.Kind
	Index   int
	N       uint64
	ID      uint64 // of Inst: if it is another by now, Tell and Progress mean nothing
	Task    *Task
	Inst    *Instance
	Spec    *Spec
	Place   *Place
	Timer   *Timer
	Topic   string
	Details any
	Origin  context.Context
	Err     error
	For     time.Duration
}

// stale reports whether it came through a port that Apply has replaced.
func (in *Input) stale() bool { return in.Spec != nil && in.Spec.Terms != in.Task.Terms }

// A Scope is a trigger, or a branch of one: a set of sources with filters of
// their own.
type Scope struct {
	Parent        int // less than its own index; the first is its own
	Filters       []activation.Filter
	Window        time.Duration // zero: none
	WindowCancels bool
}

// A Scoped is a source and the index of its scope.
type Scoped[T any] struct {
	Scope  int
	Source T
}

// Terms are what a registration says, its name apart, and what its trigger and
// conditions recorded. They do not change: tasks that say the same may share
// them, if nothing they say is for one task alone.
type Terms struct {
	Reg        tasks.Registration
	Trigger    string   // the trigger's text
	Conditions []string // those of the conditions
	Schedules  []Scoped[activation.Schedule]
	Topics     []Scoped[string]
	Scopes     []Scope // the first is the whole trigger
	Exclusive  []any
	OneShot    bool
	Payload    int // how many sources have a payload
}

// Simple reports whether a task on these terms needs no state before it fires.
func (t *Terms) Simple() bool {
	return len(t.Schedules) <= 1 && len(t.Conditions) == 0 && !t.judges()
}

// judges reports whether anything is asked about the trigger's firings.
func (t *Terms) judges() bool {
	return slices.ContainsFunc(t.Scopes, func(s Scope) bool { return len(s.Filters) > 0 || s.Window > 0 })
}

// A Spec asks for a registration.
type Spec struct {
	*Terms
	Key     Key
	Replace bool
	Holds   []bool // what each condition has reported
	Unheard []bool // which conditions have reported nothing; nil: none
	Polled  []bool // which conditions asked to be told when they matter
	Host    any
	Task    *Task   // the room for it, empty; nil: the engine makes one
	Stored  *Stored // what a former run of the program has kept of it
}

// A Reply answers an Input.
type Reply struct {
	Task   *Task // registered
	Act    *Act  // the activation that a firing became
	Result activation.Result
	OK     bool // Reserve: granted; Cancel, Disarm: it had an effect
	N      int  // Raise: firings accepted; CancelTask: what was canceled
	Err    error
}

// A Do says what an Effect is.
type Do uint8

// The effects, with the fields they use.
const (
	Start   Do = iota + 1 // Inst
	Stop                  // Inst, Reason: cancel its context
	End                   // Inst: its outcome is told; end its context
	Abandon               // Inst: make its deferrals inert
	StopApp               // Inst: stop, since it did not end
	Settle                // Act, Err: release who waits for it
	Wake                  // Timer
	Grant                 // Place
	Deny                  // Place, Err
	Want                  // Task, Index, On
	Drop                  // Details
	Retired               // Task: nothing can fire it anymore; disarm its sources
	Emit                  // Task, Inst if it is about one, Index: see Engine.Event
	Drained               // nothing runs anymore, and nothing will
)

// An Effect is something for the host to do. None calls for user code to be run
// before Step returns.
type Effect struct {
	Do      Do
	On      bool
	Reason  activation.Reason
	Index   int
	Task    *Task
	Inst    *Instance
	Act     *Act
	Timer   *Timer
	Place   *Place
	Details any
	Err     error
}

// Step takes one input at the given instant and decides. The effects and the
// reply are valid until the next Step. What was due by now is done first.
func (e *Engine) Step(now time.Time, in *Input) ([]Effect, *Reply) {
	if len(e.effects) > fewEffects {
		clear(e.effects) // a few may point to what is past
	}
	e.effects, e.events, e.reply = e.effects[:0], e.events[:0], Reply{}
	if now != e.given {
		e.given, e.now = now, now.Round(0)
		e.at = nanos(e.now)
	}
	switch {
	case in.Op == Jump: // first what waits for time is to be put right
	case in.Op == Tick && in.N > 0:
		for n := in.N; n > 0 && e.runFirst(); n-- {
		}
	case e.plan.soonest <= e.at: // else nothing is due, as mostly
		e.runDue()
	}
	e.decide(in, &e.reply)
	return e.effects, &e.reply
}

// fewEffects is how many most steps have at most.
const fewEffects = 8

func (e *Engine) decide(in *Input, r *Reply) {
	switch in.Op {
	case Tick:
	case Register:
		r.Task, r.Err = e.register(in.Spec)
	case Unregister:
		e.unregister(in.Task, in.On)
	case Begin:
		former, _ := in.Details.(*Former)
		r.Err = e.begin(former)
	case Fire:
		e.fireFromOutside(in, r)
	case FirePlace:
		e.firePlace(in, r)
	case Raise:
		e.raise(in, r)
	case Reserve:
		e.reserve(in.Place, r)
	case Unreserve:
		e.unreserve(in.Place)
	case Report:
		if !in.stale() {
			e.report(in.Task, in.Index, in.On)
		}
	case Pause:
		e.pause(in.Task, in.On)
	case PauseGroup:
		e.pauseGroup(in.Topic, in.On)
	case PauseAll:
		e.pauseAll(in.On)
	case CancelTask:
		r.N = e.cancelTask(in.Task, in.Reason)
	case Update:
		e.update(in.Task, in.Spec)
		e.changed(in.Task, in.Topic)
	case Jump:
		e.jump(in.For)
	case Returned:
		e.returned(in.Inst, in.Err)
	case Over:
		if in.On {
			in.Inst.Task.sums().add(begun, in.For)
		}
		e.over(in.Inst, in.Err)
	case Cancel:
		r.OK = e.cancel(in.Inst, in.Reason)
	case Began:
		e.began(in.Inst)
	case Unbegun:
		e.unbegun(in.Inst)
	case Tell:
		if in.Inst.ID == in.ID {
			e.tellOf(in.Inst, event.Event{Kind: in.Kind, Detail: in.Topic})
		}
	case Progress:
		if in.Inst.ID == in.ID {
			e.progress(in.Inst, in.N)
		}
	case Arm:
		e.armTimer(in.Timer, in.For)
	case Disarm:
		r.OK = e.disarmTimer(in.Timer)
	case SourceEnded:
		e.sourceEnded(in.Task, in.Err)
	case Drain:
		e.drain(in.Reason)
	case DrainNow:
		e.drainNow()
	case Stall:
		e.stall(in.On, in.Err)
	case Unclaimed:
		e.unclaimed(in.Spec, in.N)
	}
}

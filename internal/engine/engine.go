package engine

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// Errors of an input. Nothing has changed then.
var (
	ErrRegistered = errors.New("app: name is registered")
	ErrExclusive  = errors.New("app: trigger serves another registration")
	ErrStopped    = errors.New("app: stopping or stopped")
)

// longRunning is how long an instance without a time limit runs before it is
// told as an event: the model's own limit (uwp: 30 s in all).
const longRunning = 30 * time.Second

// A Key names a task: names are unique in their group.
type Key struct{ Group, Name string }

// Config holds the App's defaults.
type Config struct {
	TimeLimit time.Duration  // zero or negative: none
	Grace     time.Duration  // negative: none
	NoLatency bool           // count no durations
	Shadow    bool           // make a looplab machine follow each instance
	Cap       int            // instances of the App; zero or negative: no bound
	GroupCaps map[string]int // of a group
	KeyCaps   map[string]int // of the tasks with a key
	Durable   bool           // say what is to be kept, see Changes
}

// An Engine is the state of an App.
type Engine struct {
	cfg    Config
	tasks  map[string]map[string]*Task // by group, then by name
	all    []*Task                     // the same, in no particular order
	topics map[string][]listener
	chains int // listeners to completions
	claims map[any]*Task

	whole        *limit // nil: none
	groupLimits  map[string]*limit
	keyLimits    map[string]*limit
	paused       bool
	pausedGroups map[string]bool

	given    time.Time // of the current Step, by the host
	now      time.Time // the same, by the wall clock
	at       int64     // the same, as a key of the plan
	started  time.Time
	running  bool
	draining bool
	stopped  bool
	stalled  bool // nothing durable starts
	dirty    dirty
	insts    []*Instance // that hold a slot, in no particular order
	plan     plan
	spares   []*Act      // of activations that are over, see Recycle
	times    []time.Time // room for due times

	taskIDs, actIDs, instIDs uint64

	// Watched says that somebody observes all events.
	Watched bool
	// Illegal counts moves that the lifecycle refused: bugs of ours.
	Illegal uint64

	effects []Effect
	events  []event.Event
	reply   Reply
}

// New returns an engine that does not run yet.
func New(cfg Config) *Engine {
	e := &Engine{
		cfg: cfg, tasks: map[string]map[string]*Task{}, topics: map[string][]listener{}, claims: map[any]*Task{},
		whole: newLimit("app", cfg.Cap), groupLimits: map[string]*limit{}, keyLimits: map[string]*limit{},
		pausedGroups: map[string]bool{},
	}
	return e
}

// A listener is a task that a topic makes due.
type listener struct {
	task  *Task
	scope int
}

// An Act is an activation: an accepted firing on its way to a handler.
type Act struct {
	ID      uint64
	Task    *Task
	Details any
	Origin  context.Context // whose values the handler sees; may be nil
	Due     time.Time
	Merged  uint64
	Host    any

	attempts int
	epoch    int // of the task, when it was accepted
	failures int
	lastErr  error     // of the attempt before
	since    time.Time // when it began to wait
	expiry   node      // armed while it is only good for a while
	notYet   node      // armed while its start is put off
	last     *Instance // its last attempt
	first    Instance  // its first

	// Together they take one word: with that it is an object of 512 bytes.
	waits    event.Waits
	had      bool // a handler has had its details
	retrying bool // an attempt was made; it is not merged away
	cancels  bool // what runs is canceled when it expires
	changed  bool // in Engine.dirty
	erased   bool // it is not to be kept anymore
}

// An Instance is one attempt to run an activation.
type Instance struct {
	ID       uint64
	Act      *Act
	Task     *Task
	Attempt  int
	Started  time.Time
	Deadline time.Time // zero: none
	Life     tasks.Lifecycle
	Host     any
	Timed    bool // Over is to say how long after the start the handler began

	// The same word has room for these.
	unbegun  bool // it was canceled before its handler began
	settled  bool // its outcome has been told
	released bool // it holds no slot anymore
	given    bool // it was abandoned, and holds its slot until it ends
	tidy     bool // it came to its end by itself, with nothing left open

	reason   activation.Reason
	canceled time.Time
	turn     turn     // its limit or warning, then its grace
	limits   []*limit // under which it started
	outcome  error
	index    int // in Task.active
	place    int // in Engine.insts
}

// Reason is why the instance was canceled, zero if it was not.
func (i *Instance) Reason() activation.Reason { return i.reason }

// CanceledAt is when it was canceled.
func (i *Instance) CanceledAt() time.Time { return i.canceled }

// Outcome is what was told of it, nil if nothing was yet.
func (i *Instance) Outcome() error { return i.outcome }

// Last is the newest attempt, nil if there was none.
func (a *Act) Last() *Instance { return a.last }

// Gone reports whether the registration has ended.
func (t *Task) Gone() bool { return t.gone }

// Limited reports whether a time limit is set for an instance of the task.
func (t *Task) Limited() bool { return t.limit > 0 }

// Paused reports whether the task is paused.
func (t *Task) Paused() bool { return t.paused }

// Task finds a task by name, nil if there is none.
func (e *Engine) Task(k Key) *Task { return e.tasks[k.Group][k.Name] }

// Tasks appends every task that stands to buf, in no particular order.
func (e *Engine) Tasks(buf []*Task) []*Task { return append(buf, e.all...) }

// Active is how many instances hold a slot.
func (e *Engine) Active() int { return len(e.insts) }

// Instances lists the instances that hold a slot, in the order they started.
func (e *Engine) Instances() []*Instance { return inOrder(e.insts) }

func inOrder(list []*Instance) []*Instance {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b *Instance) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// Next is when a Tick is wanted, and false if nothing waits for time.
func (e *Engine) Next() (time.Time, bool) {
	at, ok := e.plan.next()
	return time.Unix(0, at), ok
}

// Now is the time of the last Step, by the wall clock.
func (e *Engine) Now() time.Time { return e.now }

// Due reports whether anything is due that the last Step has left undone.
func (e *Engine) Due() bool {
	at, ok := e.plan.next()
	return ok && at <= e.at
}

// MayBeDue reports whether a Tick may be wanted before an instant: if not, Next is
// not before it.
func (e *Engine) MayBeDue(before time.Time) bool { return e.plan.soonest < nanos(before) }

// Soonest is Next in nanoseconds since 1970.
func (e *Engine) Soonest() (int64, bool) { return e.plan.next() }

// Running reports whether firings are accepted.
func (e *Engine) Running() bool { return e.running && !e.draining }

// Stopped reports whether the drain is over.
func (e *Engine) Stopped() bool { return e.stopped }

// byID is a copy of every task that stands, in the order of registration.
func (e *Engine) byID() []*Task {
	all := slices.Clone(e.all)
	slices.SortFunc(all, func(a, b *Task) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// effect adds one. Of its other fields those mean nothing that such an effect does
// not use; only what others own is not kept.
func (e *Engine) effect(d Do) *Effect {
	if len(e.effects) == cap(e.effects) {
		e.effects = slices.Grow(e.effects, 8)
	}
	e.effects = e.effects[:len(e.effects)+1]
	f := &e.effects[len(e.effects)-1]
	f.Do, f.Details, f.Err = d, nil, nil
	return f
}

// do adds an effect.
func (e *Engine) do(f Effect) { e.effects = append(e.effects, f) }

// tell adds an event about a task, if somebody listens.
func (e *Engine) tell(t *Task, v event.Event) { e.emit(t, nil, v) }

// tellOf adds an event about an instance.
func (e *Engine) tellOf(i *Instance, v event.Event) {
	v.Activation, v.Instance, v.Attempt = i.Act.ID, i.ID, i.Attempt
	e.emit(i.Task, i, v)
}

func (e *Engine) emit(t *Task, i *Instance, v event.Event) {
	if !e.Watched && (t == nil || !t.Watched || v.Kind != event.Completed && v.Kind != event.Progressed) {
		return
	}
	n := e.told(t, i, v.Kind)
	if v.At = n.At; t != nil { // else it may name a task that is not there
		v.Group, v.Task = n.Group, n.Task
	}
	*n = v
}

// told adds an event, for who has seen that somebody listens, to be completed in
// its place: that is cheaper than to hand one on. It is valid until the next.
func (e *Engine) told(t *Task, i *Instance, k event.Kind) *event.Event {
	f := e.effect(Emit)
	f.Task, f.Inst, f.Index = t, i, len(e.events)
	if len(e.events) == cap(e.events) {
		e.events = slices.Grow(e.events, 8)
	}
	e.events = e.events[:len(e.events)+1]
	v := &e.events[len(e.events)-1]
	*v = event.Event{Kind: k, At: e.now}
	if t != nil {
		v.Group, v.Task = t.Key.Group, t.Key.Name
	}
	return v
}

// toldOf is told for an instance.
func (e *Engine) toldOf(i *Instance, k event.Kind) *event.Event {
	v := e.told(i.Task, i, k)
	v.Activation, v.Instance, v.Attempt = i.Act.ID, i.ID, i.Attempt
	return v
}

// Event is the event of an Emit effect, until the next Step.
func (e *Engine) Event(f *Effect) *event.Event { return &e.events[f.Index] }

// Events are those of all Emit effects, in order, until the next Step.
func (e *Engine) Events() []event.Event { return e.events }

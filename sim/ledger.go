package sim

import (
	"context"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A ledger is what the oracles know of one App: what it has told, and what they
// have seen for themselves. The witness writes it.
type ledger struct {
	p     *Proc
	world process
	app   func() (sum uint64, known bool) // sums up the App
	mu    mutex                           // guards the following, in a bubble; taken before S.mu
	tasks map[rowKey]*taskRow
	order []*taskRow // the same, in the order of registration
	last  *taskRow   // that was looked up last
	acts  rows[actRow]
	insts rows[instRow]
	live  []uint64 // instances that have started and not ended
	check []uint64 // instances that were canceled in this step

	offered []*taskRow // registrations that are not accepted yet

	began    time.Time     // when the App began to run, by its clock
	running  bool          // it runs
	draining bool          // it stops
	stored   bool          // it goes by its store
	stopped  bool          // it stops since before the present input
	jumped   bool          // its clock was set, or it was suspended
	stalled  time.Duration // how long faults have kept it from what was due, or will
	next     time.Duration // when an instance is late at the earliest
	open     int           // activations that are not completed
	newest   uint64        // activation
	durable  uint64        // the newest activation that is known to be durable, as are all before
	waiting  waiting       // activations
	suspect  bool          // a latched one may be able to start
	idle     []idleRow     // abandoned at this instant
}

type rowKey struct{ group, name string }

// String is the name, with the group before it.
func (k rowKey) String() string {
	if k.group == "" {
		return k.name
	}
	return k.group + "/" + k.name
}

// waiting counts activations by what they wait for.
type waiting [event.ForStore + 1]int

// A taskRow is a registration.
type taskRow struct {
	key     rowKey
	reg     tasks.Registration
	conds   []condRow
	faults  *streams
	sources []*sourceRow
	follows bool // it has a schedule that goes by completions
	waiting waiting
	live    int
	vacant  time.Duration // since when none is
	lateAt  time.Time     // when due times were heeded late, the last time
	late    int           // how many at that instant

	grace     time.Duration // the longest of terms it was on before
	forgotten uint64        // what was unregistered: its activations up to this one are kept no longer
}

// A condRow is a condition, as it has reported itself.
type condRow struct {
	text   string
	holds  bool // as it reported
	told   bool // as the App told
	polled bool
	report func(bool) // to the App
}

// A sourceRow is a schedule, walked by the oracle on its own.
type sourceRow struct {
	schedule activation.Schedule
	phase    activation.Phase
	at       time.Time // the next due time
	armed    bool
	stalled  time.Duration // ledger.stall, when it was last heeded
}

// An actRow is an activation.
type actRow struct {
	task             *taskRow // nil: it has not been looked up
	fired, completed bool
	running          bool // an attempt is
	merged           uint64
	waits            event.Waits
}

func (a actRow) done() bool { return a.completed }

// An instRow is an attempt.
type instRow struct {
	task     *taskRow
	ctx      context.Context //nolint:containedctx // the handler's, to see whether it ends
	act      uint64
	newest   uint64 // ledger.newest, when it started
	started  bool
	returned bool          // the handler has
	since    time.Duration // when it did
	canceled bool
	ended    bool
	late     time.Duration // what it must have done before
	stalled  time.Duration // ledger.stall, when that was set
	index    int           // in ledger.live
}

// An idleRow is an instance that was abandoned though nothing of it was left.
type idleRow struct {
	inst uint64
	task string
	at   time.Duration
}

func (i instRow) done() bool { return i.ended }

// never is an instant that does not come.
const never = time.Duration(1<<63 - 1)

func newLedger(p *Proc, world process) *ledger {
	return &ledger{p: p, world: world, mu: mutex{on: p.s.mu.on}, tasks: map[rowKey]*taskRow{}, next: never}
}

// streamsOf are where the faults of a task are decided, for who does not hold
// the lock.
func (l *ledger) streamsOf(t *taskRow) *streams {
	l.mu.Lock()
	defer l.mu.Unlock()
	return t.faults // a registration that is replaced has others
}

// task returns the row of a registration.
func (l *ledger) task(group, name string) *taskRow {
	if l.last != nil && l.last.key.name == name && l.last.key.group == group {
		return l.last
	}
	t := l.tasks[rowKey{group, name}]
	if t == nil {
		t = &taskRow{key: rowKey{group, name}, faults: l.p.s.newStreams(name)}
		l.tasks[t.key] = t
		l.order = append(l.order, t)
	}
	l.last = t
	return t
}

// taskOf is the row of an activation's task, whose row stays the same.
func (l *ledger) taskOf(a *actRow, e *event.Event) *taskRow {
	switch {
	case a == nil:
		return l.task(e.Group, e.Task)
	case a.task == nil:
		a.task = l.task(e.Group, e.Task)
	}
	return a.task
}

func (l *ledger) now() time.Duration { return l.p.s.since() }

// stall is how long faults have kept the App from what was due, so far.
func (l *ledger) stall() time.Duration { return l.stalled - l.world.Frozen() }

// expect notes that an instance must do something within d.
func (l *ledger) expect(i *instRow, d time.Duration) {
	i.late, i.stalled = after(l.now(), d), l.stall()
	l.next = min(l.next, i.late)
}

// after is d after an instant: never, if that is beyond all instants.
func after(at, d time.Duration) time.Duration {
	if d > never-at {
		return never
	}
	return at + d
}

func (l *ledger) begin(id uint64, i *instRow) {
	i.index = len(l.live)
	l.live = append(l.live, id)
	i.task.live++
}

func (l *ledger) end(i *instRow) {
	i.ended, i.ctx = true, nil
	if i.task.live--; i.task.live == 0 {
		i.task.vacant = l.now()
	}
	last := l.live[len(l.live)-1]
	l.live[i.index] = last
	l.insts.row(last).index = i.index
	l.live = l.live[:len(l.live)-1]
}

// begin notes what the conditions reported before the registration stood.
func (t *taskRow) begin() {
	for i := range t.conds {
		t.conds[i].told = t.conds[i].holds
	}
}

// changed notes what the App told of a condition.
func (t *taskRow) changed(e *event.Event) {
	for i := range t.conds {
		if t.conds[i].text == e.Detail {
			t.conds[i].told = e.N == 1
		}
	}
}

// holds reports whether all conditions of the task do, as far as can be known
// from outside.
func (t *taskRow) holds() bool {
	return !slices.ContainsFunc(t.conds, func(c condRow) bool { return !c.holds })
}

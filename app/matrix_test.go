package app_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

var update = flag.Bool("update", false, "write the pages in docs as they come out now")

// fresh compares a page in docs with what it is to say, or writes it.
func fresh(t *testing.T, page, want string) {
	t.Helper()
	path := "../docs/" + page
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(string(got), "\n"), strings.Split(want, "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		if i >= len(gotLines) || i >= len(wantLines) || gotLines[i] != wantLines[i] {
			t.Fatalf("%s is stale from line %d on; read the difference after: go test ./app -run %s -update\ngot  %q\nwant %q",
				path, i+1, t.Name(), gotLines[min(i, len(gotLines)-1)], wantLines[min(i, len(wantLines)-1)])
		}
	}
}

const matrixHead = `# What becomes of it

What a task's Keep and Overlap make of an instance that runs, of an activation that is pending, and of a new firing,
when something happens. Every cell is written by running it, with ` + "`go test ./app -run TestMatrixIsFresh -update`" + `; do not
edit it.

A cell reads: **the running instance; the pending activation; a new firing beside that instance, and one beside that
pending activation.** The two are separate stories: in one an instance runs and nothing waits, in the other nothing
runs and an activation has been latched by a condition of its own. The firing is made by ` + "`Task.Fire`" + ` a second later.
An instance that is canceled takes five seconds to end, and is still there when the firing comes.

| word | of | meaning |
|---|---|---|
| on | instance | it goes on |
| Abort, ConditionLoss, Terminating | instance, pending | it is canceled, or ends, with this reason |
| waits | pending, firing | it is pending, and starts when what it waits for is over |
| starts | firing | it starts at once |
| replaces | firing | it is pending, and the instance is canceled with Abort to make room for it |
| new | firing | it becomes part of the pending activation, which takes its details |
| old | firing | it becomes part of the pending activation, which keeps its details |
| busy | firing | it is refused with CurrentlyRunning |
| no | firing | it is refused with DisabledByPolicy |
| unbound, stopped | firing | it is an error, ErrUnbound or ErrNotRunning |
| - | | there is no such thing |

What happens:

`

// A turn is something that happens, and how it is undone.
type turn struct {
	name, what string
	before     func(m *cellOf)
	do, undo   func(m *cellOf)
	only       string // the one story that can be told
}

var turns = []turn{
	{name: "nothing", what: "nothing happens"},
	{
		name: "condition falls", what: "a condition ceases to hold; KeepOnConditionLoss is false, and there is no Retry",
		do: func(m *cellOf) { m.net.Set(false) }, undo: func(m *cellOf) { m.net.Set(true) },
	},
	{
		name: "cap full", what: "instances of another task take what room was left under a cap",
		do: func(m *cellOf) {
			m.add(m.a, tasks.Registration{Name: "other", Key: "k", Overlap: tasks.Parallel(0)}, sleeper(20*time.Second))
			for range 2 - m.a.Snapshot().Active {
				m.fireBy("other", "")
			}
		},
	},
	{
		name: "paused", what: "the task is paused",
		do: func(m *cellOf) { m.task.Pause() }, undo: func(m *cellOf) { m.task.Resume() },
	},
	{
		name: "paused, event", what: "the same, and the firing is one of an event or of time; Missed is MissedOnce",
		do: func(m *cellOf) { m.task.Pause(); m.raise = true }, undo: func(m *cellOf) { m.task.Resume() },
	},
	{
		name: "retry pending", what: "nothing but this: the pending activation has failed once, and waits for its next attempt",
		only: "pending", before: func(m *cellOf) { m.fails = true },
	},
	{
		name: "Replace", what: "the registration is replaced by one that is the same; the firing is one of the new one",
		do: func(m *cellOf) { m.task = must(m.a.Replace(m.reg)) },
	},
	{
		name: "Unregister(true)", what: "the registration ends, and what runs is canceled",
		do: func(m *cellOf) { m.task.Unregister(true) },
	},
	{
		name: "Unregister(false)", what: "the registration ends, and what runs is not canceled",
		do: func(m *cellOf) { m.task.Unregister(false) },
	},
	{
		name: "Stop", what: "the App stops",
		do: func(m *cellOf) { m.spawn(func() { _, _ = m.a.Stop(context.Background()) }) },
	},
}

// A cellOf is one App for one cell, and what its events have told.
type cellOf struct {
	*land
	a         *app.App
	gate, net *condition.Flag
	reg       tasks.Registration
	task      *app.Task
	raise     bool // fire by an event
	fails     bool // the first attempt does

	mu      sync.Mutex // guards the following
	started map[uint64]bool
	reasons map[uint64]activation.Reason
	fired   uint64
	refused activation.Result
	details map[uint64]any
}

func newCell(l *land, keep tasks.Keep, overlap tasks.Overlap) *cellOf {
	m := &cellOf{
		land: l, a: l.newApp(app.WithKeyCap("k", 2)),
		gate: condition.NewFlag("gate", true), net: condition.NewFlag("net", true),
		started: map[uint64]bool{}, reasons: map[uint64]activation.Reason{}, details: map[uint64]any{},
	}
	m.reg = tasks.Registration{
		Name: "t", Trigger: trigger.Custom("bell", trigger.Always), Conditions: conditions(m.gate, m.net),
		Keep: keep, Overlap: overlap, Key: "k", Grace: time.Minute,
	}
	m.a.Observe(m.hear)
	return m
}

func (m *cellOf) hear(e event.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var canceled *tasks.Canceled
	switch {
	case e.Task != "t":
	case e.Kind == event.Fired || e.Kind == event.Merged:
		m.fired = e.Activation
	case e.Kind == event.Refused:
		m.fired, m.refused = 0, e.Result
	case e.Kind == event.Started:
		m.started[e.Activation] = true
	case e.Kind == event.Canceling:
		m.reasons[e.Activation] = e.Reason
	case e.Kind == event.Completed && errors.As(e.Err, &canceled):
		m.reasons[e.Activation] = canceled.Reason
	}
}

// run is the handler: it takes 20 seconds, and 5 to heed a cancel.
func (m *cellOf) run(_ context.Context, in *tasks.Instance) error {
	m.mu.Lock()
	m.details[in.Activation()] = in.Details()
	fails := m.fails && in.Activation() == 1 && in.Attempt() == 1
	m.mu.Unlock()
	if fails {
		return errGuilty
	}
	err := in.Sleep(20 * time.Second)
	if err != nil {
		m.sleep(5 * time.Second)
	}
	return err
}

// fireBy fires a task, and says what was answered, and the activation.
func (m *cellOf) fireBy(name, details string) (answer string, id uint64) {
	task, _ := m.a.Task(name)
	if name == "t" {
		task = m.task
	}
	var r activation.Receipt
	var err error
	if m.raise {
		_, _ = m.a.Raise(context.Background(), "bell", details)
		m.sleep(time.Millisecond)
		m.mu.Lock()
		r.ID, r.Result = m.fired, m.refused
		m.mu.Unlock()
	} else {
		r, err = task.Fire(context.Background(), details)
	}
	switch {
	case errors.Is(err, app.ErrUnbound):
		return "unbound", 0
	case errors.Is(err, app.ErrNotRunning):
		return "stopped", 0
	case r.Result == activation.CurrentlyRunning:
		return "busy", 0
	case r.Result == activation.DisabledByPolicy:
		return "no", 0
	}
	return "", r.ID
}

// reason is why an activation ended or is to end, or else what is said.
func (m *cellOf) reason(id uint64, otherwise string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.reasons[id]; r != 0 {
		return r.String()
	}
	return otherwise
}

// tell tells one of the two stories of a cell. It returns what became of the
// instance or of the pending activation, and of the firing.
func (m *cellOf) tell(of turn, pending bool) (first, firing string) {
	m.gate.Set(!pending || of.only != "")
	if of.before != nil {
		of.before(m)
		m.reg.Retry = tasks.Retry{Attempts: 2, Backoff: 10 * time.Second, Jitter: -1}
	}
	m.task = m.add(m.a, m.reg, m.run)
	m.start(m.a)
	_, _ = m.fireBy("t", "first")
	m.pass(time.Second)
	if of.do != nil {
		of.do(m)
	}
	m.pass(time.Second)
	first = m.reason(1, "on")
	if pending && first == "on" {
		first = "waits"
	}
	firing, id := m.fireBy("t", "second")
	m.pass(time.Second)
	if id != 0 {
		m.mu.Lock()
		firing = "waits"
		if m.started[id] {
			firing = "starts"
		}
		m.mu.Unlock()
		if id == 1 {
			firing = "merged"
		} else if first == "on" && m.reason(1, "") == "Abort" {
			firing = "replaces"
		}
	}
	// It is undone, and what waits is to start.
	m.gate.Set(true)
	if of.undo != nil {
		of.undo(m)
	}
	m.pass(time.Hour)
	m.mu.Lock()
	defer m.mu.Unlock()
	if first == "waits" && !m.started[1] || id != 0 && !m.started[id] {
		m.Errorf("what waits never starts")
	}
	if firing == "merged" {
		firing = map[any]string{"first": "old", "second": "new"}[m.details[1]]
	}
	return first, firing
}

// cell is what a cell of the matrix says.
func cell(t *testing.T, keep tasks.Keep, overlap tasks.Overlap, of turn) string {
	in := func(play func(func(*land))) string {
		var words [4]string
		for i, pending := range []bool{false, true} {
			words[i], words[2+i] = "-", "-"
			if of.only == "pending" && !pending {
				continue
			}
			play(func(l *land) {
				m := newCell(l, keep, overlap)
				words[i], words[2+i] = m.tell(of, pending)
				_, _ = m.a.Stop(context.Background())
			})
		}
		return fmt.Sprintf("%s; %s; %s, %s", words[0], words[1], words[2], words[3])
	}
	said := in(func(s func(*land)) { inLandOfCoroutines(t, 1, s) })
	if also := in(func(s func(*land)) { inLandOfGoroutines(t, s) }); also != said {
		t.Errorf("%v, %v, %s: %s on coroutines, %s on goroutines", keep, overlap, of.name, said, also)
	}
	return said
}

// What docs/matrix.md says is what happens.
func TestMatrixIsFresh(t *testing.T) {
	var b strings.Builder
	b.WriteString(matrixHead)
	for _, of := range turns {
		fmt.Fprintf(&b, "- **%s**: %s.\n", of.name, of.what)
	}
	keeps := []tasks.Keep{tasks.Newest, tasks.Oldest, tasks.Every(1), tasks.Every(2)}
	for _, overlap := range []tasks.Overlap{tasks.Wait, tasks.Skip, tasks.Replace, tasks.Parallel(2)} {
		fmt.Fprintf(&b, "\n## Overlap %v\n\n| |", overlap)
		for _, keep := range keeps {
			fmt.Fprintf(&b, " %v |", keep)
		}
		b.WriteString("\n" + strings.Repeat("|---", 1+len(keeps)) + "|\n")
		for _, of := range turns {
			row := []string{"**" + of.name + "**"}
			for _, keep := range keeps {
				row = append(row, cell(t, keep, overlap, of))
			}
			b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		}
	}
	fresh(t, "matrix.md", b.String())
}

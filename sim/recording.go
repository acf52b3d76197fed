package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/seam/coro"
	"github.com/bgloop/bgloop/record"
	"github.com/bgloop/bgloop/store"
)

// Errors of a replay, beside a *Parting.
var (
	// ErrGap says that the recorder left records out, since its writer was too
	// slow: what comes after them cannot be lived again.
	ErrGap = errors.New("sim: the recording has a gap")

	// ErrNotToldHow says that the recording registers or changes a task while
	// the App runs, and the Recording has no Register.
	ErrNotToldHow = errors.New("sim: a registration while the App ran, and no Register")
)

// A Recording is what package record wrote of an App, to be lived again: the
// App registers what it registers, and everything else happens to it as it was
// recorded: the same firings and alarms at the same instants, the same changes
// of conditions, cancels, pauses and jumps of the clock. In the place of the
// handlers are stand-ins that return when they did and what they returned;
// triggers and conditions reach nothing outside.
//
// A tail that is torn, or was cut off at the recorder's limit, is the end.
type Recording struct {
	// Path is the file. It is required.
	Path string

	// Build makes the App as it was before it ran, with env.Options() and its
	// registrations in the same order. It is required. Observers that act on
	// the App should be left out: what they did is in the recording. If the App
	// had a store, Build gives it env.Store, which has what that found in its own
	// when it began to run; without details, which the stand-ins need not have.
	Build func(Env) *app.App

	// Register makes a registration, or the Apply of an Update, that was made
	// while the App ran. Nil means that there was none.
	Register func(a *app.App, r record.Record) error

	// Details makes the details of a firing of what its codec wrote; the task
	// is empty for those of a Raise. Nil means that there are none.
	Details func(task string, b []byte) (any, error)
}

// ReplayFile lives a recording again and fails t where that life and the
// recorded one part.
func ReplayFile(t testing.TB, path string, build func(Env) *app.App) {
	t.Helper()
	if err := (Recording{Path: path, Build: build}).Replay(); err != nil {
		t.Error(err)
	}
}

// A Parting is where a life and its recording differ.
type Parting struct {
	// Record is the number of the record in its file, counted from 1.
	Record int
	// At is the instant.
	At time.Time
	// Recorded and Lived are what happened then and now; "nothing" if so.
	Recorded, Lived string
	// Before is what happened in both, the newest last.
	Before []string
}

// Error tells where they part, with what was before.
func (p *Parting) Error() string {
	before := strings.Join(p.Before, "\n\t")
	return fmt.Sprintf("sim: the life parts from the recording at record %d, %s:\n\t%s\nrecorded:\n\t%s\nlived:\n\t%s",
		p.Record, p.At.Format(time.RFC3339Nano), before, p.Recorded, p.Lived)
}

// remembered is how many events a Parting tells of before.
const remembered = 8

// Replay lives the recording again. The error is nil if that went as recorded,
// a *Parting if not; ErrGap, ErrNotToldHow, what Register and Details return,
// or those of package record.
func (r Recording) Replay() error {
	l := newReliving(r)
	defer l.world.Close()
	n := 0
	for rec, err := range record.All(r.Path) {
		n++
		if err == nil {
			err = l.live(n, &rec)
		}
		if err != nil {
			return err
		}
	}
	if l.app == nil { // it never ran
		return l.build(n)
	}
	return l.nothingElse(n)
}

// A reliving is a life that goes by a recording.
type reliving struct {
	Recording
	world *coro.World
	clock recordedClock
	app   *app.App

	early  []*record.Record // until the App runs: it is built then
	tasks  map[taskKey]*replica
	hands  map[uint64]*hand // by instance
	places map[uint64]*replicaSlot
	halt   func() // ends the patience of Stop

	seen   bool          // the App has, that something was done to it
	lived  []event.Event // and not compared yet
	before []string
}

type taskKey struct{ group, task string }

func newReliving(r Recording) *reliving {
	l := &reliving{
		Recording: r, world: coro.New(0, time.Unix(0, 0), coro.WithFIFO()),
		tasks: map[taskKey]*replica{}, hands: map[uint64]*hand{}, places: map[uint64]*replicaSlot{},
	}
	return l
}

// live lets one record happen.
func (l *reliving) live(n int, r *record.Record) error {
	switch {
	case r.Op == record.Lost:
		return fmt.Errorf("%w: %d records before record %d", ErrGap, r.N, n)
	case r.Op == record.Full:
		return nil
	case l.app == nil && r.Op != record.Begin:
		l.early = append(l.early, r)
		return nil
	case l.app == nil:
		if err := l.build(n - 1); err != nil {
			return err
		}
	}
	if r.Op == record.Told {
		return l.compare(n, &r.Event)
	}
	if err := l.nothingElse(n - 1); err != nil {
		return err
	}
	l.clock.move(r.At)
	l.seen = false
	if err := l.act(r); err != nil {
		return fmt.Errorf("record %d: %w", n, err)
	}
	l.world.Idle()
	if l.seen {
		return nil
	}
	// What it was done to is gone. What was due by then happened all the same.
	if err := l.do(func() error { l.clock.ring(); return nil }); err != nil {
		return fmt.Errorf("record %d: %w", n, err)
	}
	l.world.Idle()
	return nil
}

// build makes the App, and compares what that told with what was told before it
// ran, the last of which is record n.
func (l *reliving) build(n int) error {
	log, kept := slog.New(slog.DiscardHandler), new(store.Memory)
	for _, r := range l.early {
		switch r.Op { //nolint:exhaustive // the others come after Build
		case record.Register:
			k := taskKey{r.Group, r.Task}
			l.replica(k).recorded = append(l.replica(k).recorded, r)
		case record.Kept:
			put := store.Record{Kind: store.Put, Key: r.Topic, Value: r.Details}
			if err := kept.Append(context.Background(), []store.Record{put}); err != nil {
				return fmt.Errorf("sim: what the store had: %w", err)
			}
		}
	}
	if len(l.early) > 0 {
		l.clock.move(l.early[0].At)
	}
	err := l.world.Do(func() {
		l.app = l.Build(Env{Clock: &l.clock, Store: kept, Log: log, options: []app.Option{
			app.WithClock(&l.clock), app.WithDriver(l.world), app.WithLogger(log), app.WithWitness((*relivingWitness)(l)),
		}})
	})
	if err != nil {
		return fmt.Errorf("sim: Build: %w", err)
	}
	for k := range l.tasks {
		l.standIn(k.group)
	}
	l.world.Idle()
	for i, r := range l.early {
		switch r.Op { //nolint:exhaustive // Build makes the others
		case record.Told:
			if err := l.compare(n-len(l.early)+i+1, &r.Event); err != nil {
				return err
			}
		case record.Report:
			l.replica(taskKey{r.Group, r.Task}).report(r)
		}
	}
	l.early = nil
	return nil
}

// compare takes the next event that was lived, which is to be the recorded one.
func (l *reliving) compare(n int, recorded *event.Event) error {
	if hosts(recorded.Kind) {
		return nil
	}
	want, got := line(recorded), "nothing"
	if len(l.lived) > 0 {
		got = line(&l.lived[0])
		l.lived = l.lived[1:]
	}
	if got != want {
		return &Parting{Record: n, At: recorded.At, Recorded: want, Lived: got, Before: l.before}
	}
	l.before = append(l.before[max(0, len(l.before)+1-remembered):], want)
	return nil
}

// nothingElse is when the next thing goes in: all that came of those before has
// been recorded.
func (l *reliving) nothingElse(n int) error {
	if len(l.lived) == 0 {
		return nil
	}
	return &Parting{Record: n, At: l.clock.now, Recorded: "nothing", Lived: line(&l.lived[0]), Before: l.before}
}

// hosts says that an event is about what only the recorded host knows.
func hosts(k event.Kind) bool {
	return k == event.SourceFailed || k == event.Exhausted || k == event.LoopHeld
}

// line is an event as both lives must tell it.
func line(e *event.Event) string {
	v := *e
	if v.Kind != event.ConditionChanged {
		v.Detail = ""
	}
	err := ""
	if v.Err != nil {
		err, _, _ = strings.Cut(v.Err.Error(), "\n")
		err = fmt.Sprintf(" err=%q", err[:min(len(err), record.MaxText)])
		v.Err = nil
	}
	due := ""
	if !v.Due.IsZero() {
		due = " due=" + v.Due.UTC().Format(time.RFC3339Nano)
	}
	return v.At.UTC().Format(time.RFC3339Nano) + " " + v.String() + due + err
}

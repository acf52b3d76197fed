package activationtest

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// task is the name of the task that the stories are about.
const task = "activationtest"

// provokeEvery is how many looks it takes until a Provoke that came to nothing
// is repeated: the source may not have been watching yet.
const provokeEvery = 20

// tick is the real time between two looks.
const tick = time.Millisecond

// A stage is an App with one task, and what is known of it.
type stage struct {
	testing.TB
	*app.App
	source Source
	state  State

	patience time.Duration
	clock    *clock.Virtual
	book     *book
	provoked int
	stopped  bool

	mu       sync.Mutex // guards the following
	handled  int
	canceled int           // by the loss of a condition
	failures int           // of sources
	gate     chan struct{} // handlers wait until it is closed; may be nil
}

func newStage(t testing.TB, patience time.Duration) *stage {
	s := &stage{TB: t, patience: patience, clock: clock.NewVirtual(time.Time{}), book: &book{t: t}}
	s.App = app.New(app.WithClock(s.clock), app.WithLogger(slog.New(slog.DiscardHandler)))
	s.HandleFunc(task, s.handle)
	s.HandleFunc(task+"2", s.handle)
	s.Observe(s.observe)
	return s
}

func (s *stage) observe(e event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Kind == event.SourceFailed {
		s.failures++
	}
}

// handle is the handler.
func (s *stage) handle(ctx context.Context, in *tasks.Instance) error {
	details := s.book.handled(in.Details())
	if s.source.Check != nil {
		s.source.Check(s.TB, details)
	}
	if d, owns := details.(activation.Dropper); owns {
		d.Drop() // the handler owns it now, and has no use for it
	}
	s.mu.Lock()
	s.handled++
	gate := s.gate
	s.mu.Unlock()
	if gate == nil {
		return nil
	}
	select {
	case <-gate:
		return nil
	case <-ctx.Done():
	}
	if errors.Is(context.Cause(ctx), activation.ConditionLoss) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.canceled++
	}
	return context.Cause(ctx)
}

func (s *stage) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handled
}

func (s *stage) failed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failures
}

// hold makes handlers wait until free is called.
func (s *stage) hold() (free func()) {
	gate := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = gate
	return sync.OnceFunc(func() { close(gate) })
}

// spied is the trigger under test, watched.
func (s *stage) spied(t activation.Trigger) activation.Trigger {
	if t == nil {
		s.Fatal("New returned nil")
	}
	return &spiedTrigger{t, s.book}
}

// register registers a new trigger and makes the App run.
func (s *stage) register() activation.Trigger {
	s.Helper()
	t := s.spied(s.source.New(s.TB))
	if _, err := s.Register(tasks.Registration{Name: task, Trigger: t}); err != nil {
		s.Fatalf("Register: %v", err)
	}
	return t
}

func (s *stage) run() {
	s.Helper()
	if err := s.Start(context.Background()); err != nil {
		s.Fatalf("Start: %v", err)
	}
}

func (s *stage) provoke() {
	s.provoked++
	s.source.Provoke(s.TB)
}

// await waits for something that must happen, and lets the App's time pass
// meanwhile: what the Source says, and enough for a failed source to be started
// again.
func (s *stage) await(what string, happened func() bool) bool {
	s.Helper()
	late := after(s.patience)
	for !happened() {
		select {
		case <-late:
			s.Errorf("%s: did not happen within %v", what, s.patience)
			return false
		case <-after(tick):
			s.pass()
		}
	}
	return true
}

func (s *stage) pass() {
	d := s.source.Passes + s.state.Passes
	if s.failed() > 0 {
		d += time.Second
	}
	s.clock.Advance(d)
}

// after is a channel that is closed after d of real time.
func after(d time.Duration) <-chan struct{} {
	c := make(chan struct{})
	clock.System().AfterFunc(d, func() { close(c) })
	return c
}

// wantFired provokes until there is one more activation.
func (s *stage) wantFired() bool {
	s.Helper()
	before, looks := s.count(), 0
	if s.source.Once {
		before = 0 // it may have fired as soon as the App ran
	}
	return s.await("an activation after Provoke", func() bool {
		if s.count() > before {
			return true
		}
		if looks%provokeEvery == 0 {
			s.provoke()
		}
		looks++
		return false
	})
}

// settle lets happen what was provoked.
func (s *stage) settle() {
	s.Helper()
	ctx, stop := s.limit()
	defer stop()
	if err := s.WaitIdle(ctx); err != nil {
		s.Errorf("WaitIdle: %v: a callback does not end", err)
	}
}

// limit is a context that ends when patience does.
func (s *stage) limit() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	timer := clock.System().AfterFunc(s.patience, cancel)
	return ctx, func() { timer.Stop(); cancel() }
}

// over ends the App and looks at what is left.
func (s *stage) over() {
	s.Helper()
	if s.stopped {
		return
	}
	s.stopped = true
	ctx, stop := s.limit()
	defer stop()
	report, err := s.Stop(ctx)
	if err != nil {
		s.Errorf("Stop: %v", err)
	}
	if report.Unfinished > 0 {
		s.Errorf("Stop: %d functions of Port.Go or callbacks did not end", report.Unfinished)
	}
	s.await("the end of all that was armed", s.book.atRest)
	s.book.balance()
}

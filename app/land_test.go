package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/coro"
	"github.com/bgloop/bgloop/tasks"
)

// A land is where a story takes place: a bubble of goroutines, or a World of
// coroutines. The same story must come true in both.
type land struct {
	*testing.T
	opts  []app.Option
	sleep func(time.Duration)
	spawn func(func()) // a strand that the App knows nothing of
	wait  func()       // in a bubble, for everything that can happen now
	log   *lines
}

// pass is sleep for the story itself: in a bubble, what is due then has been
// done.
func (l *land) pass(d time.Duration) {
	l.sleep(d)
	l.wait()
}

// everywhere tells a story in a bubble, and in Worlds of some seeds.
func everywhere(t *testing.T, story func(l *land)) {
	t.Helper()
	t.Run("goroutines", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { story(newLand(t, time.Sleep, func(f func()) { go f() }, synctest.Wait)) })
	})
	for seed := range uint64(6) {
		if t.Failed() {
			break // the others would only say the same
		}
		t.Run(fmt.Sprintf("coroutines seed=%d", seed), func(t *testing.T) { inLandOfCoroutines(t, seed, story) })
	}
}

// inLandOfGoroutines tells a story that only goroutines can live: one that waits for
// channels.
func inLandOfGoroutines(t *testing.T, story func(l *land)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { story(newLand(t, time.Sleep, func(f func()) { go f() }, synctest.Wait)) })
}

func inLandOfCoroutines(t *testing.T, seed uint64, story func(l *land)) {
	t.Helper()
	w := coro.New(seed, dawn)
	defer w.Close()
	inLandOfWorld(t, w, story)
}

func inLandOfWorld(t *testing.T, w *coro.World, story func(l *land)) {
	t.Helper()
	sleep := func(d time.Duration) {
		p := w.NewPark()
		w.AfterFunc(d, p.Unpark)
		_ = p.Park(context.Background())
	}
	l := newLand(t, sleep, func(f func()) { w.Spawn(seam.JobFunc(f)) }, func() {})
	l.opts = append(l.opts, app.WithClock(w), app.WithDriver(w))
	if err := w.Do(func() { story(l) }); err != nil && !errors.Is(err, coro.ErrGoexit) {
		t.Error(err)
	}
}

func newLand(t *testing.T, sleep func(time.Duration), spawn func(func()), wait func()) *land {
	log := new(lines)
	return &land{t, []app.Option{app.WithLogger(log.logger()), app.WithDebug()}, sleep, spawn, wait, log}
}

// newApp makes an App of the land, which writes its log into the land's.
func (l *land) newApp(opts ...app.Option) *app.App {
	return app.New(append(slices.Clone(l.opts), opts...)...)
}

func (l *land) start(a *app.App) {
	l.Helper()
	if err := a.Start(context.Background()); err != nil {
		l.Fatalf("Start: %v", err)
	}
}

// stop stops the App and wants everything to end within its grace.
func (l *land) stop(a *app.App) {
	l.Helper()
	if _, err := a.Stop(context.Background()); err != nil {
		l.Errorf("Stop: %v", err)
	}
}

// idle waits until the App has nothing to do at this instant.
func (l *land) idle(a *app.App) {
	l.Helper()
	if err := a.WaitIdle(context.Background()); err != nil {
		l.Fatalf("WaitIdle: %v", err)
	}
}

// silent is a trigger that does not fire by itself.
func silent() activation.Trigger { return trigger.Custom("never", trigger.Always) }

// add registers a task with a handler; a registration without a trigger gets
// one that never fires.
func (l *land) add(a *app.App, r tasks.Registration, h tasks.HandlerFunc) *app.Task {
	l.Helper()
	if r.Trigger == nil {
		r.Trigger = silent()
	}
	if h != nil {
		a.HandleFunc(r.Name, h)
	}
	t, err := a.Register(r)
	if err != nil {
		l.Fatalf("Register(%s): %v", r.Name, err)
	}
	return t
}

// fire fires a task and wants the firing to be accepted.
func (l *land) fire(t *app.Task, details any) activation.Receipt {
	l.Helper()
	r, err := t.Fire(context.Background(), details)
	if err != nil || r.Result != activation.Allowed {
		l.Fatalf("Fire(%s): %v, %v", t, r.Result, err)
	}
	return r
}

// want compares what was got with what was wanted.
func (l *land) want(what string, got, want any) {
	l.Helper()
	if got != want {
		l.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// wantStory compares a story line by line.
func (l *land) wantStory(got []string, want ...string) {
	l.Helper()
	if !slices.Equal(got, want) {
		l.Errorf("got the story:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// lines are written by anybody.
type lines struct {
	mu  sync.Mutex // guards the following
	all []string
}

func (l *lines) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprintf(format, args...))
}

func (l *lines) list() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// has reports whether a line holds all the parts.
func (l *lines) has(parts ...string) bool {
	return slices.ContainsFunc(l.list(), func(line string) bool {
		return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(line, p) })
	})
}

func (l *lines) Write(b []byte) (int, error) {
	l.add("%s", b)
	return len(b), nil
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// chronicle observes an App: a line for each event, with the time since the
// beginning of the land.
func chronicle(a *app.App, kinds ...event.Kind) *lines {
	l := new(lines)
	a.Observe(func(e event.Event) {
		if len(kinds) == 0 || slices.Contains(kinds, e.Kind) {
			l.add("%v %s", e.At.Sub(dawn), e)
		}
	})
	return l
}

// idleOrSleep lets the App come to rest; one whose handler waits behind its
// back never does.
func (l *land) idleOrSleep(a *app.App, sleep bool) {
	l.Helper()
	if sleep {
		l.pass(time.Second)
		return
	}
	l.idle(a)
}

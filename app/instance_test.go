package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/deferral"
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

func TestDeferralsOutliveTheHandler(t *testing.T) {
	tests := []struct {
		name  string
		holds []time.Duration // one deferral each
		over  time.Duration
	}{
		{"one", []time.Duration{10 * time.Second}, 10 * time.Second},
		{"several, the last taken ends first", []time.Duration{30 * time.Second, 20 * time.Second, time.Second}, 30 * time.Second},
		{"several, the first taken ends first", []time.Duration{time.Second, 20 * time.Second, 30 * time.Second}, 30 * time.Second},
		{"all at once", []time.Duration{5 * time.Second, 5 * time.Second, 5 * time.Second}, 5 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a := l.newApp()
				story := chronicle(a, event.Started, event.Deferred, event.Waiting, event.Completed)
				var first context.Context
				task := l.add(a, tasks.Registration{Name: "t"}, func(ctx context.Context, in *tasks.Instance) error {
					if first != nil {
						return nil
					}
					first = ctx
					for i, hold := range tt.holds {
						d, err := in.Deferral(fmt.Sprintf("work %d", i))
						if err != nil {
							return err
						}
						l.spawn(func() {
							l.sleep(hold)
							if !d.Complete() {
								l.Errorf("Complete of %q did nothing", d.Why())
							}
						})
					}
					return nil
				})
				l.start(a)
				r := l.fire(task, nil)
				l.pass(tt.over / 2)
				l.fire(task, nil)
				l.pass(tt.over/2 - 1)
				l.want("ctx while a deferral is open", first.Err(), nil)
				if err := r.Wait(context.Background()); err != nil {
					l.Errorf("outcome: %v", err)
				}
				l.want("ctx when it is over", first.Err(), context.Canceled)
				l.want("its cause", context.Cause(first), tasks.ErrOver)
				l.idle(a)
				l.stop(a)
				l.wantStory(story.list(),
					"0s t started act=1 inst=1",
					"0s t deferred act=1 inst=1",
					fmt.Sprintf("%v t waiting act=2 for=overlap", tt.over/2),
					fmt.Sprintf("%v t completed act=1 inst=1 n=1", tt.over),
					fmt.Sprintf("%v t started act=2 inst=2", tt.over),
					fmt.Sprintf("%v t completed act=2 inst=2 n=1", tt.over),
				)
			})
		})
	}
}

// Completing one deferral again must not complete another: a program may well
// complete in its Canceled callback and at the end of the work.
func TestCompleteCountsOnce(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		var held []*deferral.Deferral
		task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error {
			for _, why := range []string{"a", "b"} {
				d, err := in.Deferral(why)
				if err != nil {
					return err
				}
				held = append(held, d)
			}
			return nil
		})
		l.start(a)
		r := l.fire(task, nil)
		l.pass(time.Second)
		for i := range 3 {
			l.want(fmt.Sprintf("Complete of a, call %d", i+1), held[0].Complete(), i == 0)
		}
		l.pass(time.Second)
		l.want("the App with b open", a.String(), "app(running, 1 active)")
		for i := range 3 {
			l.spawn(func() { held[i%2].Complete() })
		}
		if err := r.Wait(context.Background()); err != nil {
			l.Errorf("outcome: %v", err)
		}
		l.want("Complete of b after the end", held[1].Complete(), false)
		l.stop(a)
	})
}

// A handler that fails while its deferrals are open is told at once; its slot
// is its own until the deferrals are completed, or for the grace.
func TestFailureIsToldAtOnce(t *testing.T) {
	tests := []struct {
		name string
		hold time.Duration
		free time.Duration // when the next one starts
		last string        // what the first one's end is told as
	}{
		{"deferral is completed", 3 * time.Second, 3 * time.Second, "3s t released act=1 inst=1"},
		{"deferral is not completed", time.Hour, 5 * time.Second, `5s t abandoned act=1 inst=1 "upload"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a := l.newApp()
				story := chronicle(a)
				disk := errors.New("disk full")
				var first context.Context
				task := l.add(a, tasks.Registration{Name: "t"}, func(ctx context.Context, in *tasks.Instance) error {
					if first != nil {
						return nil
					}
					first = ctx
					d, err := in.Deferral("upload")
					if err != nil {
						return err
					}
					l.spawn(func() {
						l.sleep(tt.hold)
						l.want("Complete had an effect", d.Complete(), tt.hold < 5*time.Second)
					})
					return disk
				})
				l.start(a)
				r := l.fire(task, nil)
				if err := r.Wait(context.Background()); err != disk { //nolint:errorlint // the very value
					l.Errorf("outcome: %v", err)
				}
				l.want("ctx of the failed", first.Err(), context.Canceled)
				l.want("its cause", context.Cause(first), tasks.ErrOver)
				if err := l.fire(task, nil).Wait(context.Background()); err != nil {
					l.Errorf("outcome of the second: %v", err)
				}
				l.stop(a)
				l.wantStory(story.list(),
					"0s t registered n=1",
					"0s t fired act=1",
					"0s t started act=1 inst=1",
					`0s t ended act=1 inst=1 err="disk full"`,
					`0s t completed act=1 inst=1 n=1 err="disk full"`,
					"0s t fired act=2",
					"0s t waiting act=2 for=overlap",
					tt.last,
					fmt.Sprintf("%v t started act=2 inst=2", tt.free),
					fmt.Sprintf("%v t ended act=2 inst=2", tt.free),
					fmt.Sprintf("%v t completed act=2 inst=2 n=1", tt.free),
				)
				l.pass(2 * time.Hour) // until the foreign strand is over
			})
		})
	}
}

var errGuilty = errors.New("guilty")

// The guilty functions must be named by the stack.
func guiltyPanic()      { panic("guilty") }
func guiltyPanicError() { panic(errGuilty) }
func guiltyPanicNil()   { panic(nil) }
func guiltyExit()       { runtime.Goexit() }

func TestPanicIsTheInstancesError(t *testing.T) {
	crimes := []struct {
		name string
		do   func()
		is   error // what errors.Is finds
	}{
		{"guiltyPanic", guiltyPanic, nil},
		{"guiltyPanicError", guiltyPanicError, errGuilty},
		{"guiltyPanicNil", guiltyPanicNil, new(runtime.PanicNilError)},
		{"guiltyExit", guiltyExit, tasks.ErrGoexit},
	}
	scenes := []struct {
		name string
		h    func(crime func()) tasks.HandlerFunc
	}{
		{"handler", func(crime func()) tasks.HandlerFunc {
			return func(context.Context, *tasks.Instance) error { crime(); return nil }
		}},
		{"handler with a deferral", func(crime func()) tasks.HandlerFunc {
			return func(_ context.Context, in *tasks.Instance) error {
				d, err := in.Deferral("work")
				defer d.Complete()
				crime()
				return err
			}
		}},
		{"Go", func(crime func()) tasks.HandlerFunc {
			return func(_ context.Context, in *tasks.Instance) error {
				return in.Go(func(context.Context) error { crime(); return nil })
			}
		}},
		{"Go, after the handler returned", func(crime func()) tasks.HandlerFunc {
			return func(_ context.Context, in *tasks.Instance) error {
				return in.Go(func(context.Context) error { _ = in.Sleep(time.Second); crime(); return nil })
			}
		}},
		{"Go, before the handler returns", func(crime func()) tasks.HandlerFunc {
			return func(_ context.Context, in *tasks.Instance) error {
				if err := in.Go(func(context.Context) error { crime(); return nil }); err != nil {
					return err
				}
				return in.Sleep(time.Second)
			}
		}},
		{"Await", func(crime func()) tasks.HandlerFunc {
			return func(_ context.Context, in *tasks.Instance) error {
				return in.Await(func(context.Context) error { crime(); return nil })
			}
		}},
	}
	for _, scene := range scenes {
		for _, crime := range crimes {
			t.Run(scene.name+"/"+crime.name, func(t *testing.T) {
				everywhere(t, func(l *land) {
					a := l.newApp()
					bad := l.add(a, tasks.Registration{Name: "bad"}, scene.h(crime.do))
					good := l.add(a, tasks.Registration{Name: "good"}, func(_ context.Context, in *tasks.Instance) error {
						return in.Sleep(2 * time.Second)
					})
					l.start(a)
					other := l.fire(good, nil)
					for range 2 { // the second shows that the slot is free
						err := l.fire(bad, nil).Wait(context.Background())
						var p *tasks.Panic
						if !errors.As(err, &p) || !strings.Contains(string(p.Stack), "app_test."+crime.name) {
							l.Errorf("the guilty function is not named: %v", err)
						}
						if nilPanic := new(runtime.PanicNilError); errors.As(crime.is, &nilPanic) {
							if !errors.As(err, &nilPanic) {
								l.Errorf("got %v, want a *runtime.PanicNilError", err)
							}
						} else if crime.is != nil && !errors.Is(err, crime.is) {
							l.Errorf("got %v, want %v", err, crime.is)
						}
					}
					if err := other.Wait(context.Background()); err != nil {
						l.Errorf("the innocent task: %v", err)
					}
					l.stop(a)
				})
			})
		}
	}
}

// A panic in a callback is nobody's outcome: it is logged, with the stack, and
// whoever was called goes on being called.
func TestPanicInCallbackIsLogged(t *testing.T) {
	crimes := []struct {
		name string
		do   func()
	}{{"guiltyPanic", guiltyPanic}, {"guiltyPanicNil", guiltyPanicNil}, {"guiltyExit", guiltyExit}}
	scenes := []struct {
		name  string
		watch func(a *app.App, t *app.Task, f func())
	}{
		{"observer", func(a *app.App, _ *app.Task, f func()) {
			a.Observe(func(e event.Event) {
				if e.Kind == event.Completed {
					f()
				}
			})
		}},
		{"OnCompleted", func(_ *app.App, t *app.Task, f func()) { t.OnCompleted(func(event.Event) { f() }) }},
		{"OnProgress", func(_ *app.App, t *app.Task, f func()) { t.OnProgress(func(event.Event) { f() }) }},
		{"Canceled", nil},
	}
	for _, scene := range scenes {
		for _, crime := range crimes {
			t.Run(scene.name+"/"+crime.name, func(t *testing.T) {
				everywhere(t, func(l *land) {
					a := l.newApp()
					var calls atomic.Int32
					call := func() { calls.Add(1); crime.do() }
					task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error {
						if scene.watch == nil {
							if err := in.Canceled(func(activation.Reason) { call() }); err != nil {
								return err
							}
						}
						in.Progress(1)
						return in.Sleep(time.Second)
					})
					if scene.watch != nil {
						scene.watch(a, task, call)
					}
					l.start(a)
					for range 3 {
						r := l.fire(task, nil)
						l.idle(a)
						task.Cancel(activation.IdleTask)
						if err := r.Wait(context.Background()); !errors.Is(err, activation.IdleTask) {
							l.Errorf("outcome: %v", err)
						}
						l.idle(a)
					}
					l.stop(a)
					l.want("calls", calls.Load(), int32(3))
					if !l.log.has("a callback panicked", "app_test."+crime.name) {
						l.Errorf("the guilty function is not in the log:\n%s", strings.Join(l.log.list(), ""))
					}
				})
			})
		}
	}
}

type ctxKey string

func TestContextOfAnInstance(t *testing.T) {
	tests := []struct {
		name  string
		end   func(t *app.Task, release func())
		cause error
	}{
		{"succeeded", func(_ *app.Task, release func()) { release() }, tasks.ErrOver},
		{"canceled", func(t *app.Task, _ func()) { t.Cancel(activation.EnergySaver) }, activation.EnergySaver},
		{"unregistered", func(t *app.Task, _ func()) { t.Unregister(true) }, activation.Abort},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inLandOfGoroutines(t, func(l *land) {
				base := context.WithValue(context.Background(), ctxKey("who"), "base")
				a := l.newApp(app.WithBaseContext(base))
				work, finish := context.WithCancel(context.Background())
				contexts := make(chan context.Context, 4)
				var afterFunc atomic.Value
				task := l.add(a, tasks.Registration{Name: "t"}, func(ctx context.Context, in *tasks.Instance) error {
					kid, cancelKid := context.WithCancel(ctx)
					defer cancelKid()
					timed, cancelTimed := context.WithTimeout(context.WithValue(ctx, ctxKey("what"), "child"), time.Hour)
					defer cancelTimed()
					context.AfterFunc(ctx, func() { afterFunc.Store(context.Cause(kid)) })
					contexts <- ctx
					contexts <- kid
					contexts <- timed
					if err := in.Go(func(ctx context.Context) error {
						contexts <- ctx
						<-ctx.Done()
						return nil
					}); err != nil {
						return err
					}
					select {
					case <-work.Done():
						return errors.New("done") // a failure, so that Go's function is told as well
					case <-ctx.Done():
						synctest.Wait()
						return nil
					}
				})
				l.start(a)
				caller, hangUp := context.WithCancel(context.WithValue(context.Background(), ctxKey("who"), "caller"))
				r, err := task.Fire(caller, nil)
				if err != nil {
					l.Fatal(err)
				}
				hangUp() // the caller's end means nothing
				var all []context.Context
				for range 4 {
					all = append(all, <-contexts)
				}
				synctest.Wait()
				for i, c := range all {
					l.want("Err while it runs", c.Err(), nil)
					l.want("Cause while it runs", context.Cause(c), nil)
					l.want("the caller's value", c.Value(ctxKey("who")), any("caller"))
					if _, has := c.Deadline(); has != (i == 2) {
						l.Errorf("context %d: has a deadline: %t", i, has)
					}
				}
				tt.end(task, finish)
				_ = r.Wait(context.Background())
				synctest.Wait()
				for i, c := range all {
					select {
					case <-c.Done():
					default:
						l.Errorf("context %d is not done", i)
					}
					l.want("Err at the end", c.Err(), context.Canceled)
					if i == 0 || i == 3 || !errors.Is(tt.cause, tasks.ErrOver) { // else the handler canceled the children first
						l.want(fmt.Sprintf("Cause of context %d at the end", i), context.Cause(c), tt.cause)
					}
				}
				if !errors.Is(tt.cause, tasks.ErrOver) {
					l.want("what AfterFunc saw", afterFunc.Load(), any(tt.cause))
				}
				finish()
				l.stop(a)
			})
		})
	}
}

// Nothing but the context's own methods makes a standard context behind it; so
// each must be right when it is the first that is asked, before or after the
// end.
func TestContextAskedLate(t *testing.T) {
	everywhere(t, func(l *land) {
		type key struct{}
		a := l.newApp(app.WithBaseContext(context.WithValue(context.Background(), key{}, "base")))
		var mu sync.Mutex
		var kept []context.Context
		task := l.add(a, tasks.Registration{Name: "t", Overlap: tasks.Parallel(0)}, func(ctx context.Context, in *tasks.Instance) error {
			mu.Lock()
			kept = append(kept, ctx)
			mu.Unlock()
			return in.Sleep(time.Minute)
		})
		l.start(a)
		for range 6 {
			if _, err := task.Fire(nil, nil); err != nil { //nolint:staticcheck // nil: no caller
				l.Fatal(err)
			}
		}
		l.idle(a)
		task.Cancel(activation.SystemPolicy)
		l.pass(time.Minute)
		l.want("instances", len(kept), 6)
		l.want("Err", kept[0].Err(), context.Canceled)
		l.want("Cause", context.Cause(kept[1]), activation.SystemPolicy)
		select {
		case <-kept[2].Done():
		default:
			l.Error("Done is open after the end")
		}
		l.want("Value", kept[3].Value(key{}), any("base"))
		child, cancel := context.WithCancel(kept[4])
		defer cancel()
		l.want("Err of a child made after the end", child.Err(), context.Canceled)
		l.want("its cause", context.Cause(child), activation.SystemPolicy)
		if _, has := kept[5].Deadline(); has {
			l.Error("it has a deadline")
		}
		l.stop(a)
	})
}

func TestCanceledCallbacks(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := new(lines)
		at := func() time.Duration { return a.Clock().Now().Sub(dawn) }
		note := func(who string) func(activation.Reason) {
			return func(r activation.Reason) { story.add("%v %s: %s", at(), who, r.String()) }
		}
		var late *tasks.Instance
		task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error {
			late = in
			if err := in.Canceled(note("early")); err != nil {
				return err
			}
			reason := in.Sleep(time.Hour)
			if err := in.Canceled(note("after the cancel")); err != nil {
				l.Errorf("Canceled while canceling: %v", err)
			}
			l.sleep(2 * time.Second) // the callbacks do not wait for the handler
			return reason
		})
		l.start(a)
		r := l.fire(task, nil)
		l.pass(time.Second)
		l.want("instances canceled", task.Cancel(activation.LoggingOff), 1)
		l.want("instances canceled again", task.Cancel(activation.Uninstall), 0)
		l.pass(time.Second)
		told := story.list()
		slices.Sort(told) // each has a goroutine of its own
		l.wantStory(told, "1s after the cancel: LoggingOff", "1s early: LoggingOff")
		err := r.Wait(context.Background())
		var c *tasks.Canceled
		if !errors.As(err, &c) || c.Reason != activation.LoggingOff || c.Abandoned {
			l.Errorf("outcome: %v", err)
		}
		if err := late.Canceled(note("after the end")); !errors.Is(err, tasks.ErrOver) {
			l.Errorf("Canceled after the end: got %v, want ErrOver", err)
		}
		l.stop(a)
		l.want("callbacks", len(story.list()), 2)
	})
}

func TestSleep(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := new(lines)
		nap := func(in *tasks.Instance, who string, d time.Duration) {
			from := a.Clock().Now()
			err := in.Sleep(d)
			story.add("%s slept %v: %v", who, a.Clock().Now().Sub(from), err)
		}
		task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error {
			nap(in, "handler", 0)
			nap(in, "handler", -time.Hour)
			nap(in, "handler", time.Nanosecond)
			nap(in, "handler", 90*time.Second)
			if err := in.Go(func(context.Context) error {
				nap(in, "strand", 10*time.Second)
				nap(in, "strand", time.Hour)
				nap(in, "strand", 0)
				return nil
			}); err != nil {
				return err
			}
			nap(in, "handler", 20*time.Second)
			return in.Go(func(context.Context) error {
				nap(in, "second strand", 30*time.Minute-time.Nanosecond)
				return nil
			})
		})
		l.start(a)
		r := l.fire(task, nil)
		l.pass(30*time.Minute + 110*time.Second + 10*time.Second)
		task.Cancel(activation.IdleTask)
		_ = r.Wait(context.Background())
		l.wantStory(story.list(),
			"handler slept 0s: <nil>",
			"handler slept 0s: <nil>",
			"handler slept 1ns: <nil>",
			"handler slept 1m30s: <nil>",
			"strand slept 10s: <nil>",
			"handler slept 20s: <nil>",
			"second strand slept 29m59.999999999s: <nil>",
			"strand slept 30m19.999999999s: activation: canceled: IdleTask",
			"strand slept 0s: activation: canceled: IdleTask",
		)
		l.stop(a)
	})
}

// A hook is called when a strand makes itself a place to wait, which is after
// it has looked whether its instance was canceled.
type hook struct {
	seam.Driver
	call func()
}

func (h *hook) NewPark() seam.Park {
	if f := h.call; f != nil {
		h.call = nil
		f()
	}
	return h.Driver.NewPark()
}

// A cancel between a strand's look at the instance and its wait is not missed.
func TestCancelJustBeforeWaiting(t *testing.T) {
	waits := []struct {
		name string
		wait func(l *land, in *tasks.Instance) error
	}{
		{"Sleep", func(_ *land, in *tasks.Instance) error { return in.Sleep(time.Hour) }},
		{"Await", func(l *land, in *tasks.Instance) error {
			return in.Await(func(context.Context) error { l.sleep(time.Second); return nil })
		}},
	}
	for _, tt := range waits {
		t.Run(tt.name, func(t *testing.T) {
			w := coro.New(1, dawn)
			defer w.Close()
			inLandOfWorld(t, w, func(l *land) {
				driver := &hook{Driver: w}
				a := l.newApp(app.WithDriver(driver))
				var took time.Duration
				var task *app.Task
				task = l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error {
					driver.call = func() { task.Cancel(activation.LoggingOff) }
					err := tt.wait(l, in)
					took = w.Now().Sub(dawn)
					return err
				})
				l.start(a)
				if err := l.fire(task, nil).Wait(context.Background()); !errors.Is(err, activation.LoggingOff) || errors.Is(err, tasks.ErrAbandoned) {
					l.Errorf("outcome: %v", err)
				}
				l.want("it waited", took, time.Duration(0))
				l.stop(a)
			})
		})
	}
}

// An instance that is canceled before a goroutine has taken it up does not
// begin, and lets go of its details.
func TestCanceledBeforeItBegins(t *testing.T) {
	for seed := range uint64(6) {
		inLandOfCoroutines(t, seed, func(l *land) {
			a := l.newApp()
			dropped := 0
			task := l.add(a, tasks.Registration{Name: "t"}, func(context.Context, *tasks.Instance) error {
				l.Error("the handler was called")
				return nil
			})
			story := chronicle(a, event.Started, event.Canceling, event.Ended)
			l.start(a)
			r := l.fire(task, dropper(func() { dropped++ }))
			l.want("instances canceled", task.Cancel(activation.ServicingUpdate), 1) // it had no turn yet
			if err := r.Wait(context.Background()); !errors.Is(err, activation.ServicingUpdate) {
				l.Errorf("outcome: %v", err)
			}
			l.idle(a)
			l.want("dropped", dropped, 1)
			l.stop(a)
			l.wantStory(story.list(),
				"0s t started act=1 inst=1",
				"0s t canceling act=1 inst=1 reason=ServicingUpdate",
				`0s t ended act=1 inst=1 reason=ServicingUpdate err="tasks: canceled: ServicingUpdate"`,
			)
		})
	}
}

// What a canceled strand slept on is forgotten with it, not kept until it would
// have woken.
func TestCanceledSleepIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLand(t, nil, nil, nil)
		clk := clock.NewVirtual(dawn)
		a := l.newApp(app.WithClock(clk))
		task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error {
			return in.Sleep(1000 * time.Hour)
		})
		l.start(a)
		type ballast [1 << 20]byte
		const rounds = 200
		for range rounds {
			r := l.fire(task, new(ballast))
			l.idle(a)
			task.Cancel(activation.Abort)
			_ = r.Wait(context.Background())
		}
		if held := heap(); held > rounds/2<<20 {
			t.Errorf("%d instances that are over hold %d MiB", rounds, held>>20)
		}
		l.stop(a)
	})
}

// heap is how much memory is in use.
func heap() uint64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestGoFailsTheInstance(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a, event.Deferred, event.Ended, event.Released, event.Abandoned)
		first, second := errors.New("first"), errors.New("second")
		var endOfOthers error
		task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error {
			for _, f := range []func(context.Context) error{
				func(context.Context) error { _ = in.Sleep(3 * time.Second); return first },
				func(context.Context) error { _ = in.Sleep(4 * time.Second); return second },
				func(context.Context) error { endOfOthers = in.Sleep(time.Hour); return nil },
			} {
				if err := in.Go(f); err != nil {
					return err
				}
			}
			return nil
		})
		l.start(a)
		if err := l.fire(task, nil).Wait(context.Background()); err != first { //nolint:errorlint // the very value
			l.Errorf("outcome: %v", err)
		}
		l.idle(a)
		l.want("how the other strand's sleep ended", endOfOthers, tasks.ErrOver)
		l.stop(a)
		l.wantStory(story.list(),
			"0s t deferred act=1 inst=1",
			`3s t ended act=1 inst=1 err="first"`,
			"3s t released act=1 inst=1",
		)
	})
}

// The handler decides when its own failure is told: a strand that failed
// before waits for it.
func TestGoFailureWaitsForTheHandler(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a, event.Ended)
		task := l.add(a, tasks.Registration{Name: "t"}, func(ctx context.Context, in *tasks.Instance) error {
			if err := in.Go(func(context.Context) error { return errors.New("strand") }); err != nil {
				return err
			}
			err := in.Sleep(2 * time.Second)
			l.want("ctx of the handler", ctx.Err(), nil)
			return errors.Join(err, errors.New("handler"))
		})
		l.start(a)
		_ = l.fire(task, nil).Wait(context.Background())
		l.stop(a)
		l.wantStory(story.list(), `2s t ended act=1 inst=1 err="strand"`)
	})
}

func TestAwait(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a, event.Deferred, event.Canceling, event.Ended)
		answer := errors.New("answer")
		outside := make(chan error)
		var seen, again error
		task := l.add(a, tasks.Registration{Name: "t"}, func(ctx context.Context, in *tasks.Instance) error {
			wait := func(context.Context) error { return <-outside }
			if err := in.Await(wait); err != answer { //nolint:errorlint // the very value
				l.Errorf("Await of an answer: %v", err)
			}
			l.want("ctx after an answer", ctx.Err(), nil)
			seen = in.Await(wait)
			again = in.Await(func(context.Context) error { l.Error("Await ran f after the cancel"); return nil })
			return nil
		})
		l.start(a)
		r := l.fire(task, nil)
		l.pass(time.Second)
		outside <- answer
		l.pass(time.Second)
		task.Cancel(activation.ResourceRevocation)
		synctest.Wait()
		l.want("Await when canceled", seen, activation.ResourceRevocation)
		l.want("Await after the cancel", again, activation.ResourceRevocation)
		l.pass(3 * time.Second) // f holds the instance
		l.want("the App with f under way", a.String(), "app(running, 1 active)")
		outside <- answer
		if err := r.Wait(context.Background()); !errors.Is(err, activation.ResourceRevocation) || errors.Is(err, answer) {
			l.Errorf("outcome: %v", err)
		}
		l.stop(a)
		l.wantStory(story.list(),
			`2s t canceling act=1 inst=1 reason=ResourceRevocation "Await"`,
			`5s t ended act=1 inst=1 reason=ResourceRevocation err="tasks: canceled: ResourceRevocation"`,
		)
	})
}

// Handles kept beyond the end harm nobody: not the next instance of the task,
// and not the App.
func TestStaleHandlesAnswerErrOver(t *testing.T) {
	tests := []struct {
		name string
		end  func(l *land, in *tasks.Instance) error // what the handler does in the end
		by   func(t *app.Task)
	}{
		{"succeeded", func(*land, *tasks.Instance) error { return nil }, nil},
		{"failed", func(*land, *tasks.Instance) error { return errGuilty }, nil},
		{"panicked", func(*land, *tasks.Instance) error { guiltyPanic(); return nil }, nil},
		{
			"canceled",
			func(_ *land, in *tasks.Instance) error { return in.Sleep(time.Hour) },
			func(t *app.Task) { t.Cancel(activation.Abort) },
		},
		{
			"abandoned",
			func(l *land, _ *tasks.Instance) error { l.sleep(10 * time.Second); return nil },
			func(t *app.Task) { t.Cancel(activation.Abort) },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a := l.newApp()
				progress := 0
				var in *tasks.Instance
				var ctx context.Context
				task := l.add(a, tasks.Registration{Name: "t"}, func(c context.Context, i *tasks.Instance) error {
					if in != nil {
						return i.Sleep(time.Hour)
					}
					ctx, in = c, i
					return tt.end(l, i)
				})
				task.OnProgress(func(event.Event) { progress++ })
				l.start(a)
				r := l.fire(task, "details")
				l.idleOrSleep(a, tt.name == "abandoned")
				if tt.by != nil {
					tt.by(task)
				}
				_ = r.Wait(context.Background())
				second := l.fire(task, nil) // is not harmed by what follows
				l.idle(a)

				run := func(context.Context) error { l.Error("a stale instance ran a function"); return nil }
				d, err := in.Deferral("late")
				for call, err := range map[string]error{
					"Deferral": err,
					"Canceled": in.Canceled(func(activation.Reason) { l.Error("a stale instance was canceled") }),
					"Sleep":    in.Sleep(time.Hour),
					"Sleep(0)": in.Sleep(0),
					"Go":       in.Go(run),
					"Await":    in.Await(run),
				} {
					if !errors.Is(err, tasks.ErrOver) {
						l.Errorf("%s: got %v, want ErrOver", call, err)
					}
				}
				l.want("Complete of no deferral", d.Complete(), false)
				in.Progress(99)
				l.want("Name", in.Name(), "t")
				l.want("ID", in.ID(), uint64(1))
				l.want("Details", in.Details(), any("details"))
				l.want("Merged", in.Merged(), uint64(1))
				l.want("Err", ctx.Err(), context.Canceled)
				l.pass(20 * time.Second)
				l.want("the second instance", a.String(), "app(running, 1 active)")
				l.want("progress", progress, 0)
				l.stop(a)
				if err := second.Wait(context.Background()); !errors.Is(err, activation.Terminating) {
					l.Errorf("the second: %v", err)
				}
			})
		})
	}
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

// A task that fires itself, as a polling loop does, lives on without end: no
// instance may hold on to the one before.
func TestSelfFiringTaskForgetsItsPast(t *testing.T) {
	const chain = 10_000
	type ballast struct {
		n int
		_ [16 << 10]byte // 160 MiB in all
	}
	l := newLand(t, nil, nil, nil)
	a := app.New(app.WithClock(clock.NewVirtual(dawn)), app.WithLogger(l.log.logger()),
		app.WithBaseContext(context.WithValue(context.Background(), ctxKey("who"), "base")))
	var freed atomic.Int64
	last, leave := make(chan struct{}), make(chan struct{})
	var task *app.Task
	task = l.add(a, tasks.Registration{Name: "t"}, func(ctx context.Context, in *tasks.Instance) error {
		b := in.Details().(*ballast)
		if who := ctx.Value(ctxKey("who")); who != "caller" {
			t.Errorf("link %d: fired by %v", b.n, who)
		}
		if b.n == chain {
			close(last)
			<-leave
			return nil
		}
		next := &ballast{n: b.n + 1}
		runtime.AddCleanup(next, func(int) { freed.Add(1) }, 0)
		_, err := task.Fire(ctx, next)
		return err
	})
	l.start(a)
	first := context.WithValue(context.Background(), ctxKey("who"), "caller")
	if _, err := task.Fire(first, new(ballast)); err != nil {
		t.Fatal(err)
	}
	<-last
	if held := heap(); held > chain*(16<<10)/4 {
		t.Errorf("the last of %d links holds %d MiB", chain, held>>20)
	}
	close(leave)
	l.stop(a)
}

func TestTimeLimit(t *testing.T) {
	const none = time.Duration(0)
	tests := []struct {
		name       string
		app, task  time.Duration
		want       time.Duration
		wantReason activation.Reason
	}{
		{"none at all", 0, 0, time.Hour, 0},
		{"the task's", 0, time.Minute, time.Minute, activation.ExecutionTimeExceeded},
		{"the App's", 30 * time.Second, 0, 30 * time.Second, activation.ExecutionTimeExceeded},
		{"the task's is longer than the App's", 30 * time.Second, time.Minute, time.Minute, activation.ExecutionTimeExceeded},
		{"the task has none", 30 * time.Second, -1, time.Hour, 0},
		{"the App's is negative", -time.Second, 0, time.Hour, 0},
		{"it ends in time", 0, time.Hour + 1, time.Hour, 0},
	}
	bodies := []struct {
		name string
		h    tasks.HandlerFunc
	}{
		{"handler", func(_ context.Context, in *tasks.Instance) error { return in.Sleep(time.Hour) }},
		{"deferred", func(_ context.Context, in *tasks.Instance) error {
			return in.Go(func(context.Context) error { return in.Sleep(time.Hour) })
		}},
	}
	for _, tt := range tests {
		for _, body := range bodies {
			t.Run(tt.name+"/"+body.name, func(t *testing.T) {
				everywhere(t, func(l *land) {
					a := l.newApp(app.WithTimeLimit(tt.app))
					net := condition.NewFlag("net", false)
					var deadline time.Duration
					task := l.add(a, tasks.Registration{Name: "t", TimeLimit: tt.task, Conditions: []activation.Condition{net}},
						func(ctx context.Context, in *tasks.Instance) error {
							if d, ok := in.Deadline(); ok {
								deadline = d.Sub(dawn) - time.Hour
							}
							return body.h(ctx, in)
						})
					l.start(a)
					r := l.fire(task, nil)
					l.pass(time.Hour) // latched, which is not counted
					net.Set(true)
					err := r.Wait(context.Background())
					l.want("it took", a.Clock().Now().Sub(dawn)-time.Hour, tt.want)
					limited := none
					if tt.wantReason != 0 || tt.task > 0 {
						limited = max(tt.want, tt.task)
					}
					l.want("Deadline", deadline, limited)
					var c *tasks.Canceled
					switch errors.As(err, &c); {
					case tt.wantReason == 0 && err != nil:
						l.Errorf("outcome: %v", err)
					case tt.wantReason != 0 && (c == nil || c.Reason != tt.wantReason || c.Abandoned):
						l.Errorf("outcome: got %v, want %v", err, tt.wantReason)
					}
					l.stop(a)
				})
			})
		}
	}
}

func TestGrace(t *testing.T) {
	tests := []struct {
		name      string
		app, task time.Duration
		want      time.Duration
	}{
		{"the default", 0, 0, app.DefaultGrace},
		{"the App's", time.Minute, 0, time.Minute},
		{"the task's", time.Minute, 2 * time.Second, 2 * time.Second},
		{"the App gives none", -1, 0, 0},
		{"the task gets none", time.Minute, -1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a := l.newApp(app.WithGrace(tt.app))
				story := chronicle(a, event.Started, event.Canceling, event.Abandoned, event.Completed)
				var zombie *tasks.Instance
				var upload *deferral.Deferral
				task := l.add(a, tasks.Registration{Name: "t", Grace: tt.task, TimeLimit: time.Second},
					func(_ context.Context, in *tasks.Instance) (err error) {
						if zombie != nil {
							return nil
						}
						zombie = in
						if upload, err = in.Deferral("upload"); err != nil {
							return err
						}
						l.sleep(time.Hour) // it is deaf
						return nil
					})
				l.start(a)
				r := l.fire(task, nil)
				l.pass(time.Millisecond)
				l.fire(task, nil) // starts when the slot is free
				err := r.Wait(context.Background())
				l.want("it took", a.Clock().Now().Sub(dawn), time.Second+tt.want)
				var c *tasks.Canceled
				if !errors.As(err, &c) || c.Reason != activation.ExecutionTimeExceeded || !c.Abandoned || !errors.Is(err, tasks.ErrAbandoned) {
					l.Errorf("outcome: %v", err)
				}
				l.want("Complete of an abandoned deferral", upload.Complete(), false)
				l.idle(a)
				l.stop(a)
				over := time.Second + tt.want
				l.wantStory(story.list(),
					"0s t started act=1 inst=1",
					`1s t canceling act=1 inst=1 reason=ExecutionTimeExceeded "upload"`,
					fmt.Sprintf(`%v t abandoned act=1 inst=1 reason=ExecutionTimeExceeded "upload"`, over),
					fmt.Sprintf(`%v t completed act=1 inst=1 reason=ExecutionTimeExceeded n=1 err="tasks: canceled: ExecutionTimeExceeded, abandoned"`, over),
					fmt.Sprintf("%v t started act=2 inst=2", over),
					fmt.Sprintf("%v t completed act=2 inst=2 n=1", over),
				)
				l.pass(2 * time.Hour) // until the zombie has ended
			})
		})
	}
}

func TestTwelveReasons(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		var told activation.Reason
		var cause error
		task := l.add(a, tasks.Registration{Name: "t"}, func(ctx context.Context, in *tasks.Instance) error {
			if err := in.Canceled(func(r activation.Reason) { told = r }); err != nil {
				return err
			}
			_ = in.Sleep(time.Hour)
			cause = context.Cause(ctx)
			return nil
		})
		l.start(a)
		// Those that are none of the twelve are taken as Abort.
		reasons := map[activation.Reason]activation.Reason{0: activation.Abort, activation.EnergySaver + 1: activation.Abort, 255: activation.Abort}
		for r := activation.Abort; r <= activation.EnergySaver; r++ {
			reasons[r] = r
		}
		l.want("reasons", len(reasons), 15)
		for give, want := range reasons {
			told, cause = 0, nil
			r := l.fire(task, nil)
			l.idle(a)
			l.want("instances canceled", task.Cancel(give), 1)
			err := r.Wait(context.Background())
			l.idle(a)
			var c *tasks.Canceled
			if !errors.As(err, &c) || c.Reason != want {
				l.Errorf("outcome: got %v, want %v", err, want)
			}
			if !errors.Is(err, want) || !errors.Is(err, context.Canceled) {
				l.Errorf("%v is not %v, or no context.Canceled", err, want)
			}
			l.want("told", told, want)
			l.want("cause", cause, error(want))
		}
		l.want("instances canceled when none is active", task.Cancel(activation.Abort), 0)
		l.stop(a)
	})
}

func TestLongRunningIsToldOnce(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a, event.LongRunning, event.Ended)
		handler := func(_ context.Context, in *tasks.Instance) error {
			return in.Go(func(context.Context) error { return in.Sleep(in.Details().(time.Duration)) })
		}
		free := l.add(a, tasks.Registration{Name: "free", Overlap: tasks.Parallel(0)}, handler)
		bound := l.add(a, tasks.Registration{Name: "bound", TimeLimit: time.Hour}, handler)
		l.start(a)
		l.fire(free, 10*time.Minute)
		l.fire(free, 29*time.Second)
		l.fire(bound, 9*time.Minute)
		l.pass(time.Hour)
		l.stop(a)
		l.wantStory(story.list(),
			"29s free ended act=2 inst=2",
			"30s free long running act=1 inst=1",
			"9m0s bound ended act=3 inst=3",
			"10m0s free ended act=1 inst=1",
		)
	})
}

// The whole life of a task, event by event.
func TestLifeOfATask(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a)
		net := condition.NewFlag("net", true)
		task := l.add(a, tasks.Registration{
			Name: "sync", Trigger: trigger.Every(10 * time.Minute), Conditions: []activation.Condition{net}, TimeLimit: 4 * time.Minute,
		}, func(_ context.Context, in *tasks.Instance) error {
			in.Progress(uint64(in.Activation()) * 10)
			if err := in.Go(func(context.Context) error { return in.Sleep(time.Hour) }); err != nil {
				return err
			}
			if in.Activation() == 2 {
				return errors.New("no route")
			}
			return in.Sleep(time.Minute)
		})
		l.start(a)
		l.pass(10*time.Minute + 90*time.Second) // the first is deferred
		net.Set(false)                          // and loses its condition
		l.pass(20 * time.Minute)                // two firings latch, as one
		net.Set(true)
		l.pass(time.Second)
		task.Pause()
		l.pass(10 * time.Minute)
		task.Resume() // the third runs into its limit
		l.pass(5 * time.Minute)
		task.Unregister(true)
		l.stop(a)
		l.wantStory(story.list(),
			"0s sync registered n=1",
			"10m0s sync fired act=1",
			"10m0s sync started act=1 inst=1",
			"10m0s sync progressed act=1 inst=1 n=10",
			"11m0s sync deferred act=1 inst=1",
			`11m30s sync condition changed "flag(net)"`,
			`11m30s sync canceling act=1 inst=1 reason=ConditionLoss "Go"`,
			`11m30s sync ended act=1 inst=1 reason=ConditionLoss err="tasks: canceled: ConditionLoss"`,
			`11m30s sync completed act=1 inst=1 reason=ConditionLoss n=1 err="tasks: canceled: ConditionLoss"`,
			"20m0s sync fired act=2",
			"20m0s sync waiting act=2 for=condition",
			"30m0s sync merged act=2 n=2",
			`31m30s sync condition changed n=1 "flag(net)"`,
			"31m30s sync started act=2 inst=2",
			"31m30s sync progressed act=2 inst=2 n=20",
			`31m30s sync ended act=2 inst=2 err="no route"`,
			`31m30s sync completed act=2 inst=2 n=2 err="no route"`,
			"31m30s sync released act=2 inst=2",
			"31m31s sync paused",
			"40m0s sync fired act=3",
			"40m0s sync waiting act=3 for=resume",
			"41m31s sync resumed",
			"41m31s sync started act=3 inst=3",
			"41m31s sync progressed act=3 inst=3 n=30",
			"42m31s sync deferred act=3 inst=3",
			`45m31s sync canceling act=3 inst=3 reason=ExecutionTimeExceeded "Go"`,
			`45m31s sync ended act=3 inst=3 reason=ExecutionTimeExceeded err="tasks: canceled: ExecutionTimeExceeded"`,
			`45m31s sync completed act=3 inst=3 reason=ExecutionTimeExceeded n=1 err="tasks: canceled: ExecutionTimeExceeded"`,
			"46m31s sync unregistered n=1",
		)
	})
}

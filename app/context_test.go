package app_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

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

// A handler sees the values of the context of Fire, which may have none, also in
// a second attempt, and in what it fires itself; without one, those of the App.
func TestValuesAreThoseOfWhoFired(t *testing.T) {
	who := ctxKey("who")
	named := func(name string) context.Context { return context.WithValue(context.Background(), who, name) }
	for _, tt := range []struct {
		name string
		ctx  context.Context
		want any
	}{
		{"a context with values", named("caller"), "caller"},
		{"a context that has ended", func() context.Context {
			ctx, cancel := context.WithCancel(named("caller"))
			cancel()
			return ctx
		}(), "caller"},
		{"a context without values", context.Background(), nil},
		{"no context yet", context.TODO(), nil},
		{"none", nil, "base"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a := l.newApp(app.WithBaseContext(named("base")))
				saw := seen(tt.ctx, l, a, who)
				want := fmt.Sprint(tt.want)
				l.wantStory(saw, "t 1 "+want, "t 2 "+want, "next 1 "+want)
			})
		})
	}
}

// seen is what a task sees that fails once and then fires another, and what that
// sees.
func seen(ctx context.Context, l *land, a *app.App, key ctxKey) []string {
	var saw lines
	next := l.add(a, tasks.Registration{Name: "next"}, func(ctx context.Context, in *tasks.Instance) error {
		saw.add("next %d %v", in.Attempt(), ctx.Value(key))
		return nil
	})
	task := l.add(a, tasks.Registration{Name: "t", Retry: tasks.Retry{Attempts: 2}}, func(ctx context.Context, in *tasks.Instance) error {
		saw.add("t %d %v", in.Attempt(), ctx.Value(key))
		if in.Attempt() == 1 {
			return errGuilty
		}
		_, err := next.Fire(ctx, nil)
		return err
	})
	l.start(a)
	if _, err := task.Fire(ctx, nil); err != nil {
		l.Error(err)
	}
	l.idle(a)
	l.pass(time.Minute)
	l.idle(a)
	l.stop(a)
	return saw.list()
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

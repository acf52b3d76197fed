package app_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// An open trigger says what a test wants said.
type open struct {
	name string
	arm  func(activation.Port)
}

func (o open) String() string { return o.name }

func (o open) Arm(p activation.Port) error {
	o.arm(p)
	return nil
}

// Callbacks that never return keep Stop waiting for one more grace at most, or
// until its context ends, and are counted.
func TestStuckCallbackDoesNotHangStop(t *testing.T) {
	stuck := []struct {
		name string
		// set makes the App call block sooner or later.
		set func(l *land, a *app.App, task *app.Task, block func())
		own activation.Trigger // for a task of its own
	}{
		{name: "observer", set: func(_ *land, a *app.App, _ *app.Task, block func()) {
			a.Observe(func(event.Event) { block() })
		}},
		{name: "OnCompleted", set: func(_ *land, _ *app.App, task *app.Task, block func()) {
			task.OnCompleted(func(event.Event) { block() })
		}},
		{name: "Canceled", set: func(l *land, a *app.App, _ *app.Task, block func()) {
			l.fire(l.add(a, tasks.Registration{Name: "stuck"}, func(_ context.Context, in *tasks.Instance) error {
				_ = in.Canceled(func(activation.Reason) { block() })
				return in.Sleep(time.Hour)
			}), nil)
		}},
		{name: "OnDisarm", set: func(l *land, a *app.App, _ *app.Task, block func()) {
			l.add(a, tasks.Registration{Name: "stuck", Trigger: open{"x", func(p activation.Port) { p.OnDisarm(block) }}}, nil)
		}},
		{name: "source", set: func(l *land, a *app.App, _ *app.Task, block func()) {
			l.add(a, tasks.Registration{Name: "stuck", Trigger: open{"x", func(p activation.Port) {
				p.Go(func(context.Context) error { block(); return nil })
			}}}, nil)
		}},
		{name: "After", set: func(l *land, a *app.App, _ *app.Task, block func()) {
			l.add(a, tasks.Registration{Name: "stuck", Trigger: open{"x", func(p activation.Port) {
				p.OnArm(func() { p.After(time.Second, block) })
			}}}, nil)
		}},
		{name: "condition", set: func(l *land, a *app.App, _ *app.Task, block func()) {
			l.fire(l.add(a, tasks.Registration{Name: "stuck", Conditions: []activation.Condition{
				condition.Func("x", func(context.Context) bool { block(); return true }, time.Hour),
			}}, nil), nil)
		}},
		{name: "Drop", set: func(l *land, a *app.App, _ *app.Task, block func()) {
			l.fire(l.add(a, tasks.Registration{Name: "stuck", Conditions: []activation.Condition{condition.NewFlag("no", false)}}, nil), dropper(block))
		}},
	}
	waits := []struct {
		name  string
		grace time.Duration
		ctx   func() (context.Context, context.CancelFunc)
		took  time.Duration
	}{
		{"the grace", 0, func() (context.Context, context.CancelFunc) { return context.Background(), func() {} }, app.DefaultGrace},
		{"no grace", -1, func() (context.Context, context.CancelFunc) { return context.Background(), func() {} }, 0},
		{"its context", time.Hour, func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 7*time.Second)
		}, 7 * time.Second},
		{"a context that has ended", time.Hour, func() (context.Context, context.CancelFunc) { return ended(), func() {} }, 0},
	}
	for _, s := range stuck {
		for _, w := range waits {
			t.Run(s.name+"/"+w.name, func(t *testing.T) {
				inLandOfGoroutines(t, func(l *land) {
					a := l.newApp(app.WithGrace(w.grace))
					release := make(chan struct{})
					task := l.add(a, tasks.Registration{Name: "t"}, func(context.Context, *tasks.Instance) error { return nil })
					l.start(a)
					s.set(l, a, task, func() { <-release })
					for range 3 {
						_ = l.fire(task, nil).Wait(context.Background())
					}
					time.Sleep(time.Minute)
					ctx, cancel := w.ctx()
					defer cancel()
					from := time.Now()
					report, err := a.Stop(ctx)
					l.want("Stop returned after", time.Since(from), w.took)
					if err != nil && s.name != "Canceled" {
						l.Errorf("Stop: %v", err)
					}
					if report.Unfinished == 0 {
						l.Errorf("the stuck one is not counted: %v", report)
					}
					if told := s.name == "observer" || s.name == "OnCompleted"; told != (report.Untold > 0) {
						l.Errorf("untold: %v", report)
					}
					l.want("WaitIdle after Stop", a.WaitIdle(context.Background()), nil)
					close(release)
				})
			})
		}
	}
}

type dropper func()

func (d dropper) Drop() { d() }

// After Stop there is silence, also when it had no time to wait for anything.
// What must be let go of, which is what OnDisarm and Drop are for, still is.
func TestSilenceAfterStop(t *testing.T) {
	stops := []struct {
		name string
		ctx  context.Context
	}{{"patient", context.Background()}, {"hurried", ended()}}
	for _, tt := range stops {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a := l.newApp(app.WithGrace(time.Second))
				stopped := false
				var mu sync.Mutex
				call := func(what string) {
					mu.Lock()
					defer mu.Unlock()
					if stopped {
						l.Errorf("%s was called after Stop", what)
					}
				}
				let := new(lines)
				a.Observe(func(event.Event) { call("observer") })
				work := func(_ context.Context, in *tasks.Instance) error {
					for range 3 {
						if err := in.Canceled(func(activation.Reason) { call("Canceled") }); err != nil {
							return err
						}
					}
					in.Progress(1)
					return in.Sleep(time.Hour)
				}
				busy := l.add(a, tasks.Registration{Name: "busy", Overlap: tasks.Parallel(0)}, work)
				l.add(a, tasks.Registration{Name: "timer", Trigger: trigger.Every(time.Second), Overlap: tasks.Parallel(0)}, work)
				l.add(a, tasks.Registration{Name: "polled", Trigger: trigger.Every(time.Second), Conditions: []activation.Condition{
					condition.Func("x", func(context.Context) bool { call("condition"); return false }, 100*time.Millisecond),
				}}, work)
				l.add(a, tasks.Registration{Name: "open", Trigger: open{"x", func(p activation.Port) {
					var again func()
					again = func() { call("After"); p.After(time.Second, again) }
					p.OnArm(again)
					p.Wanted(func(bool) {})
					p.OnDisarm(func() { let.add("disarmed") })
				}}}, work)
				gone := l.add(a, tasks.Registration{Name: "gone", Overlap: tasks.Parallel(0)}, work)
				latched := l.add(a, tasks.Registration{Name: "latched", Conditions: []activation.Condition{condition.NewFlag("no", false)}}, work)
				for _, task := range []*app.Task{busy, gone} {
					task.OnCompleted(func(event.Event) { call("OnCompleted") })
					task.OnProgress(func(event.Event) { call("OnProgress") })
				}
				l.start(a)
				for range 3 {
					l.fire(busy, nil)
					l.fire(gone, nil)
				}
				l.fire(latched, dropper(func() { let.add("dropped") }))
				l.pass(5 * time.Second)
				gone.Unregister(false) // its instances go on
				report, err := a.Stop(tt.ctx)
				if tt.name == "hurried" {
					l.wait() // what had begun by then goes on; on coroutines nothing has
				}
				mu.Lock()
				stopped = true
				mu.Unlock()
				if len(report.Instances) < 6 || tt.name == "patient" && err != nil {
					l.Errorf("Stop: %v, %v", report, err)
				}
				l.pass(time.Hour)
				said := let.list()
				slices.Sort(said)
				l.wantStory(said, "disarmed", "dropped")
			})
		})
	}
}

// The functions of OnDisarm are those of a trigger and of conditions that know
// nothing of each other: one that panics keeps none from running.
func TestPanicInOnDisarmHarmsNoOther(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := new(lines)
		l.add(a, tasks.Registration{Name: "t", Trigger: open{"x", func(p activation.Port) {
			for i, f := range []func(){guiltyPanic, func() {}, guiltyExit, func() {}} {
				p.OnDisarm(func() { story.add("%d", i); f() })
			}
		}}}, nil)
		l.start(a)
		l.stop(a)
		l.wantStory(story.list(), "0", "1", "2", "3")
		for _, guilty := range []string{"guiltyPanic", "guiltyExit"} {
			l.want(guilty+" is in the log", l.log.has("OnDisarm", "app_test."+guilty), true)
		}
	})
}

// An observer that is stuck when the App stops is told nothing more when it
// comes free, also if its task's registration had ended before.
func TestStuckObserverIsToldNothingAfterStop(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		a := l.newApp()
		release := make(chan struct{})
		var calls atomic.Int32
		tell := func(event.Event) { calls.Add(1); <-release }
		a.Observe(tell)
		quick := func(context.Context, *tasks.Instance) error { return nil }
		gone, stands := l.add(a, tasks.Registration{Name: "gone"}, quick), l.add(a, tasks.Registration{Name: "stands"}, quick)
		gone.OnCompleted(tell)
		stands.OnCompleted(tell)
		l.start(a)
		for range 3 {
			_ = l.fire(gone, nil).Wait(context.Background())
			_ = l.fire(stands, nil).Wait(context.Background())
		}
		gone.Unregister(false)
		_, _ = a.Stop(context.Background())
		before := calls.Load()
		close(release)
		synctest.Wait()
		l.want("calls before and after Stop", calls.Load(), before)
		l.want("observers", before, int32(3))
	})
}

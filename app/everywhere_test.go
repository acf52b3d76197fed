package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// What would wait for the instance that calls it says so, in each of the
// instance's goroutines and as long as the instance is not over.
func TestWaitingForOneselfIsRefused(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		var port activation.Port
		other := l.add(a, tasks.Registration{Name: "other"}, func(_ context.Context, in *tasks.Instance) error { return in.Sleep(time.Hour) })
		l.add(a, tasks.Registration{Name: "open", Trigger: open{"x", func(p activation.Port) { port = p }}}, nil)
		var mu sync.Mutex // guards the following
		var mine, others activation.Receipt
		var kept context.Context
		checked := new(lines)
		check := func(where string, ctx context.Context, want error) {
			_, stop := error(nil), error(nil)
			if want != nil {
				_, stop = a.Stop(ctx)
			}
			_, reserve := port.Reserve(ctx)
			mu.Lock()
			mine, others := mine, others
			mu.Unlock()
			for call, err := range map[string]error{
				"Stop": stop, "WaitIdle": a.WaitIdle(ctx), "Wait": mine.Wait(ctx), "Wait for another": others.Wait(ctx), "Reserve": reserve,
			} {
				if want != nil && err != want { //nolint:errorlint // the very value
					l.Errorf("%s in %s: got %v, want %v", call, where, err, want)
				}
				if want == nil && errors.Is(err, app.ErrInHandler) {
					l.Errorf("%s in %s: %v", call, where, err)
				}
			}
			checked.add("%s", where)
		}
		task := l.add(a, tasks.Registration{Name: "t"}, func(ctx context.Context, in *tasks.Instance) error {
			if err := in.Sleep(time.Second); err != nil { // until the receipts are there
				return err
			}
			mu.Lock()
			kept = ctx
			mu.Unlock()
			check("the handler", ctx, app.ErrInHandler)
			type key struct{}
			child, cancel := context.WithCancel(context.WithValue(ctx, key{}, 1))
			defer cancel()
			check("the handler, with a child context", child, app.ErrInHandler)
			if err := in.Await(func(ctx context.Context) error {
				check("Await", ctx, app.ErrInHandler)
				return nil
			}); err != nil {
				return err
			}
			return in.Go(func(ctx context.Context) error {
				err := in.Sleep(time.Second)
				check("Go, after the handler returned", ctx, app.ErrInHandler)
				return err
			})
		})
		l.start(a)
		mu.Lock()
		others = l.fire(other, nil)
		mine = l.fire(task, nil)
		mu.Unlock()
		if err := mine.Wait(context.Background()); err != nil {
			l.Errorf("outcome: %v", err)
		}
		other.Cancel(activation.Abort)
		check("a context whose instance is over", kept, nil)

		// While it is being canceled it is not over.
		second := l.fire(task, nil)
		l.pass(time.Second + 500*time.Millisecond) // it is in Go
		task.Cancel(activation.Abort)
		_ = second.Wait(context.Background())
		check("a context whose instance was canceled and is over", kept, nil)
		l.want("places", len(checked.list()), 10)
		l.stop(a)
	})
}

// Every call is legal from everywhere.
func TestEveryCallFromEverywhere(t *testing.T) {
	places := []struct {
		name string
		// set makes the App call everything sooner or later, with a context of
		// that place.
		set func(l *land, a *app.App, everything func(context.Context))
	}{
		{"handler", func(l *land, a *app.App, everything func(context.Context)) {
			l.add(a, tasks.Registration{Name: "p", Trigger: trigger.After(0)}, func(ctx context.Context, _ *tasks.Instance) error { everything(ctx); return nil })
		}},
		{"middleware", func(l *land, a *app.App, everything func(context.Context)) {
			a.Use(func(h tasks.Handler) tasks.Handler {
				return tasks.HandlerFunc(func(ctx context.Context, in *tasks.Instance) error {
					if in.Name() == "p" {
						everything(ctx)
					}
					return h.Run(ctx, in)
				})
			})
			l.add(a, tasks.Registration{Name: "p", Trigger: trigger.After(0)}, func(context.Context, *tasks.Instance) error { return nil })
		}},
		{"Go", func(l *land, a *app.App, everything func(context.Context)) {
			l.add(a, tasks.Registration{Name: "p", Trigger: trigger.After(0)}, func(_ context.Context, in *tasks.Instance) error {
				return in.Go(func(ctx context.Context) error { everything(ctx); return nil })
			})
		}},
		{"Await", func(l *land, a *app.App, everything func(context.Context)) {
			l.add(a, tasks.Registration{Name: "p", Trigger: trigger.After(0)}, func(_ context.Context, in *tasks.Instance) error {
				return in.Await(func(ctx context.Context) error { everything(ctx); return nil })
			})
		}},
		{"Canceled", func(l *land, a *app.App, everything func(context.Context)) {
			l.add(a, tasks.Registration{Name: "p", Trigger: trigger.After(0), TimeLimit: time.Second}, func(_ context.Context, in *tasks.Instance) error {
				_ = in.Canceled(func(activation.Reason) { everything(context.Background()) })
				return in.Sleep(time.Hour)
			})
		}},
		{"observer", func(l *land, a *app.App, everything func(context.Context)) {
			a.Observe(func(e event.Event) {
				if e.Kind == event.Registered && e.Task == "p" {
					everything(context.Background())
				}
			})
			l.add(a, tasks.Registration{Name: "p"}, nil)
		}},
		{"OnCompleted", func(l *land, a *app.App, everything func(context.Context)) {
			l.add(a, tasks.Registration{Name: "p", Trigger: trigger.After(time.Millisecond)}, func(context.Context, *tasks.Instance) error { return nil }).
				OnCompleted(func(event.Event) { everything(context.Background()) })
		}},
		{"OnProgress", func(l *land, a *app.App, everything func(context.Context)) {
			l.add(a, tasks.Registration{Name: "p", Trigger: trigger.After(time.Millisecond)}, func(_ context.Context, in *tasks.Instance) error { in.Progress(1); return nil }).
				OnProgress(func(event.Event) { everything(context.Background()) })
		}},
		{"condition", func(l *land, a *app.App, everything func(context.Context)) {
			l.add(a, tasks.Registration{Name: "p", Trigger: trigger.After(0), Conditions: []activation.Condition{
				condition.Func("x", func(ctx context.Context) bool { everything(ctx); return true }, time.Hour),
			}}, func(context.Context, *tasks.Instance) error { return nil })
		}},
		{"Drop", func(l *land, a *app.App, everything func(context.Context)) {
			task := l.add(a, tasks.Registration{Name: "p", Conditions: []activation.Condition{condition.NewFlag("no", false)}}, nil)
			l.spawn(func() {
				l.sleep(time.Second)
				l.fire(task, dropper(func() { everything(context.Background()) }))
				l.fire(task, nil)
			})
		}},
		{"logger", nil}, // set by newApp below
		{"trigger: Arm", trig(func(p activation.Port, everything func()) { everything() })},
		{"trigger: OnArm", trig(func(p activation.Port, everything func()) { p.OnArm(everything) })},
		{"trigger: OnDisarm", trig(func(p activation.Port, everything func()) { p.OnDisarm(everything) })},
		{"trigger: Go", trig(func(p activation.Port, everything func()) {
			p.Go(func(context.Context) error { everything(); return nil })
		})},
		{"trigger: After", trig(func(p activation.Port, everything func()) { p.OnArm(func() { p.After(time.Second, everything) }) })},
		{"trigger: Wanted", trig(func(p activation.Port, everything func()) { p.Wanted(func(bool) { everything() }) })},
	}
	for _, place := range places {
		t.Run(place.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				var a *app.App
				net := condition.NewFlag("net", true)
				orders := trigger.NewApplication[int]()
				var busy atomic.Bool
				calls := 0
				var victim *app.Task
				everything := func(ctx context.Context) {
					if a == nil || victim == nil || !busy.CompareAndSwap(false, true) {
						return // it would call itself
					}
					defer busy.Store(false)
					calls++
					everyCall(ctx, l, a, victim, net, orders, calls)
				}
				if place.set == nil {
					a = l.newApp(app.WithLogger(slog.New(slog.NewTextHandler(writer(func([]byte) { everything(context.Background()) }), nil))))
					l.add(a, tasks.Registration{Name: "deaf", Trigger: trigger.After(0), Grace: time.Second}, func(context.Context, *tasks.Instance) error {
						l.sleep(time.Hour)
						return nil
					})
				} else {
					a = l.newApp()
				}
				victim = l.add(a, tasks.Registration{Name: "victim", Trigger: orders, Conditions: []activation.Condition{net}},
					func(_ context.Context, in *tasks.Instance) error { return in.Sleep(time.Millisecond) })
				l.start(a)
				if place.set != nil {
					place.set(l, a, everything)
				}
				l.pass(10 * time.Second)
				_, _ = a.Stop(context.Background())
				if calls == 0 {
					l.Error("nothing was called")
				}
				l.pass(2 * time.Hour)
			})
		})
	}
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

// trig is a place inside a trigger.
func trig(arm func(p activation.Port, everything func())) func(*land, *app.App, func(context.Context)) {
	return func(l *land, a *app.App, everything func(context.Context)) {
		l.add(a, tasks.Registration{Name: "p", Trigger: open{"x", func(p activation.Port) {
			arm(p, func() { everything(context.Background()) })
		}}}, nil)
	}
}

// everyCall calls every method of App, Group, Task, Observer and Receipt that
// does not end the App.
func everyCall(ctx context.Context, l *land, a *app.App, victim *app.Task, net *condition.Flag, orders *trigger.Application[int], n int) {
	noop := func(context.Context, *tasks.Instance) error { return nil }
	name := fmt.Sprintf("new %d", n)
	for _, err := range []error{a.Run(ctx), a.Start(ctx)} {
		if err == nil {
			l.Error("it could be run again")
		}
	}
	o := a.Observe(func(event.Event) {})
	a.HandleFunc(name, noop)
	a.Use(func(h tasks.Handler) tasks.Handler { return h })
	a.SetOnBackgroundActivated(a.OnBackgroundActivated)
	g := a.Group("lib")
	g.HandleFunc(name, noop)
	_, _ = g.Register(tasks.Registration{Name: name, Trigger: silent()})
	_, _ = a.Register(tasks.Registration{Name: name, Trigger: trigger.Every(time.Second)})
	if t, err := a.Replace(tasks.Registration{Name: name, Trigger: trigger.Every(time.Minute)}); err == nil {
		_, _ = t.Fire(ctx, nil)
		t.OnProgress(func(event.Event) {}).Stop()
		t.Unregister(true)
	}
	for t := range a.All() {
		_, _, _ = t.Name(), t.ID(), t.String()
	}
	_, _ = a.Task("victim")
	_ = a.IsRegistered(name)
	r, _ := orders.Request(ctx, 1)
	_, _ = victim.Fire(ctx, 2)
	_, _ = a.Raise(ctx, "bell", nil)
	victim.Pause()
	net.Set(false)
	net.Set(true)
	victim.Resume()
	victim.Cancel(activation.Abort)
	c := victim.OnCompleted(func(event.Event) {})
	gone := ended()
	_ = r.Wait(gone)
	_ = a.WaitIdle(gone)
	a.Unregister("nobody", true)
	g.Unregister(name, false)
	_, _ = a.Clock().Now(), a.String()
	_ = o.Dropped()
	c.Stop()
	o.Stop()
}

// A callback that stops the App waits for itself; not for longer than the App
// waits for it.
func TestStopFromInside(t *testing.T) {
	places := []struct {
		name string
		took time.Duration
		set  func(l *land, a *app.App, stop func())
	}{
		{"handler", 5 * time.Second, func(l *land, a *app.App, stop func()) {
			l.add(a, tasks.Registration{Name: "p", Trigger: trigger.After(0)}, func(context.Context, *tasks.Instance) error { stop(); return nil })
		}},
		{"Go", 5 * time.Second, func(l *land, a *app.App, stop func()) {
			l.add(a, tasks.Registration{Name: "p", Trigger: trigger.After(0)}, func(_ context.Context, in *tasks.Instance) error {
				return in.Go(func(context.Context) error { stop(); return nil })
			})
		}},
		{"observer", 5 * time.Second, func(l *land, a *app.App, stop func()) {
			a.Observe(func(event.Event) { stop() })
			l.add(a, tasks.Registration{Name: "p"}, nil)
		}},
		{"OnCompleted", 5 * time.Second, func(l *land, a *app.App, stop func()) {
			l.add(a, tasks.Registration{Name: "p", Trigger: trigger.After(time.Millisecond)}, func(context.Context, *tasks.Instance) error { return nil }).
				OnCompleted(func(event.Event) { stop() })
		}},
		{"source", 5 * time.Second, trig2(func(p activation.Port, stop func()) { p.Go(func(context.Context) error { stop(); return nil }) })},
		{"After", 5 * time.Second, trig2(func(p activation.Port, stop func()) { p.OnArm(func() { p.After(0, stop) }) })},
		{"foreign goroutine", 0, func(l *land, _ *app.App, stop func()) { l.spawn(func() { l.sleep(time.Second); stop() }) }},
	}
	for _, place := range places {
		t.Run(place.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a := l.newApp()
				stops := new(lines)
				place.set(l, a, func() {
					r, _ := a.Stop(context.Background())
					stops.add("%v", r.Took)
				})
				l.start(a)
				l.pass(time.Hour)
				l.wantStory(stops.list(), place.took.String())
			})
		})
	}
}

func trig2(arm func(p activation.Port, stop func())) func(*land, *app.App, func()) {
	return func(l *land, a *app.App, stop func()) {
		l.add(a, tasks.Registration{Name: "p", Trigger: open{"x", func(p activation.Port) { arm(p, stop) }}}, nil)
	}
}

package app_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// The guilty functions must be named by the stack.
func guiltyPanic() { panic("guilty") }

func guiltyPanicError() { panic(errGuilty) }

func guiltyPanicNil() { panic(nil) }

func guiltyExit() { runtime.Goexit() }

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

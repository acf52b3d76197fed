package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// fires are the ways to run a task by Task.Fire. All of them give each run an
// ID, a lifecycle, a context that can be canceled with a reason, a handler found
// by name, recovery from panics, a warning after 30 seconds, and a stop that is
// bounded.
func fires() []contender {
	parallel := tasks.Registration{Overlap: tasks.Parallel(0)}
	inOrder := tasks.Registration{Keep: tasks.Every(1 << 20)}
	limited := tasks.Registration{Overlap: tasks.Parallel(0), TimeLimit: time.Minute}
	return []contender{
		{"fire, signal", "its handler signals the end as the floor's does; " +
			"runs overlap without bound", func() (target, error) { return fire(parallel, signal, nil) }},
		{"fire, receipt", "Receipt.Wait for each run: its outcome, after the engine's bookkeeping", fireReceipt},
		{"fire, in order", "one run at a time, in the order of the firings; the others wait", func() (target, error) {
			return fire(inOrder, signal, nil)
		}},
		{"fire, limit, observer", "a time limit, and an observer that is told every event", func() (target, error) {
			return fire(limited, signal, func(event.Event) {})
		}},
		{"fire, deferral", "a deferral is completed on a second goroutine, which signals the end; " +
			"compare it with: go, then go", func() (target, error) { return fire(parallel, deferred, nil) }},
	}
}

// A handling makes a handler that signals the end of its run.
type handling func(*sync.WaitGroup) tasks.HandlerFunc

func signal(wg *sync.WaitGroup) tasks.HandlerFunc {
	return func(context.Context, *tasks.Instance) error {
		wg.Done()
		return nil
	}
}

func deferred(wg *sync.WaitGroup) tasks.HandlerFunc {
	return func(_ context.Context, in *tasks.Instance) error {
		d, err := in.Deferral("second")
		if err != nil {
			return err
		}
		go func() {
			d.Complete()
			wg.Done()
		}()
		return nil
	}
}

// fire measures until the handler's signal.
func fire(r tasks.Registration, h handling, observe func(event.Event)) (target, error) {
	wg := new(sync.WaitGroup)
	a, t, err := start(r, h(wg))
	if err != nil {
		return target{}, err
	}
	if observe != nil {
		a.Observe(observe)
	}
	ctx := context.Background()
	return target{
		produce: func(n int) {
			wg.Add(n)
			for range n {
				must(t.Fire(ctx, nil))
			}
		},
		wait:  wg.Wait,
		close: func() { stop(a) },
	}, nil
}

// fireReceipt measures until each run's receipt says that it is over.
func fireReceipt() (target, error) {
	nothing := func(context.Context, *tasks.Instance) error { return nil }
	a, t, err := start(tasks.Registration{Overlap: tasks.Parallel(0)}, nothing)
	if err != nil {
		return target{}, err
	}
	ctx := context.Background()
	lists := sync.Pool{New: func() any { return new([]activation.Receipt) }}
	return target{
		produce: func(n int) {
			list := lists.Get().(*[]activation.Receipt)
			for range n {
				*list = append(*list, must(t.Fire(ctx, nil)))
			}
			for _, r := range *list {
				if err := r.Wait(ctx); err != nil {
					panic(err)
				}
			}
			clear(*list)
			*list = (*list)[:0]
			lists.Put(list)
		},
		close: func() { stop(a) },
	}, nil
}

// start runs an App with one task, which is due only when it is fired.
func start(r tasks.Registration, h tasks.HandlerFunc) (*app.App, *app.Task, error) {
	a := app.New()
	a.Handle("task", h)
	r.Name, r.Trigger = "task", trigger.Custom("never", trigger.Always)
	t, err := a.Register(r)
	if err != nil {
		return nil, nil, err
	}
	return a, t, a.Start(context.Background())
}

// must is for a firing that has to be accepted: else the figures mean nothing.
func must(r activation.Receipt, err error) activation.Receipt {
	if err != nil || r.Result != activation.Allowed {
		panic(fmt.Sprintf("bench: fired: %v, %v", r.Result, err))
	}
	return r
}

func stop(a *app.App) {
	if _, err := a.Stop(context.Background()); err != nil {
		panic(err)
	}
}

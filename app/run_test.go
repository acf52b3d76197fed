package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

func TestCallsInEveryOrder(t *testing.T) {
	type call struct {
		name string
		do   func(*app.App) error
		want error
	}
	start := func(want error) call {
		return call{"Start", func(a *app.App) error { return a.Start(context.Background()) }, want}
	}
	startEnded := func(want error) call {
		return call{"Start with an ended context", func(a *app.App) error { return a.Start(ended()) }, want}
	}
	run := func(want error) call {
		return call{"Run with an ended context", func(a *app.App) error { return a.Run(ended()) }, want}
	}
	stop := func(want error) call {
		return call{"Stop", func(a *app.App) error { _, err := a.Stop(context.Background()); return err }, want}
	}
	stopEnded := func(want error) call {
		return call{"Stop with an ended context", func(a *app.App) error { _, err := a.Stop(ended()); return err }, want}
	}
	tests := []struct {
		name  string
		calls []call
		state string
	}{
		{"Run, Run", []call{run(nil), run(app.ErrStopped)}, "stopped"},
		{"Run, Start", []call{run(nil), start(app.ErrStopped)}, "stopped"},
		{"Run, Stop", []call{run(nil), stop(nil), stop(nil)}, "stopped"},
		{"Start, Run", []call{start(nil), run(app.ErrRunning)}, "running"},
		{"Start, Start", []call{start(nil), start(app.ErrRunning)}, "running"},
		{"Start, Stop, Run", []call{start(nil), stop(nil), run(app.ErrStopped)}, "stopped"},
		{"Start, Stop, Start", []call{start(nil), stop(nil), start(app.ErrStopped)}, "stopped"},
		{"Stop, Run", []call{stop(nil), run(app.ErrStopped)}, "stopped"},
		{"Stop, Start", []call{stop(nil), start(app.ErrStopped)}, "stopped"},
		{"Stop, Stop", []call{stop(nil), stop(nil)}, "stopped"},
		{"hurried Stop, Run", []call{stopEnded(nil), run(app.ErrStopped)}, "stopped"},
		{"Start, hurried Stop, Stop", []call{start(nil), stopEnded(nil), stop(nil), stopEnded(nil)}, "stopped"},
		{"Start with an ended context", []call{startEnded(context.Canceled)}, "new"},
		{"Start again with a better context", []call{startEnded(context.Canceled), start(nil)}, "running"},
		{"nothing", nil, "new"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a := l.newApp()
				l.add(a, tasks.Registration{Name: "t", Trigger: trigger.Every(time.Hour)}, func(context.Context, *tasks.Instance) error { return nil })
				a.Observe(func(event.Event) {})
				for i, c := range tt.calls {
					if err := c.do(a); !errors.Is(err, c.want) {
						l.Errorf("call %d, %s: got %v, want %v", i+1, c.name, err, c.want)
					}
				}
				l.want("state", a.String(), "app("+tt.state+", 0 active)")
				l.stop(a)
			})
		})
	}
}

func TestRunWhileItRuns(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		ctx, cancel := context.WithCancel(context.Background())
		outcomes := new(lines)
		l.spawn(func() { outcomes.add("first %v at %v", a.Run(ctx), a.Clock().Now().Sub(dawn)) })
		l.pass(time.Second)
		l.want("a second Run", a.Run(context.Background()), app.ErrRunning)
		l.pass(time.Second)
		cancel()
		l.pass(time.Second)
		l.wantStory(outcomes.list(), "first <nil> at 2s")
		l.stop(a)
	})
}

// Run's answer is about the App: that its context ended is why it stopped, and
// no news to who ended it.
func TestRunNeverReturnsItsContextsError(t *testing.T) {
	tests := []struct {
		name string
		end  func(cancel context.CancelFunc, a *app.App)
		deaf bool
	}{
		{"context canceled", func(cancel context.CancelFunc, _ *app.App) { cancel() }, false},
		{"deadline passed", func(context.CancelFunc, *app.App) { time.Sleep(time.Minute) }, false},
		{"stopped from elsewhere", func(_ context.CancelFunc, a *app.App) { _, _ = a.Stop(context.Background()) }, false},
		{"context canceled, a handler is deaf", func(cancel context.CancelFunc, _ *app.App) { cancel() }, true},
		{"deadline passed, a handler is deaf", func(context.CancelFunc, *app.App) { time.Sleep(time.Minute) }, true},
		{"stopped from elsewhere, a handler is deaf", func(_ context.CancelFunc, a *app.App) { _, _ = a.Stop(context.Background()) }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inLandOfGoroutines(t, func(l *land) {
				a := l.newApp()
				l.add(a, tasks.Registration{Name: "t", Trigger: trigger.Every(time.Second)}, func(_ context.Context, in *tasks.Instance) error {
					if tt.deaf {
						time.Sleep(time.Hour)
						return nil
					}
					return in.Sleep(time.Hour)
				})
				ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
				defer cancel()
				got := make(chan error, 1)
				go func() { got <- a.Run(ctx) }()
				time.Sleep(10 * time.Second)
				tt.end(cancel, a)
				err := <-got
				var late *app.StopError
				if errors.As(err, &late) != tt.deaf || err != nil && !tt.deaf {
					l.Errorf("Run: %v", err)
				}
				if tt.deaf && !errors.Is(err, tasks.ErrAbandoned) {
					l.Errorf("%v is not ErrAbandoned", err)
				}
				if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
					l.Errorf("Run told its context's error: %v", err)
				}
				report, again := a.Stop(context.Background())
				if tt.deaf && (!errors.As(again, &late) || late.Report != report) {
					l.Errorf("Stop after Run: %v", again)
				}
				time.Sleep(2 * time.Hour) // until the deaf are over
			})
		})
	}
}

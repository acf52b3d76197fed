package app_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A countingClock counts the alarms that are set.
type countingClock struct {
	clock.Clock
	alarms atomic.Int64
}

func (c *countingClock) AfterFunc(d time.Duration, f func()) clock.Timer {
	c.alarms.Add(1)
	return c.Clock.AfterFunc(d, f)
}

// A hundred each of handlers that hang, that are told to end and do not, that
// panic and that end their goroutine, all at the same time. The rest keeps its
// schedule to the instant; waiting for the bad takes no step of the App's; Stop
// ends within the grace and names them all.
func TestHundredOfEachBadHandler(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		const each, good = 100, 20
		clk := &countingClock{Clock: clock.System()}
		a := l.newApp(app.WithClock(clk), app.WithLogger(quiet()))
		release := make(chan struct{})
		defer close(release)
		bad := map[string]tasks.HandlerFunc{
			"hung":   func(context.Context, *tasks.Instance) error { <-release; return nil },
			"deaf":   func(ctx context.Context, _ *tasks.Instance) error { <-ctx.Done(); <-release; return ctx.Err() },
			"panic":  func(context.Context, *tasks.Instance) error { panic("oh") },
			"goexit": func(context.Context, *tasks.Instance) error { runtime.Goexit(); return nil },
		}
		var all []*app.Task
		for name, h := range bad {
			for i := range each {
				r := tasks.Registration{Name: fmt.Sprintf("%s %d", name, i), Trigger: trigger.Every(10 * time.Second)}
				all = append(all, l.add(a, r, h))
			}
		}
		var late, runs atomic.Int64
		for i := range good {
			r := tasks.Registration{Name: fmt.Sprintf("good %d", i), Trigger: trigger.Every(10 * time.Second)}
			all = append(all, l.add(a, r, func(_ context.Context, in *tasks.Instance) error {
				if n := runs.Add(1); !time.Now().Equal(in.Due()) || !in.Due().Equal(dawn.Add(time.Duration((n-1)/good+1)*10*time.Second)) {
					late.Add(1)
				}
				return in.Sleep(9 * time.Second)
			}))
		}
		var events, failed atomic.Int64
		task, _ := a.Task("panic 7")
		task.OnCompleted(func(e event.Event) {
			if e.Err != nil {
				failed.Add(1)
			}
		})
		l.start(a)
		const rounds = 12
		l.pass(rounds*10*time.Second + 9500*time.Millisecond)
		l.want("good runs", runs.Load(), int64(rounds*good))
		l.want("not at their instant", late.Load(), int64(0))
		l.want("failures told", failed.Load(), int64(rounds))
		l.want("counts of the hung", a.Explain("hung 99").Counts.Started, uint64(1))
		l.want("counts of the exiting", a.Explain("goexit 0").Counts.Failed, uint64(rounds))

		for _, task := range all { // nothing is due anymore; what runs goes on
			task.Unregister(false)
		}
		a.Observe(func(event.Event) { events.Add(1) })
		l.pass(time.Minute)
		l.want("active", a.String(), "app(running, 200 active)")
		alarms := clk.alarms.Load()
		l.pass(24 * time.Hour)
		l.want("alarms in a day of waiting", clk.alarms.Load()-alarms, int64(0))
		l.want("events in a day of waiting", events.Load(), int64(0))
		l.want("active", a.String(), "app(running, 200 active)")

		alarms = clk.alarms.Load()
		report, err := a.Stop(context.Background())
		if n := clk.alarms.Load() - alarms; n > 2 {
			l.Errorf("%d alarms while stopping", n)
		}
		l.want("it took", report.Took, app.DefaultGrace)
		var stop *app.StopError
		if !errors.As(err, &stop) || stop.Report != report {
			l.Fatalf("Stop: %v", err)
		}
		l.want("instances in the report", len(report.Instances), 2*each)
		named := map[string]bool{}
		for _, e := range report.Instances {
			if e.State != tasks.StateAbandoned || e.Heeded != app.DefaultGrace || !strings.Contains(e.Stack, "TestHundredOfEachBadHandler") {
				l.Errorf("%s\n%s", e, e.Stack)
			}
			named[e.Task] = strings.Contains(err.Error(), e.Task+":")
		}
		for _, kind := range []string{"hung", "deaf"} {
			for i := range each {
				l.want(fmt.Sprintf("%s %d is named", kind, i), named[fmt.Sprintf("%s %d", kind, i)], true)
			}
		}
	})
}

// The same with limits: each is abandoned in its time, and the next one starts
// on schedule in the slot that is free then.
func TestHundredDeafHandlersWithLimits(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		const each = 100
		a := l.newApp(app.WithLogger(quiet()), app.WithCap(each))
		release := make(chan struct{})
		defer close(release)
		var wrong atomic.Int64
		for i := range each {
			r := tasks.Registration{Name: fmt.Sprintf("deaf %d", i), Trigger: trigger.Every(time.Minute), TimeLimit: 30 * time.Second}
			l.add(a, r, func(_ context.Context, in *tasks.Instance) error {
				if time.Since(dawn)%time.Minute != 0 {
					wrong.Add(1)
				}
				<-release
				return nil
			})
		}
		l.start(a)
		l.pass(5*time.Minute + 50*time.Second)
		l.want("started at another time", wrong.Load(), int64(0))
		var abandoned uint64
		for task := range a.All() {
			abandoned += task.Explain().Counts.Abandoned
		}
		l.want("abandoned", abandoned, uint64(5*each))
		l.want("active", a.String(), "app(running, 0 active)")
		l.stop(a)
	})
}

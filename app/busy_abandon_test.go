package app_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

func TestOnAbandon(t *testing.T) {
	tests := []struct {
		name  string
		r     tasks.Registration
		story []string
	}{
		{"FreeSlot", tasks.Registration{}, []string{
			"0s t started act=1 inst=1", "2s t canceling act=1 inst=1 reason=ExecutionTimeExceeded", "7s t abandoned act=1 inst=1 reason=ExecutionTimeExceeded",
			`7s t completed act=1 inst=1 reason=ExecutionTimeExceeded n=1 err="tasks: canceled: ExecutionTimeExceeded, abandoned"`,
			"7s t started act=2 inst=2", "8s t completed act=2 inst=2 n=1",
		}},
		{"HoldSlot", tasks.Registration{OnAbandon: tasks.HoldSlot}, []string{
			"0s t started act=1 inst=1", "2s t canceling act=1 inst=1 reason=ExecutionTimeExceeded", "7s t abandoned act=1 inst=1 reason=ExecutionTimeExceeded",
			`7s t completed act=1 inst=1 reason=ExecutionTimeExceeded n=1 err="tasks: canceled: ExecutionTimeExceeded, abandoned"`,
			"1m0s t released act=1 inst=1", "1m0s t started act=2 inst=2", "1m1s t completed act=2 inst=2 n=1",
		}},
		{"FreeSlot, Skip", tasks.Registration{Overlap: tasks.Skip}, []string{
			"0s t started act=1 inst=1", "2s t canceling act=1 inst=1 reason=ExecutionTimeExceeded", "7s t abandoned act=1 inst=1 reason=ExecutionTimeExceeded",
			`7s t completed act=1 inst=1 reason=ExecutionTimeExceeded n=1 err="tasks: canceled: ExecutionTimeExceeded, abandoned"`,
			"20s t started act=2 inst=2", "21s t completed act=2 inst=2 n=1",
		}},
		{"HoldSlot, Skip", tasks.Registration{OnAbandon: tasks.HoldSlot, Overlap: tasks.Skip}, []string{
			"0s t started act=1 inst=1", "2s t canceling act=1 inst=1 reason=ExecutionTimeExceeded", "7s t abandoned act=1 inst=1 reason=ExecutionTimeExceeded",
			`7s t completed act=1 inst=1 reason=ExecutionTimeExceeded n=1 err="tasks: canceled: ExecutionTimeExceeded, abandoned"`,
			"1m0s t released act=1 inst=1",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a := l.newApp()
				story := chronicle(a, event.Started, event.Canceling, event.Abandoned, event.Completed, event.Released)
				tt.r.Name, tt.r.TimeLimit = "t", 2*time.Second
				task := l.add(a, tt.r, func(_ context.Context, in *tasks.Instance) error {
					if in.Activation() == 1 {
						l.sleep(time.Minute) // deaf
					}
					return in.Sleep(time.Second)
				})
				l.start(a)
				l.fire(task, nil)
				l.pass(time.Second)
				if _, err := task.Fire(context.Background(), nil); err != nil {
					l.Error(err)
				}
				l.pass(19 * time.Second)
				if tt.r.Overlap == tasks.Skip {
					_, _ = task.Fire(context.Background(), nil)
				}
				l.pass(10 * time.Minute)
				l.wantStory(story.list(), tt.story...)
				l.want("abandoned", task.Explain().Counts.Abandoned, uint64(1))
				l.stop(a)
			})
		})
	}
}

// A slot that is held is free as soon as the last strand has ended, however the
// registration was changed meanwhile; Stop does not wait for it.
func TestHoldSlotUntilTheLastStrand(t *testing.T) {
	tests := []struct {
		name string
		do   func(l *land, a *app.App)
		next string
	}{
		{"left alone", func(*land, *app.App) {}, "30s"},
		{"changed to FreeSlot", func(l *land, a *app.App) {
			if _, err := a.Apply(list(tasks.Registration{Name: "t", Trigger: silent(), TimeLimit: time.Second})); err != nil {
				l.Error(err)
			}
		}, "30s"},
		{"replaced", func(l *land, a *app.App) {
			task, err := a.Replace(tasks.Registration{Name: "t", Trigger: silent()})
			if err != nil {
				l.Fatal(err)
			}
			l.fire(task, nil)
		}, "30s"},
		{"stopped", func(l *land, a *app.App) {
			l.stop(a)
			l.want("it took", since(a.Clock().Now()), "8s")
		}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a, starts := l.newApp(), new(lines)
				r := tasks.Registration{Name: "t", TimeLimit: time.Second, OnAbandon: tasks.HoldSlot}
				first := true
				task := l.add(a, r, func(_ context.Context, in *tasks.Instance) error {
					if !first {
						starts.add("%s", since(a.Clock().Now()))
						return nil
					}
					first = false
					for _, d := range []time.Duration{20 * time.Second, 30 * time.Second} {
						if err := in.Go(func(context.Context) error { l.sleep(d); return nil }); err != nil {
							return err
						}
					}
					l.sleep(10 * time.Second)
					return nil
				})
				l.start(a)
				l.fire(task, nil)
				l.pass(2 * time.Second)
				l.fire(task, nil)
				l.pass(6 * time.Second)
				l.want("active", task.Explain().Active[0].State, tasks.StateAbandoned)
				tt.do(l, a)
				l.pass(time.Minute)
				l.want("next", strings.Join(starts.list(), " "), tt.next)
				l.stop(a)
			})
		})
	}
}

// The model ends the process of a task that does not heed; StopApp ends the
// App, and whoever runs it is told whom to blame.
func TestOnAbandonStopApp(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		r := tasks.Registration{Name: "guilty", TimeLimit: time.Second, OnAbandon: tasks.StopApp}
		guilty := l.add(a, r, func(_ context.Context, in *tasks.Instance) error {
			if _, err := in.Deferral("upload"); err != nil {
				return err
			}
			l.sleep(time.Minute)
			return nil
		})
		innocent := l.add(a, tasks.Registration{Name: "innocent"}, sleeper(time.Hour))
		outcome := new(lines)
		var err error
		l.spawn(func() {
			err = a.Run(context.Background())
			outcome.add("%v", a.Clock().Now().Sub(dawn))
		})
		l.pass(time.Second)
		l.fire(innocent, nil)
		receipt := l.fire(guilty, nil)
		l.pass(30 * time.Second)
		l.wantStory(outcome.list(), "7s")
		if err := receipt.Wait(context.Background()); !errors.Is(err, tasks.ErrAbandoned) {
			l.Errorf("outcome: %v", err)
		}
		var late *app.StopError
		if !errors.As(err, &late) || !errors.Is(err, tasks.ErrAbandoned) {
			l.Fatalf("Run: %v", err)
		}
		l.want("instances", len(late.Instances), 2)
		one, two := late.Instances[0], late.Instances[1]
		l.want("who heeded", one.Task+" "+one.State.String(), "innocent canceled")
		l.want("who did not", two.Task+" "+two.State.String(), "guilty abandoned")
		l.want("for", two.Heeded, 5*time.Second)
		if len(two.Open) != 1 || two.Open[0].Why != "upload" {
			l.Errorf("open: %v", two.Open)
		}
		if strings.Contains(err.Error(), "innocent") || !strings.Contains(err.Error(), "guilty: instance 2 abandoned after 5s") {
			l.Errorf("Run: %v", err)
		}
		report, err := a.Stop(context.Background())
		l.want("Stop's report", report, late.Report)
		l.want("Stop", errors.Is(err, tasks.ErrAbandoned), true)
		l.pass(time.Minute) // until it is over
	})
}

// Several that are late at once stop the App once; one that was abandoned when
// the App stopped anyway is no reason.
func TestStopAppTwice(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		deaf := func(context.Context, *tasks.Instance) error { l.sleep(time.Minute); return nil }
		l.start(a)
		for _, name := range []string{"a", "b", "c"} {
			r := tasks.Registration{Name: name, OnAbandon: tasks.StopApp, TimeLimit: time.Second}
			if name == "c" {
				r.TimeLimit = 0
			}
			l.fire(l.add(a, r, deaf), nil)
		}
		l.pass(30 * time.Second)
		report, err := a.Stop(context.Background())
		if err == nil {
			l.Error("Stop: no error")
		}
		var got []string
		for _, e := range report.Instances {
			got = append(got, e.Task+" "+e.State.String())
		}
		l.want("report", strings.Join(got, ", "), "a abandoned, b abandoned, c abandoned")
		l.want("stopped at", report.At.Sub(dawn), 6*time.Second)
		l.want("took", report.Took, 5*time.Second)
		l.pass(time.Minute)
	})
}

func guiltyHandler(release <-chan struct{}) { <-release }
func guiltyInGo(release <-chan struct{})    { <-release }
func guiltyInAwait(release <-chan struct{}) { <-release }
func guiltyOnLoop(release <-chan struct{})  { <-release }

// The stack in the report is that of the code that does not end, and of no other.
func TestStackNamesTheGuilty(t *testing.T) {
	tests := []struct {
		name   string
		onLoop bool
		h      func(in *tasks.Instance, release <-chan struct{}) error
		guilty string // empty: no goroutine of the App's
	}{
		{"handler", false, func(_ *tasks.Instance, release <-chan struct{}) error { guiltyHandler(release); return nil }, "guiltyHandler"},
		{"Go", false, func(in *tasks.Instance, release <-chan struct{}) error {
			return in.Go(func(context.Context) error { guiltyInGo(release); return nil })
		}, "guiltyInGo"},
		{"Await", false, func(in *tasks.Instance, release <-chan struct{}) error {
			return in.Await(func(context.Context) error { guiltyInAwait(release); return nil })
		}, "guiltyInAwait"},
		{"loop", true, func(_ *tasks.Instance, release <-chan struct{}) error { guiltyOnLoop(release); return nil }, "guiltyOnLoop"},
		{"deferral", false, func(in *tasks.Instance, _ <-chan struct{}) error { _, err := in.Deferral("open"); return err }, ""},
	}
	all := []string{"guiltyHandler", "guiltyInGo", "guiltyInAwait", "guiltyOnLoop"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inLandOfGoroutines(t, func(l *land) {
				// A dump for a handler that holds the loop would be the minute's.
				a, release := l.newApp(app.WithLoopThreshold(-1)), make(chan struct{})
				// Beside it, all kinds of others hang in another App.
				other := l.newApp()
				l.start(other)
				for i, tt := range tests {
					r := tasks.Registration{Name: all[i%4] + tt.name, OnLoop: tt.onLoop}
					l.fire(l.add(other, r, func(_ context.Context, in *tasks.Instance) error { return tt.h(in, release) }), nil)
				}
				l.start(a)
				r := tasks.Registration{Name: "t", OnLoop: tt.onLoop}
				l.fire(l.add(a, r, func(_ context.Context, in *tasks.Instance) error { return tt.h(in, release) }), nil)
				l.wait()
				report, err := a.Stop(context.Background())
				if err == nil || len(report.Instances) != 1 {
					l.Fatalf("Stop: %v\n%s", err, report)
				}
				stack := report.Instances[0].Stack
				for _, f := range all {
					if got := strings.Contains(stack, f); got != (f == tt.guilty) {
						l.Errorf("%s in the stack: %t\n%s", f, got, stack)
					}
				}
				l.want("logged", l.log.has("abandoned", "task=t", tt.guilty), true)
				close(release)
				_, _ = other.Stop(ended())
			})
		})
	}
}

// Abandoned while it waits in the queue of a stuck loop, or with nothing but a
// deferral open: nothing to blame, and nothing to crash on.
func TestAbandonedAtOnce(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a, event.Abandoned, event.Completed)
		task := l.add(a, tasks.Registration{Name: "t", Grace: -1, Overlap: tasks.Parallel(0)}, func(_ context.Context, in *tasks.Instance) error {
			_, err := in.Deferral("open")
			return err
		})
		l.start(a)
		for range 3 {
			l.fire(task, nil)
		}
		l.pass(time.Second)
		l.want("canceled", task.Cancel(activation.Abort), 3)
		l.want("active", len(task.Explain().Active), 0)
		l.pass(time.Second)
		l.stop(a)
		l.want("told", len(story.list()), 6)
		l.want("logged with what was open", l.log.has("abandoned", "task=t", "deferrals=open"), true)
		l.want("logged with a stack that is none", l.log.has("abandoned", `stack=""`), false)
	})
}

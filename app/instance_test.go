package app_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

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

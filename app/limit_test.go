package app_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

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
		{"the task's is beyond the end of time", time.Second, math.MaxInt64 - time.Hour, time.Hour, 0},
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

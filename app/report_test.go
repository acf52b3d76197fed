package app_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/tasks"
)

// Everybody who stops the App waits, and is told the same.
func TestManyStopsGetOneReport(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error {
			_ = in.Sleep(time.Hour)
			l.sleep(3 * time.Second)
			return nil
		})
		l.start(a)
		l.fire(task, nil)
		l.idle(a)
		var mu sync.Mutex // guards the following
		var reports []*app.Report
		for i := range 8 {
			l.spawn(func() {
				l.sleep(time.Duration(i/2) * time.Second)
				r, err := a.Stop(context.Background())
				if err != nil {
					l.Errorf("Stop: %v", err)
				}
				l.want("it is", a.Clock().Now().Sub(dawn), 3*time.Second)
				mu.Lock()
				defer mu.Unlock()
				reports = append(reports, r)
			})
		}
		l.pass(time.Minute)
		l.want("reports", len(reports), 8)
		for _, r := range reports {
			l.want("report", r, reports[0])
		}
		l.want("it took", reports[0].Took, 3*time.Second)
	})
}

func TestReportTellsHowEachInstanceEnded(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		late := errors.New("half done")
		limited := tasks.Registration{Name: "limited", TimeLimit: 8 * time.Second}
		sleep := func(in *tasks.Instance) { _ = in.Sleep(time.Hour) }
		hold := func(in *tasks.Instance, why string, d time.Duration) {
			if d1, err := in.Deferral(why); err != nil {
				l.Error(err)
			} else {
				l.spawn(func() { l.sleep(d); d1.Complete() })
			}
		}
		var all []*app.Task
		for _, x := range []struct {
			r tasks.Registration
			h tasks.HandlerFunc
		}{
			{tasks.Registration{Name: "over before"}, func(context.Context, *tasks.Instance) error { return nil }},
			{tasks.Registration{Name: "heeds"}, func(_ context.Context, in *tasks.Instance) error { return in.Sleep(time.Hour) }},
			{tasks.Registration{Name: "slow"}, func(_ context.Context, in *tasks.Instance) error { sleep(in); l.sleep(3 * time.Second); return nil }},
			{tasks.Registration{Name: "fails"}, func(_ context.Context, in *tasks.Instance) error { sleep(in); return late }},
			{tasks.Registration{Name: "deaf"}, func(context.Context, *tasks.Instance) error { l.sleep(time.Hour); return nil }},
			{tasks.Registration{Name: "holds"}, func(_ context.Context, in *tasks.Instance) error {
				hold(in, "upload", time.Hour)
				hold(in, "cache", 12*time.Second)
				hold(in, "index", time.Hour)
				return nil
			}},
			{limited, func(_ context.Context, in *tasks.Instance) error { sleep(in); l.sleep(4 * time.Second); return nil }},
			{tasks.Registration{Name: "failed before"}, func(_ context.Context, in *tasks.Instance) error { hold(in, "rest", 3*time.Second); return late }},
		} {
			all = append(all, l.add(a, x.r, x.h))
		}
		l.start(a)
		for i, task := range all {
			if i == len(all)-1 {
				l.sleep(10 * time.Second)
			}
			l.fire(task, nil)
		}
		l.idleOrSleep(a, true)
		report, err := a.Stop(context.Background())
		l.want("stopped at", report.At.Sub(dawn), 11*time.Second)
		l.want("took", report.Took, 5*time.Second)
		l.want("untold", report.Untold, 0)
		l.want("unfinished", report.Unfinished, 0)
		canceled := func(r activation.Reason, err error) error { return &tasks.Canceled{Reason: r, Err: err} }
		abandoned := &tasks.Canceled{Reason: activation.Terminating, Abandoned: true}
		want := []app.Ending{
			{Task: "heeds", Activation: 2, Instance: 2, State: tasks.StateCanceled, Err: canceled(activation.Terminating, activation.Terminating)},
			{Task: "slow", Activation: 3, Instance: 3, State: tasks.StateCanceled, Err: canceled(activation.Terminating, nil), Heeded: 3 * time.Second},
			{Task: "fails", Activation: 4, Instance: 4, State: tasks.StateCanceled, Err: canceled(activation.Terminating, late)},
			{Task: "deaf", Activation: 5, Instance: 5, State: tasks.StateAbandoned, Err: abandoned, Heeded: 5 * time.Second},
			{
				Task: "holds", Activation: 6, Instance: 6, State: tasks.StateAbandoned, Err: abandoned, Heeded: 5 * time.Second,
				Open: []deferral.Open{{Why: "upload"}, {Why: "index"}},
			},
			{Task: "limited", Activation: 7, Instance: 7, State: tasks.StateCanceled, Err: canceled(activation.ExecutionTimeExceeded, nil), Heeded: 4 * time.Second},
			{Task: "failed before", Activation: 8, Instance: 8, State: tasks.StateFailed, Err: late},
		}
		text := func(e app.Ending) string {
			for i := range e.Open {
				e.Open[i].Stack = ""
			}
			var c *tasks.Canceled
			if errors.As(e.Err, &c) {
				return fmt.Sprintf("%+v, %+v", e, *c)
			}
			return fmt.Sprintf("%+v", e)
		}
		var got, wanted []string
		for _, e := range report.Instances {
			got = append(got, text(e))
		}
		for _, e := range want {
			wanted = append(wanted, text(e))
		}
		l.wantStory(got, wanted...)
		var stopErr *app.StopError
		if !errors.As(err, &stopErr) || stopErr.Report != report || !errors.Is(err, tasks.ErrAbandoned) {
			l.Errorf("Stop: got %v, want a *StopError with the report", err)
		}
		for _, name := range []string{"deaf", "holds", `"upload"`, `"index"`} {
			if !strings.Contains(err.Error(), name) {
				l.Errorf("%q is not named in: %v", name, err)
			}
		}
		for _, name := range []string{"heeds", "slow", "fails", "limited", "cache"} {
			if strings.Contains(err.Error(), name) {
				l.Errorf("%q was not late, but is named in: %v", name, err)
			}
			if name != "cache" && !strings.Contains(report.String(), name) {
				l.Errorf("%q is not in the report: %v", name, report)
			}
		}
		l.pass(2 * time.Hour) // until the deaf are over
	})
}

// An instance that failed and then did not let go of its deferrals within the
// grace is late as well.
func TestFailedInstanceCanBeLate(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error {
			_, err := in.Deferral("forgotten")
			return errors.Join(err, errGuilty)
		})
		l.start(a)
		if err := l.fire(task, nil).Wait(context.Background()); !errors.Is(err, errGuilty) {
			l.Errorf("outcome: %v", err)
		}
		report, err := a.Stop(context.Background())
		l.want("took", report.Took, 5*time.Second)
		if !errors.Is(err, tasks.ErrAbandoned) || !strings.Contains(err.Error(), `"forgotten"`) {
			l.Errorf("Stop: %v", err)
		}
		if len(report.Instances) != 1 || report.Instances[0].State != tasks.StateFailed || !errors.Is(report.Instances[0].Err, errGuilty) {
			l.Errorf("report: %v", report)
		}
	})
}

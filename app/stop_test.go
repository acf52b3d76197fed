package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// ended is a context that has.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

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

func TestStopWithAnEndedContextAbandonsAtOnce(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		deaf := l.add(a, tasks.Registration{Name: "deaf", Overlap: tasks.Parallel(0)}, func(context.Context, *tasks.Instance) error {
			l.sleep(time.Hour)
			return nil
		})
		l.start(a)
		l.fire(deaf, nil)
		l.fire(deaf, nil)
		l.pass(time.Second)
		report, err := a.Stop(ended())
		l.want("took", report.Took, time.Duration(0))
		l.want("instances", len(report.Instances), 2)
		for _, e := range report.Instances {
			l.want("state", e.State, tasks.StateAbandoned)
		}
		if !errors.Is(err, tasks.ErrAbandoned) {
			l.Errorf("Stop: %v", err)
		}
		l.pass(2 * time.Hour)
	})
}

// A Stop that hurries ends the waiting of one that does not.
func TestStopCanBeHurried(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		a := l.newApp(app.WithGrace(time.Hour))
		deaf := l.add(a, tasks.Registration{Name: "deaf"}, func(context.Context, *tasks.Instance) error {
			time.Sleep(2 * time.Hour)
			return nil
		})
		l.start(a)
		l.fire(deaf, nil)
		time.Sleep(time.Second)
		patient := make(chan *app.Report)
		go func() {
			r, _ := a.Stop(context.Background())
			patient <- r
		}()
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		report, _ := a.Stop(ctx)
		l.want("took", report.Took, 11*time.Second)
		l.want("the patient one's", <-patient, report)
		time.Sleep(3 * time.Hour)
	})
}

func TestFiringAroundStop(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		orders := trigger.NewApplication[int]()
		task := l.add(a, tasks.Registration{Name: "t", Trigger: orders}, func(_ context.Context, in *tasks.Instance) error {
			_ = in.Sleep(time.Hour)
			l.sleep(2 * time.Second)
			return nil
		})
		l.add(a, tasks.Registration{Name: "raised", Trigger: trigger.Custom("bell", trigger.Always)}, func(context.Context, *tasks.Instance) error { return nil })
		ctx := context.Background()
		check := func(when string, want activation.Result, wantErr error) {
			l.Helper()
			for call, fire := range map[string]func() (activation.Receipt, error){
				"Fire":    func() (activation.Receipt, error) { return task.Fire(ctx, 1) },
				"Request": func() (activation.Receipt, error) { return orders.Request(ctx, 1) },
			} {
				r, err := fire()
				if r.Result != want || !errors.Is(err, wantErr) {
					l.Errorf("%s %s: got %v, %v, want %v, %v", call, when, r.Result, err, want, wantErr)
				}
				if want == activation.Allowed {
					break // the second would find no place
				}
				if err := r.Wait(ctx); !errors.Is(err, app.ErrRefused) {
					l.Errorf("%s %s: Wait: got %v, want ErrRefused", call, when, err)
				}
			}
			if n, err := a.Raise(ctx, "bell", nil); !errors.Is(err, wantErr) || (n == 1) != (want == activation.Allowed) {
				l.Errorf("Raise %s: got %d, %v", when, n, err)
			}
		}
		check("before Run", activation.UnknownError, app.ErrNotRunning)
		l.start(a)
		check("while it runs", activation.Allowed, nil)
		l.idle(a)
		l.spawn(func() { l.stop(a) })
		l.pass(time.Second)
		check("while it stops", activation.DisabledByPolicy, nil)
		if _, err := a.Register(tasks.Registration{Name: "late", Trigger: silent()}); !errors.Is(err, app.ErrStopped) {
			l.Errorf("Register while it stops: %v", err)
		}
		l.want("Start while it stops", a.Start(ctx), app.ErrStopped)
		l.pass(2 * time.Second)
		if r, err := task.Fire(ctx, 1); r.Result != activation.UnknownError || !errors.Is(err, app.ErrNotRunning) {
			l.Errorf("Fire after it stopped: %v, %v", r.Result, err)
		}
		if _, err := orders.Request(ctx, 1); !errors.Is(err, app.ErrNotRunning) {
			l.Errorf("Request after it stopped: %v", err)
		}
		if _, err := a.Raise(ctx, "bell", nil); !errors.Is(err, app.ErrNotRunning) {
			l.Errorf("Raise after it stopped: %v", err)
		}
	})
}

func TestStopEndsWhatIsPending(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a, event.Completed)
		net := condition.NewFlag("net", false)
		ran := func(_ context.Context, in *tasks.Instance) error {
			if in.Activation() > 1 {
				l.Errorf("%s ran", in.Name())
			}
			return in.Sleep(time.Hour)
		}
		var receipts []activation.Receipt
		busy := l.add(a, tasks.Registration{Name: "busy", Keep: tasks.Every(3)}, ran)
		latched := l.add(a, tasks.Registration{Name: "latched", Conditions: []activation.Condition{net}}, ran)
		paused := l.add(a, tasks.Registration{Name: "paused", Trigger: trigger.Custom("bell", trigger.Always)}, ran)
		paused.Pause()
		l.start(a)
		for range 3 {
			receipts = append(receipts, l.fire(busy, nil))
		}
		for range 2 { // one, merged
			receipts = append(receipts, l.fire(latched, nil))
		}
		if n, err := a.Raise(context.Background(), "bell", nil); n != 1 || err != nil {
			l.Errorf("Raise: %d, %v", n, err)
		}
		l.idle(a)
		report, err := a.Stop(context.Background())
		if err != nil || len(report.Instances) != 1 {
			l.Errorf("Stop: %v, %v", report, err)
		}
		for _, r := range receipts {
			var c *tasks.Canceled
			if err := r.Wait(context.Background()); !errors.As(err, &c) || c.Reason != activation.Terminating {
				l.Errorf("activation %d: %v", r.ID, err)
			}
		}
		const why = `err="tasks: canceled: Terminating"`
		l.wantStory(story.list(),
			"0s busy completed act=2 n=1 "+why,
			"0s busy completed act=3 n=1 "+why,
			"0s latched completed act=4 n=2 "+why,
			"0s paused completed act=5 n=1 "+why,
			"0s busy completed act=1 inst=1 reason=Terminating n=1 "+why,
		)
	})
}

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

// goroutines are those that run code of this module, without the caller's.
func goroutines() []string {
	buf := make([]byte, 1<<20)
	var ours []string
	for i, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if i > 0 && strings.Contains(g, "bgloop/internal/seam") {
			ours = append(ours, g)
		}
	}
	return ours
}

// Until Run there is nothing to end: an App that is made and thrown away costs
// no goroutine.
func TestNoGoroutineBeforeRun(t *testing.T) {
	left := goroutines()
	for i := 0; i < 10_000 && len(left) > 0; i++ { // some are about to return
		runtime.Gosched()
		left = goroutines()
	}
	if len(left) > 0 {
		t.Fatalf("an earlier test left goroutines:\n%s", strings.Join(left, "\n\n"))
	}
	l := newLand(t, nil, nil, nil)
	a := app.New(app.WithLogger(l.log.logger()))
	var events, drops, disarmed atomic.Int32
	a.Observe(func(event.Event) { events.Add(1) })
	quick := func(context.Context, *tasks.Instance) error { return nil }
	trig := open{"x", func(p activation.Port) {
		p.Go(func(ctx context.Context) error { <-ctx.Done(); return nil })
		p.OnDisarm(func() { disarmed.Add(1) })
	}}
	task := l.add(a, tasks.Registration{Name: "t", Trigger: trig, Conditions: []activation.Condition{condition.NewFlag("x", true)}}, quick)
	if _, err := a.Replace(tasks.Registration{Name: "t", Trigger: trig}); err != nil {
		t.Fatal(err)
	}
	l.add(a, tasks.Registration{Name: "u", Trigger: trigger.Every(time.Nanosecond)}, quick)
	if _, err := task.Fire(context.Background(), dropper(func() { drops.Add(1) })); err == nil {
		t.Error("Fire before Run was accepted")
	}
	task.Pause()
	a.Unregister("u", true)
	if started := goroutines(); len(started) > 0 {
		t.Errorf("goroutines before Run:\n%s", strings.Join(started, "\n\n"))
	}
	if n := events.Load() + drops.Load() + disarmed.Load(); n > 0 {
		t.Errorf("callbacks before Run: %d", n)
	}
	// What could not be told before is told then.
	l.stop(a)
	l.want("events", events.Load() >= 5, true)
	l.want("drops", drops.Load(), int32(1))
	l.want("disarmed", disarmed.Load(), int32(2))
	wantNoGoroutines(t)
}

// wantNoGoroutines waits for goroutines that are on their way out.
func wantNoGoroutines(t *testing.T) {
	t.Helper()
	var left []string
	for range 100_000 {
		if left = goroutines(); len(left) == 0 {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("goroutines are left:\n%s", strings.Join(left, "\n\n"))
}

func TestNoGoroutineAfterStop(t *testing.T) {
	l := newLand(t, nil, nil, nil)
	clk := clock.NewVirtual(dawn)
	a := app.New(app.WithClock(clk), app.WithLogger(l.log.logger()))
	net := condition.NewFlag("net", true)
	orders := make(chan int)
	a.Observe(func(event.Event) {})
	work := func(ctx context.Context, in *tasks.Instance) error {
		child, cancel := context.WithCancel(ctx)
		defer cancel()
		context.AfterFunc(child, func() {})
		if err := in.Go(func(context.Context) error { return in.Sleep(time.Hour) }); err != nil {
			return err
		}
		return in.Await(func(ctx context.Context) error { <-ctx.Done(); return nil })
	}
	l.add(a, tasks.Registration{Name: "chan", Trigger: trigger.Chan(orders), Conditions: []activation.Condition{net}}, work)
	l.add(a, tasks.Registration{Name: "poll", Conditions: []activation.Condition{
		condition.Func("x", func(context.Context) bool { return true }, time.Second),
	}}, work)
	busy := l.add(a, tasks.Registration{Name: "busy", Overlap: tasks.Parallel(0)}, work)
	busy.OnCompleted(func(event.Event) {})
	l.start(a)
	for range 100 {
		l.fire(busy, nil)
	}
	orders <- 1
	report, err := a.Stop(context.Background())
	if err != nil || len(report.Instances) < 100 {
		t.Errorf("Stop: %d instances, %v", len(report.Instances), err)
	}
	wantNoGoroutines(t)
}

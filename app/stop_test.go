package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// ended is a context that has.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
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

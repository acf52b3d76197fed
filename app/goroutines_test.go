package app_test

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

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

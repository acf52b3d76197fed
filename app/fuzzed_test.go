package app_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A trigger may wait while it is armed, also when it is disarmed in the
// meantime: that waits in turn, and holds nobody else back.
func TestDisarmingWaitsForArming(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := new(lines)
		l.start(a)
		_, err := a.Register(tasks.Registration{Name: "t", Trigger: open{"x", func(p activation.Port) {
			p.OnArm(func() {
				a.Unregister("t", true)
				l.sleep(time.Second)
				story.add("armed")
			})
			p.OnDisarm(func() { story.add("disarmed") })
		}}})
		l.want("Register", err, nil)
		l.stop(a)
		l.wantStory(story.list(), "armed", "disarmed")
	})
}

// An instance that ends while it is being abandoned lets go of the slot that it
// holds once.
func TestHeldSlotIsReleasedOnce(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a, event.Abandoned, event.Released)
		end := make(chan struct{})
		task := l.add(a, tasks.Registration{Name: "t", Grace: time.Second, OnAbandon: tasks.HoldSlot},
			func(context.Context, *tasks.Instance) error { <-end; return nil })
		l.start(a)
		l.fire(task, nil)
		synctest.Wait() // it runs
		task.Cancel(activation.Abort)
		s := slowSchedule{make(chan struct{}), make(chan struct{})}
		go func() { _, _ = a.Register(tasks.Registration{Name: "slow", Trigger: s}) }()
		<-s.entered // nothing is decided from now on
		close(end)
		synctest.Wait()
		time.Sleep(2 * time.Second)
		s.leave <- struct{}{}
		l.idle(a)
		l.wantStory(story.list(), "1s t abandoned act=1 inst=1 reason=Abort", "1s t released act=1 inst=1")
		l.stop(a)
	})
}

// So does one whose last deferral is completed while it is being abandoned.
func TestHeldSlotIsReleasedOnceByADeferral(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a, event.Released)
		r := tasks.Registration{Name: "t", Grace: time.Second, OnAbandon: tasks.HoldSlot, Overlap: tasks.Parallel(0)}
		end := make(chan struct{})
		task := l.add(a, r, func(_ context.Context, in *tasks.Instance) error {
			d, err := in.Deferral("foreign")
			go func() { <-end; d.Complete() }()
			return err
		})
		l.start(a)
		for range 200 {
			l.fire(task, nil)
		}
		l.pass(time.Second)
		task.Cancel(activation.Abort)
		time.Sleep(time.Second) // which is the grace
		close(end)
		l.idle(a)
		l.want("released", len(story.list()), len(slices.Compact(slices.Sorted(slices.Values(story.list())))))
		l.stop(a)
	})
}

// What is due when Apply is called is done before it: it concerns the
// registration that was.
func TestApplyComesAfterWhatIsDue(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		clk := &lateClock{Virtual: clock.NewVirtual(dawn)}
		a := l.newApp(app.WithClock(clk))
		story := chronicle(a, event.Registered, event.Fired, event.Changed, event.Unregistered)
		var disarmed atomic.Int32
		after := open{"x", func(p activation.Port) {
			_ = trigger.After(time.Minute).Arm(p)
			p.OnDisarm(func() { disarmed.Add(1) })
		}}
		polled := condition.Func("f", func(context.Context) bool { return false }, time.Hour)
		l.start(a)
		l.add(a, tasks.Registration{Name: "polled", Trigger: after, Conditions: []activation.Condition{polled}}, nil)
		l.add(a, tasks.Registration{Name: "window", Trigger: trigger.OneShot(trigger.Window(after, time.Second)), Conditions: []activation.Condition{polled}}, nil)
		clk.Advance(time.Hour)
		plan, err := a.Apply([]tasks.Registration{{Name: "polled", Trigger: after}, {Name: "window", Trigger: after}})
		l.want("Apply", err, nil)
		l.want("plan", plan.String(), "~ polled: trigger object, conditions [func(f, every 1h0m0s)] -> []\n+ window: x")
		l.idle(a)
		l.wantStory(story.list(),
			"0s polled registered n=1",
			"0s window registered n=2",
			"1h0m0s polled fired act=1",
			"1h0m0s window fired act=2",
			"1h0m0s window unregistered n=2",
			"1h0m0s polled changed n=1 \"trigger object, conditions [func(f, every 1h0m0s)] -> []\"",
			"1h0m0s window registered n=3",
			"1h0m0s polled unregistered n=1",
		)
		l.stop(a)
		l.want("disarmed", disarmed.Load(), int32(4))
	})
}

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
	"github.com/bgloop/bgloop/tasks"
)

// 1: two limits, first in line blocked by the second
func TestProbeCapHang(t *testing.T) {
	inLandOfCoroutines(t, 1, func(l *land) {
		a := l.newApp(app.WithCap(2), app.WithKeyCap("db", 1))
		c := chronicle(a)
		nap := func(d time.Duration) tasks.HandlerFunc {
			return func(_ context.Context, in *tasks.Instance) error { return in.Sleep(d) }
		}
		x := l.add(a, tasks.Registration{Name: "x", Key: "db"}, nap(10*time.Second))
		y := l.add(a, tasks.Registration{Name: "y"}, nap(5*time.Second))
		tt := l.add(a, tasks.Registration{Name: "t", Key: "db"}, nap(time.Second))
		u := l.add(a, tasks.Registration{Name: "u"}, nap(time.Second))
		l.start(a)
		l.fire(x, nil)
		l.fire(y, nil)
		l.fire(tt, nil)
		l.fire(u, nil)
		l.pass(20 * time.Second)
		for _, s := range c.list() {
			t.Log(s)
		}
		l.stop(a)
	})
}

// 2: Apply changes the priority of one in line
func TestProbePriorityInLine(t *testing.T) {
	inLandOfCoroutines(t, 1, func(l *land) {
		a := l.newApp(app.WithCap(1))
		c := chronicle(a)
		a.SetOnBackgroundActivated(func(_ context.Context, in *tasks.Instance) error { return in.Sleep(time.Second) })
		x := l.add(a, tasks.Registration{Name: "x"}, nil)
		y := l.add(a, tasks.Registration{Name: "y"}, nil)
		z := l.add(a, tasks.Registration{Name: "z"}, nil)
		l.start(a)
		l.fire(x, nil)
		l.fire(y, nil)
		l.fire(z, nil)
		_, err := a.Apply([]tasks.Registration{{Name: "x", Trigger: silent()}, {Name: "y", Trigger: silent(), Priority: -5}, {Name: "z", Trigger: silent()}})
		l.want("err", err, nil)
		l.pass(20 * time.Second)
		for _, s := range c.list() {
			t.Log(s)
		}
		l.stop(a)
	})
}

func TestProbeOneShotCancel(t *testing.T) {
	inLandOfCoroutines(t, 1, func(l *land) {
		a := l.newApp()
		c := chronicle(a)
		a.SetOnBackgroundActivated(func(_ context.Context, in *tasks.Instance) error { return errors.New("no") })
		r := tasks.Registration{Name: "x", Keep: tasks.Every(2), Overlap: tasks.Parallel(2), Retry: tasks.Retry{Attempts: 3, Jitter: -1}}
		x := l.add(a, r, nil)
		l.start(a)
		l.fire(x, nil)
		l.fire(x, nil)
		l.pass(100 * time.Millisecond)
		r.Trigger = trigger.At(dawn.Add(time.Hour))
		p, err := a.Apply([]tasks.Registration{r})
		t.Log(p, err)
		x.Cancel(activation.Abort)
		for _, s := range c.list() {
			t.Log(s)
		}
		l.stop(a)
	})
}

func TestProbeStopApp(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		a := l.newApp()
		rel := make(chan bool)
		x := l.add(a, tasks.Registration{Name: "x", OnAbandon: tasks.StopApp, TimeLimit: time.Second}, func(context.Context, *tasks.Instance) error { <-rel; return nil })
		done := make(chan error)
		go func() { done <- a.Run(context.Background()) }()
		l.pass(time.Second)
		l.fire(x, nil)
		err := <-done
		t.Log(err)
		rp, err := a.Stop(context.Background())
		t.Log(rp, err)
		close(rel)
	})
}

func TestProbeApplyMove(t *testing.T) {
	inLandOfCoroutines(t, 1, func(l *land) {
		a := l.newApp()
		c := chronicle(a)
		req := trigger.NewApplication[string]()
		l.add(a, tasks.Registration{Name: "x", Trigger: req}, nil)
		l.start(a)
		p, err := a.Apply([]tasks.Registration{{Name: "y", Trigger: req}, {Name: "x", Trigger: silent()}})
		t.Log(p, err)
		r, err := req.Request(context.Background(), "s")
		t.Log(r, err, a.IsRegistered("y"))
		for _, s := range c.list() {
			t.Log(s)
		}
		l.stop(a)
	})
}

func TestProbeLoopLimit(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		a := l.newApp()
		c := chronicle(a)
		x := l.add(a, tasks.Registration{Name: "x", OnLoop: true}, func(context.Context, *tasks.Instance) error { time.Sleep(10 * time.Second); return nil })
		y := l.add(a, tasks.Registration{Name: "y", OnLoop: true, TimeLimit: 3 * time.Second}, nothing)
		l.start(a)
		l.fire(x, nil)
		l.fire(y, nil)
		l.pass(time.Minute)
		for _, s := range c.list() {
			if len(s) > 200 {
				s = s[:200]
			}
			t.Log(s)
		}
		l.stop(a)
	})
}

type anyPort struct {
	name string
	n    int
	ps   []activation.Port
}

func (p *anyPort) String() string { return p.name }
func (p *anyPort) Arm(po activation.Port) error {
	p.ps = append(p.ps, po)
	for range p.n {
		p.ps = append(p.ps, po.Branch())
	}
	return nil
}

func TestProbeOldPort(t *testing.T) {
	inLandOfCoroutines(t, 1, func(l *land) {
		a := l.newApp()
		one := &anyPort{name: "one", n: 3}
		two := &anyPort{name: "two"}
		a.SetOnBackgroundActivated(nothing)
		l.add(a, tasks.Registration{Name: "x", Trigger: one}, nil)
		l.start(a)
		p, err := a.Apply([]tasks.Registration{{Name: "x", Trigger: two}})
		t.Log(p, err)
		r, err := one.ps[3].Fire(context.Background(), nil)
		t.Log(r, err)
		l.stop(a)
	})
}

type tellMe struct {
	tells []func(bool)
}

func (p *tellMe) String() string { return "me" }
func (p *tellMe) Arm(tell func(bool), po activation.Port) error {
	p.tells = append(p.tells, tell)
	tell(true)
	return nil
}

func TestProbeOldCondition(t *testing.T) {
	inLandOfCoroutines(t, 1, func(l *land) {
		a := l.newApp()
		me := &tellMe{}
		f := condition.NewFlag("f", true)
		a.SetOnBackgroundActivated(nothing)
		l.add(a, tasks.Registration{Name: "x", Trigger: silent(), Conditions: []activation.Condition{me, f}}, nil)
		l.start(a)
		p, err := a.Apply([]tasks.Registration{{Name: "x", Trigger: silent(), Conditions: []activation.Condition{f}}})
		t.Log(p, err)
		me.tells[0](false)
		t.Log(a.Explain("x"))
		l.stop(a)
	})
}


func TestProbeAfterCompletion(t *testing.T) {
	inLandOfCoroutines(t, 1, func(l *land) {
		a := l.newApp()
		c := chronicle(a)
		a.SetOnBackgroundActivated(func(_ context.Context, in *tasks.Instance) error { return in.Sleep(time.Minute) })
		l.add(a, tasks.Registration{Name: "x", Trigger: trigger.AfterCompletion(time.Second)}, nil)
		l.start(a)
		l.pass(10 * time.Second)
		p, err := a.Apply([]tasks.Registration{{Name: "x", Trigger: trigger.AfterCompletion(time.Second), TimeLimit: time.Hour}})
		t.Log(p, err)
		l.pass(100 * time.Second)
		for _, s := range c.list() {
			t.Log(s)
		}
		l.stop(a)
	})
}

func TestProbeSnooze(t *testing.T) {
	inLandOfCoroutines(t, 1, func(l *land) {
		a := l.newApp()
		c := chronicle(a)
		n := 0
		x := l.add(a, tasks.Registration{Name: "x"}, func(_ context.Context, in *tasks.Instance) error {
			if n++; n > 1 {
				return nil
			}
			d, _ := in.Deferral("d")
			l.spawn(func() { l.sleep(time.Second); d.Complete() })
			return tasks.Snooze(10 * time.Second)
		})
		y := l.add(a, tasks.Registration{Name: "y", TimeLimit: time.Second}, func(_ context.Context, in *tasks.Instance) error {
			_ = in.Sleep(time.Hour)
			return tasks.Snooze(10 * time.Second)
		})
		l.start(a)
		l.fire(x, nil)
		l.fire(y, nil)
		l.pass(100 * time.Second)
		for _, s := range c.list() {
			t.Log(s)
		}
		l.stop(a)
	})
}

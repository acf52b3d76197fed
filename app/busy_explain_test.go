package app_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

func TestExplainOfAnUnknownName(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		l.add(a, tasks.Registration{Name: "t"}, nothing)
		l.want("App", a.Explain("none").String(), `Task "none" is not registered.`)
		l.want("empty", a.Explain("").String(), `Task "" is not registered.`)
		l.want("Group", a.Group("g").Explain("t").String(), `Task "g/t" is not registered.`)
		l.start(a)
		l.pass(time.Minute)
		x := a.Explain("none")
		l.want("registered", x.Registered, false)
		l.want("at", since(x.At), "1m0s")
		l.stop(a)
		l.want("after Stop", a.Explain("none").Registered, false)
	})
}

// The counters add up, and only so many outcomes are remembered.
func TestCountersAndHistory(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		requests := trigger.NewApplication[string]()
		task := l.add(a, tasks.Registration{Name: "t", Trigger: requests, Retry: exactly(2, time.Second), TimeLimit: time.Minute, Grace: time.Second},
			func(_ context.Context, in *tasks.Instance) error {
				switch in.Details() {
				case "fail":
					return fmt.Errorf("attempt %d: %w", in.Attempt(), errDisk)
				case "sleep":
					return in.Sleep(time.Hour)
				case "deaf":
					l.sleep(time.Hour)
				}
				return nil
			})
		l.start(a)
		do := func(what string, cancel activation.Reason) {
			l.Helper()
			r, err := requests.Request(context.Background(), what)
			l.want("Request", fmt.Sprint(r.Result, err), "Allowed <nil>")
			if cancel != 0 {
				l.pass(10 * time.Second)
				l.want("canceled", task.Cancel(cancel), 1)
			}
			_ = r.Wait(context.Background())
			l.pass(time.Second)
		}
		for range 5 {
			do("ok", 0)
		}
		do("fail", 0)
		do("sleep", activation.EnergySaver)
		do("sleep", activation.EnergySaver)
		do("deaf", activation.Abort)
		do("ok", 0)
		task.Pause()
		for range 3 {
			r, _ := requests.Request(context.Background(), "")
			l.want("Request", r.Result, activation.DisabledByPolicy)
		}
		task.Resume()
		x := task.Explain()
		want := tasks.Counts{Fired: 10, Refused: 3, Started: 11, Succeeded: 6, Failed: 2, Retried: 1, Abandoned: 1}
		want.Canceled[activation.EnergySaver], want.Canceled[activation.Abort] = 2, 1
		l.want("counts", x.Counts, want)
		var got []string
		for _, o := range x.History {
			if o.Started.Before(o.Due) || o.Ended.Before(o.Started) {
				l.Errorf("due %v, started %v, ended %v", o.Due, o.Started, o.Ended)
			}
			got = append(got, fmt.Sprintf("act=%d inst=%d attempt=%d %v %v %v", o.Activation, o.Instance, o.Attempt, o.State, o.Reason.String(), o.Ended.Sub(o.Started)))
		}
		l.wantStory(got,
			"act=10 inst=11 attempt=1 succeeded none 0s",
			"act=9 inst=10 attempt=1 abandoned Abort 11s",
			"act=8 inst=9 attempt=1 canceled EnergySaver 10s",
			"act=7 inst=8 attempt=1 canceled EnergySaver 10s",
			"act=6 inst=7 attempt=2 failed none 0s",
			"act=6 inst=6 attempt=1 failed none 0s",
			"act=5 inst=5 attempt=1 succeeded none 0s",
			"act=4 inst=4 attempt=1 succeeded none 0s",
		)
		l.want("text", x.String(), `Task "t" is not due: nothing has fired its trigger, application(string). Its last attempt succeeded 1s ago. 3 firings were refused.`)
		l.stop(a)
		l.pass(2 * time.Hour)
	})
}

// A filter that is always at fault fills no memory.
func TestFaultsAreBounded(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		faulted := chronicle(a, event.Faulted)
		task := l.add(a, tasks.Registration{Name: "t", Trigger: badFilter{}}, nothing)
		l.start(a)
		for i := range 100 {
			r, err := task.Fire(context.Background(), nil)
			l.want(fmt.Sprint("Fire ", i), fmt.Sprint(r.Result, err), "DisabledByPolicy <nil>")
		}
		l.idle(a)
		l.want("told", len(faulted.list()), 100)
		l.want("remembered", len(task.Explain().Faults), 8)
		l.want("refused", task.Explain().Counts.Refused, uint64(100))
		l.stop(a)
	})
}

type badFilter struct{}

func (badFilter) String() string                                           { return "faulty" }
func (badFilter) Arm(p activation.Port) error                              { p.Filter(badFilter{}); return nil }
func (badFilter) Pass(activation.Phase, time.Time) (at time.Time, ok bool) { panic("oh") }

// A snapshot is of one instant, and in order.
func TestSnapshot(t *testing.T) {
	everywhere(t, func(l *land) {
		a, net := l.newApp(app.WithCap(2)), condition.NewFlag("net", false)
		work := sleeper(time.Minute)
		a.SetOnBackgroundActivated(work)
		l.want("new", a.Snapshot().String(), "The app is new; active instances: 0; events that were not told: 0.")
		for _, id := range []string{"z", "h"} {
			g := a.Group(id)
			g.SetOnBackgroundActivated(work)
			for _, name := range []string{"b", "a"} {
				if _, err := g.Register(tasks.Registration{Name: name, Trigger: trigger.Every(30 * time.Second), Priority: len(id + name)}); err != nil {
					l.Fatal(err)
				}
			}
		}
		l.fireAfterStart(a, l.add(a, tasks.Registration{Name: "t", Conditions: conditions(net)}, nil))
		l.pass(40 * time.Second)
		s := a.Snapshot()
		var names []string
		for _, x := range s.Tasks {
			names = append(names, x.Group+"/"+x.Task)
			l.want("at", x.At, s.At)
		}
		l.want("order", strings.Join(names, " "), "/t h/a h/b z/a z/b")
		l.want("state", s.State, "running")
		l.want("active", s.Active, 2)
		l.want("illegal", s.Illegal, uint64(0))
		active, pending := 0, 0
		for _, x := range s.Tasks {
			active += len(x.Active)
			pending += len(x.Pending)
		}
		l.want("active and pending", fmt.Sprint(active, pending), "2 3")
		text := s.String()
		for _, want := range []string{
			"The app is running; active instances: 2; events that were not told: 0.",
			`Task "t" is due and waits for its conditions: flag(net); it has waited for 40s.`,
			"for room under a cap: app; it has waited for 10s.",
		} {
			if !strings.Contains(text, want) {
				l.Errorf("the snapshot does not say %q:\n%s", want, text)
			}
		}
		l.stop(a)
		l.want("stopped", a.Snapshot().State, "stopped")
		l.want("stopped", a.Explain("t").String(), `Task "t" will not run: the app is stopping or has stopped.`)
	})
}

func (l *land) fireAfterStart(a *app.App, task *app.Task) {
	l.Helper()
	l.start(a)
	l.fire(task, nil)
}

// It can be asked from everywhere, at any time: while the App is asked from
// elsewhere, stopping, or stuck.
func TestExplainFromEverywhere(t *testing.T) {
	everywhere(t, func(l *land) {
		a, asked := l.newApp(), new(lines)
		net := condition.NewFlag("net", true)
		ask := func(from string) {
			asked.add("%s", from)
			for _, name := range []string{"t", "loop", "none"} {
				x := a.Explain(name)
				l.want(from+": registered", x.Registered, name != "none")
			}
			task, _ := a.Task("t")
			l.want(from+": both say", task.Explain().Task, a.Explain("t").Task)
			s := a.Snapshot()
			l.want(from+": tasks", len(s.Tasks), 2)
			_ = s.String() + a.String()
		}
		asking := condition.Func("asks", func(context.Context) bool { ask("condition"); return true }, time.Hour)
		h := func(from string) tasks.HandlerFunc {
			return func(_ context.Context, in *tasks.Instance) error {
				ask(from)
				_ = in.Canceled(func(activation.Reason) { ask("Canceled of " + from) })
				return in.Go(func(ctx context.Context) error {
					ask("Go of " + from)
					l.sleep(time.Minute)
					return ctx.Err()
				})
			}
		}
		task := l.add(a, tasks.Registration{Name: "t", Conditions: conditions(net, asking)}, h("handler"))
		task.OnCompleted(func(event.Event) { ask("OnCompleted") })
		loop := l.add(a, tasks.Registration{Name: "loop", OnLoop: true}, h("loop"))
		a.Observe(func(e event.Event) {
			if e.Kind != event.Unregistered {
				ask("observer of " + e.Kind.String())
			}
		})
		ask("before Start")
		l.start(a)
		l.fire(task, droppable(func() {}))
		l.fire(loop, nil)
		l.pass(time.Second) // both run: of the next two firings one takes the place of the other
		l.fire(task, droppable(func() { ask("Drop") }))
		l.fire(task, nil)
		l.pass(30 * time.Second)
		_, err := a.Stop(context.Background())
		l.want("Stop is late", err != nil, true)
		ask("after Stop")
		for _, from := range []string{
			"before Start", "condition", "handler", "Go of handler", "Canceled of handler", "OnCompleted", "loop", "Go of loop", "Canceled of loop",
			"Drop", "observer of canceling", "observer of abandoned", "after Stop",
		} {
			if !asked.has(from) {
				l.Errorf("nobody has asked from %q", from)
			}
		}
		l.pass(time.Hour)
	})
}

type droppable func()

func (d droppable) Drop() { d() }

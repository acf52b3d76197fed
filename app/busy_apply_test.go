package app_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// An applier is an App or a Group.
type applier interface {
	Apply([]tasks.Registration) (app.Plan, error)
	Plan([]tasks.Registration) (app.Plan, error)
}

// apply applies, and wants it to be done.
func apply(l *land, a applier, desired ...tasks.Registration) app.Plan {
	l.Helper()
	p, err := a.Apply(desired)
	if err != nil {
		l.Fatalf("Apply: %v", err)
	}
	return p
}

// state is everything that Apply could have changed.
func state(a *app.App) string {
	s := a.Snapshot()
	for i := range s.Tasks {
		s.Tasks[i].At = time.Time{}
	}
	return fmt.Sprintf("%+v", s.Tasks)
}

func TestPlanSaysWhatApplyDoes(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		a.SetOnBackgroundActivated(nothing)
		regs := []tasks.Registration{
			{Name: "z", Trigger: trigger.Every(time.Minute)},
			{Name: "a", Trigger: silent(), TimeLimit: time.Minute},
			{Name: "m", Trigger: trigger.Cron("0 4 * * *")},
		}
		plan := func(want ...string) {
			l.Helper()
			before := state(a)
			p, err := a.Plan(regs)
			l.want("Plan", err, nil)
			l.want("Plan has changed something", state(a), before)
			l.wantStory(strings.Split(p.String(), "\n"), want...)
			l.want("it changes something", p.Changes(), slices.ContainsFunc(want, func(s string) bool { return s != "" && s[0] != '=' }))
			got := apply(l, a, regs...)
			l.want("Apply's plan", got.String(), p.String())
			after, err := a.Plan(regs)
			l.want("Plan", err, nil)
			l.want("nothing is left to do", after.Changes(), false)
		}
		told := chronicle(a, event.Registered, event.Unregistered, event.Changed)
		plan("+ a: custom(never)", "+ m: cron(0 4 * * *)", "+ z: every(1m0s)")
		l.start(a)
		plan("= a", "= m", "= z")
		regs = append(regs[:2:2], tasks.Registration{Name: "b", Trigger: silent()})
		regs[0].Trigger, regs[0].Priority = trigger.Every(time.Hour), 3
		plan("= a", "+ b: custom(never)", "- m: cron(0 4 * * *)", "~ z: trigger every(1m0s) -> every(1h0m0s), priority 0 -> 3")
		regs = nil
		plan("- a: custom(never)", "- b: custom(never)", "- z: every(1h0m0s)")
		plan("")
		l.stop(a)
		l.wantStory(told.list(),
			"0s z registered n=1", "0s a registered n=2", "0s m registered n=3",
			"0s m unregistered n=3", `0s z changed n=1 "trigger every(1m0s) -> every(1h0m0s), priority 0 -> 3"`, "0s b registered n=4",
			"0s z unregistered n=1", "0s a unregistered n=2", "0s b unregistered n=4",
		)
	})
}

// Whatever differs is told, and nothing that does not.
func TestWhatAChangeIs(t *testing.T) {
	net, other, request := condition.NewFlag("net", true), condition.NewFlag("net", true), trigger.NewApplication[int]()
	base := tasks.Registration{Name: "t", Trigger: request, Conditions: conditions(net)}
	tests := []struct {
		change func(*tasks.Registration)
		want   string
	}{
		{func(*tasks.Registration) {}, "= t"},
		{func(r *tasks.Registration) { r.Conditions = conditions(net) }, "= t"},
		{func(r *tasks.Registration) { r.Trigger = trigger.Every(time.Hour) }, "~ t: trigger application(int) -> every(1h0m0s)"},
		{func(r *tasks.Registration) { r.Trigger = trigger.NewApplication[int]() }, "~ t: trigger object"},
		{func(r *tasks.Registration) { r.Conditions = nil }, "~ t: conditions [flag(net)] -> []"},
		{func(r *tasks.Registration) { r.Conditions = conditions(net, net) }, "~ t: conditions [flag(net)] -> [flag(net) flag(net)]"},
		{func(r *tasks.Registration) { r.Conditions = conditions(other) }, "~ t: condition objects"},
		{func(r *tasks.Registration) { r.KeepOnConditionLoss = true }, "~ t: keep on condition loss false -> true"},
		{func(r *tasks.Registration) { r.TimeLimit = time.Minute }, "~ t: time limit 0s -> 1m0s"},
		{func(r *tasks.Registration) { r.Grace = -1 }, "~ t: grace 0s -> -1ns"},
		{func(r *tasks.Registration) { r.Keep = tasks.Every(2) }, "~ t: keep Default -> Every(2)"},
		{func(r *tasks.Registration) { r.Overlap = tasks.Skip }, "~ t: overlap Wait -> Skip"},
		{func(r *tasks.Registration) { r.Missed = tasks.MissedAll(2) }, "~ t: missed MissedOnce -> MissedAll(2)"},
		{func(r *tasks.Registration) { r.Retry = exactly(2, time.Second) }, "~ t: retry {0 0s 0s 0} -> {2 1s 0s -1}"},
		{func(r *tasks.Registration) { r.OnAbandon = tasks.StopApp }, "~ t: on abandon FreeSlot -> StopApp"},
		{func(r *tasks.Registration) { r.OnLoop = true }, "~ t: on loop false -> true"},
		{func(r *tasks.Registration) { r.Priority = -1 }, "~ t: priority 0 -> -1"},
		{func(r *tasks.Registration) { r.Key = "db" }, "~ t: key  -> db"},
	}
	a := app.New(app.WithLogger(quiet()))
	if _, err := a.Apply(list(base)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		r := base
		tt.change(&r)
		p, err := a.Plan(list(r))
		if err != nil || p.String() != tt.want {
			t.Errorf("got %q, %v, want %q", p, err, tt.want)
		}
	}
}

// On any error nothing has happened, to none of the tasks.
func TestApplyIsAllOrNothing(t *testing.T) {
	held, free := trigger.NewApplication[string](), trigger.NewApplication[string]()
	outside := trigger.NewApplication[string]()
	reg := func(name string, tr activation.Trigger) tasks.Registration {
		return tasks.Registration{Name: name, Trigger: tr}
	}
	tests := []struct {
		name string
		bad  []tasks.Registration
		want error
	}{
		{"invalid", list(reg("", silent())), tasks.ErrNoName},
		{"no trigger", list(reg("x", nil)), tasks.ErrNoTrigger},
		{"trigger refuses", list(reg("x", trigger.Every(-1))), trigger.ErrInterval},
		{"too often", list(reg("x", trigger.Every(time.Second))), app.ErrTooOften},
		{"needs a host", list(tasks.Registration{Name: "x", Trigger: silent(), EntryPoint: "y"}), app.ErrNeedsHost},
		{"one name twice", list(reg("x", silent()), reg("x", silent())), app.ErrRegistered},
		{"one trigger for two", list(reg("x", free), reg("y", free)), app.ErrExclusive},
		{"one trigger twice", list(reg("x", trigger.Any(free, free))), app.ErrExclusive},
		{"a trigger of one that is left", list(reg("left", held), reg("x", held)), app.ErrExclusive},
		{"a trigger of one that changes and keeps it", list(tasks.Registration{Name: "left", Trigger: held, Priority: 1}, reg("x", held)), app.ErrExclusive},
		{"a trigger of another group", list(reg("x", outside)), app.ErrExclusive},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, first := range []bool{true, false} {
				everywhere(t, func(l *land) {
					a := l.newApp(app.WithMinimumInterval(time.Minute))
					a.SetOnBackgroundActivated(sleeper(time.Hour))
					a.Group("g").SetOnBackgroundActivated(nothing)
					story := chronicle(a)
					l.add(a, reg("left", held), nil)
					gone := l.add(a, reg("gone", trigger.Every(time.Hour)), nil)
					l.add(a, reg("changed", trigger.Every(time.Hour)), nil)
					if _, err := a.Group("g").Register(reg("left", outside)); err != nil {
						l.Fatal(err)
					}
					l.start(a)
					l.fire(gone, nil)
					l.fire(gone, nil)
					l.pass(time.Minute)
					before, told := state(a), len(story.list())
					good := list(tasks.Registration{Name: "changed", Trigger: trigger.Every(2 * time.Hour)}, reg("new", silent()))
					desired := append(slices.Clone(tt.bad), good...)
					if !first {
						desired = append(good, tt.bad...)
					}
					for _, do := range []func([]tasks.Registration) (app.Plan, error){a.Plan, a.Apply} {
						if p, err := do(desired); !errors.Is(err, tt.want) {
							l.Errorf("got %v, %v, want %v", p, err, tt.want)
						}
						l.idle(a)
						l.want("state", state(a), before)
						l.want("events", len(story.list()), told)
					}
					for _, tr := range []*trigger.Application[string]{held, outside} {
						if r, err := tr.Request(context.Background(), ""); err != nil || r.Result != activation.Allowed {
							l.Errorf("Request: %v, %v", r.Result, err)
						}
					}
					if _, err := free.Request(context.Background(), ""); !errors.Is(err, app.ErrUnbound) {
						l.Errorf("Request of what was not accepted: %v", err)
					}
					l.stop(a)
					if _, err := a.Apply(nil); !errors.Is(err, app.ErrStopped) {
						l.Errorf("Apply after Stop: %v", err)
					}
					if _, err := a.Plan(nil); !errors.Is(err, app.ErrStopped) {
						l.Errorf("Plan after Stop: %v", err)
					}
				})
			}
		})
	}
}

// Equal text, same trigger: its phase goes on. Another text, another trigger.
func TestApplyAndThePhase(t *testing.T) {
	const minute = time.Minute
	limited := func(tr activation.Trigger) activation.Trigger { return trigger.Limit(tr, 4) }
	tests := []struct {
		name        string
		before, now activation.Trigger
		dues        string // applied at 25 minutes
	}{
		{"same", trigger.Every(10 * minute), trigger.Every(10 * minute), "10m0s 20m0s | 30m0s 40m0s 50m0s 1h0m0s"},
		{"another", trigger.Every(10 * minute), trigger.Every(15 * minute), "10m0s 20m0s | 40m0s 55m0s"},
		{"same, limited", limited(trigger.Every(10 * minute)), limited(trigger.Every(10 * minute)), "10m0s 20m0s | 30m0s 40m0s"},
		{"another, limited", limited(trigger.Every(10 * minute)), limited(trigger.Every(5 * minute)), "10m0s 20m0s | 30m0s 35m0s 40m0s 45m0s"},
		{
			"same, any", trigger.Any(limited(trigger.Every(10*minute)), trigger.Every(25*minute)), trigger.Any(limited(trigger.Every(10*minute)), trigger.Every(25*minute)),
			"10m0s 20m0s 25m0s | 30m0s 40m0s 50m0s",
		},
		{"same, cron", trigger.Cron("*/20 * * * *"), trigger.Cron("*/20 * * * *"), "20m0s | 40m0s 1h0m0s"},
		{"same, after completion", trigger.AfterCompletion(7 * minute), trigger.AfterCompletion(7 * minute), "7m0s 17m0s | 27m0s 37m0s 47m0s 57m0s"},
		{"same, once", trigger.At(dawn.Add(40 * minute)), trigger.At(dawn.Add(40 * minute)), "| 40m0s"},
		{"spent, then another", trigger.At(dawn.Add(23 * minute)), trigger.At(dawn.Add(40 * minute)), "23m0s | 40m0s"},
		{"spent, then the same", trigger.At(dawn.Add(23 * minute)), trigger.At(dawn.Add(23 * minute)), "23m0s |"},
		{"endless, then once", trigger.Every(8 * minute), trigger.At(dawn.Add(40 * minute)), "8m0s 16m0s 24m0s | 40m0s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a, dues := l.newApp(), new(lines)
				a.Observe(func(e event.Event) {
					if e.Kind == event.Fired || e.Kind == event.Faulted {
						dues.add("%v", e.Due.Sub(dawn).Truncate(time.Second))
					}
				})
				r := tasks.Registration{Name: "t", Trigger: tt.before}
				task := l.add(a, r, sleeper(3*minute)) // some run when Apply comes
				l.start(a)
				l.pass(25*minute + time.Millisecond)
				dues.add("|")
				id, counts := task.ID(), task.Explain().Counts
				r.Trigger, r.Priority = tt.now, 1
				apply(l, a, r)
				l.want("ID", task.ID(), id)
				l.want("counts", task.Explain().Counts, counts)
				l.pass(35*minute + time.Second)
				l.want("due times", strings.Join(dues.list(), " "), tt.dues)
				l.want("it stands", a.IsRegistered("t"), !strings.HasPrefix(tt.now.String(), "at("))
				l.stop(a)
			})
		})
	}
}

// What is pending stays, whatever the trigger; what no longer holds it lets it
// go.
func TestApplyAndWhatIsPending(t *testing.T) {
	net := condition.NewFlag("net", false)
	tests := []struct {
		name   string
		change func(*tasks.Registration)
		starts string // applied at one second; the first takes ten
	}{
		{"nothing", func(*tasks.Registration) {}, "0s d0"},
		{"conditions", func(r *tasks.Registration) { r.Conditions = nil }, "0s d0 10s d1 20s d2"},
		{"overlap", func(r *tasks.Registration) { r.Overlap = tasks.Parallel(2) }, "0s d0"},
		{"conditions and overlap", func(r *tasks.Registration) { r.Overlap, r.Conditions = tasks.Parallel(2), nil }, "0s d0 1s d1 10s d2"},
		{"conditions, overlap and trigger", func(r *tasks.Registration) {
			r.Overlap, r.Conditions, r.Trigger = tasks.Parallel(0), nil, trigger.Every(time.Hour)
		}, "0s d0 1s d1 1s d2"},
		{"conditions, and replace", func(r *tasks.Registration) { r.Overlap, r.Conditions = tasks.Replace, nil }, "0s d0 1s d2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a, starts := l.newApp(), new(lines)
				net.Set(true)
				r := tasks.Registration{Name: "t", Trigger: silent(), Keep: tasks.Every(5), Conditions: conditions(net), KeepOnConditionLoss: true}
				task := l.add(a, r, func(_ context.Context, in *tasks.Instance) error {
					starts.add("%s %s", since(a.Clock().Now()), in.Details().(*freight).name)
					in.Details().(*freight).handled.Add(1)
					return in.Sleep(10 * time.Second)
				})
				l.start(a)
				var all []*freight
				for i := range 3 {
					all = append(all, &freight{name: fmt.Sprintf("d%d", i)})
					l.fire(task, all[i])
				}
				l.pass(500 * time.Millisecond)
				net.Set(false)
				l.pass(500 * time.Millisecond)
				tt.change(&r)
				apply(l, a, r)
				l.pass(time.Minute)
				got := starts.list()
				slices.SortStableFunc(got, byTimeThenName)
				l.want("starts", strings.Join(got, " "), tt.starts)
				l.stop(a)
				for _, c := range all {
					if c.handled.Load()+c.dropped.Load() != 1 {
						l.Errorf("%s: %s", c.name, c.fate())
					}
				}
			})
		})
	}
}

// What runs goes on as it began; what starts next is as applied.
func TestApplyAndWhatRuns(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a, event.Started, event.Canceling, event.Ended)
		r := tasks.Registration{Name: "t", Trigger: silent(), TimeLimit: 20 * time.Second}
		task := l.add(a, r, sleeper(time.Hour))
		l.start(a)
		l.fire(task, nil)
		l.fire(task, nil)
		l.pass(10 * time.Second)
		r.TimeLimit, r.Trigger = 5*time.Second, trigger.Every(time.Hour)
		apply(l, a, r)
		l.pass(time.Minute)
		got, _ := a.Task("t")
		l.want("the task", got, task)
		apply(l, a) // and what runs of one that is removed finishes
		l.stop(a)
		l.wantStory(story.list(),
			"0s t started act=1 inst=1",
			"20s t canceling act=1 inst=1 reason=ExecutionTimeExceeded",
			`20s t ended act=1 inst=1 reason=ExecutionTimeExceeded err="tasks: canceled: ExecutionTimeExceeded"`,
			"20s t started act=2 inst=2",
			"25s t canceling act=2 inst=2 reason=ExecutionTimeExceeded",
			`25s t ended act=2 inst=2 reason=ExecutionTimeExceeded err="tasks: canceled: ExecutionTimeExceeded"`,
		)
	})
}

// A change to a one-shot while something of before runs, waits or is canceled:
// only the one-shot's own end is the task's.
func TestApplyOneShotWhileOthersArePending(t *testing.T) {
	everywhere(t, func(l *land) {
		a, story := l.newApp(), new(lines)
		a.Observe(func(e event.Event) {
			if e.Kind == event.Completed || e.Kind == event.Unregistered {
				story.add("%v %s act=%d", e.At.Sub(dawn), e.Kind, e.Activation)
			}
		})
		r := tasks.Registration{Name: "t", Trigger: silent(), Keep: tasks.Every(5), Overlap: tasks.Parallel(0), Retry: exactly(2, time.Hour)}
		task := l.add(a, r, func(_ context.Context, in *tasks.Instance) error {
			if in.Details() == nil {
				return nil
			}
			return errDisk
		})
		l.start(a)
		for range 3 {
			l.fire(task, "fails")
		}
		l.pass(time.Second)
		r.Trigger = trigger.At(dawn.Add(time.Minute))
		apply(l, a, r)
		l.pass(time.Second)
		l.want("canceled", task.Cancel(activation.Abort), 3)
		l.pass(time.Hour)
		l.stop(a)
		l.want("told", strings.Join(story.list()[3:], ", "), "1m0s completed act=4, 1m0s unregistered act=0")
	})
}

// The same, when the one-shot's own activation waits for another attempt as well.
func TestCancelOfAOneShotAndOthers(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a, event.Completed, event.Unregistered)
		r := tasks.Registration{Name: "t", Trigger: silent(), Keep: tasks.Every(5), Overlap: tasks.Parallel(0), Retry: exactly(2, time.Hour)}
		task := l.add(a, r, func(context.Context, *tasks.Instance) error { return errDisk })
		l.start(a)
		l.fire(task, nil)
		l.fire(task, nil)
		l.pass(time.Second)
		r.Trigger = trigger.At(dawn.Add(time.Minute))
		apply(l, a, r)
		l.pass(time.Minute)
		l.want("canceled", task.Cancel(activation.Abort), 3)
		l.idle(a)
		l.wantStory(story.list(),
			`1m1s t completed act=1 inst=1 n=1 err="tasks: canceled: Abort"`,
			`1m1s t completed act=2 inst=2 n=1 err="tasks: canceled: Abort"`,
			`1m1s t completed act=3 inst=3 n=1 err="tasks: canceled: Abort"`,
			"1m1s t unregistered n=1",
		)
		l.stop(a)
	})
}

// A new object in the old one's place serves the task, and the old one nobody.
func TestApplyANewApplicationTrigger(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		first, second := trigger.NewApplication[string](), trigger.NewApplication[string]()
		got := new(lines)
		r := tasks.Registration{Name: "t", Trigger: first}
		task := l.add(a, r, func(_ context.Context, in *tasks.Instance) error {
			got.add("%s %v", since(a.Clock().Now()), in.Details())
			return in.Sleep(10 * time.Second)
		})
		l.start(a)
		request := func(tr *trigger.Application[string], v string, want error) {
			l.Helper()
			if _, err := tr.Request(context.Background(), v); !errors.Is(err, want) {
				l.Errorf("Request %s: %v, want %v", v, err, want)
			}
		}
		request(first, "one", nil)
		request(first, "two", nil) // pending
		r.Trigger = second
		l.want("plan", apply(l, a, r).String(), "~ t: trigger object")
		request(first, "lost", app.ErrUnbound)
		l.pass(15 * time.Second)
		request(second, "three", nil)
		l.pass(10 * time.Second)
		r.Trigger = first // and back
		apply(l, a, r)
		request(second, "lost", app.ErrUnbound)
		request(first, "four", nil)
		l.pass(time.Minute)
		l.want("fired", task.Explain().Counts.Fired, uint64(4))
		l.wantStory(got.list(), "0s one", "10s two", "20s three", "30s four")
		l.stop(a)
	})
}

// A trigger that serves one registration at a time goes from one to another in
// one Apply, whatever the order in which they are named.
func TestApplyMovesATrigger(t *testing.T) {
	reg := func(name string, tr activation.Trigger) tasks.Registration {
		return tasks.Registration{Name: name, Trigger: tr}
	}
	x, y := trigger.NewApplication[string](), trigger.NewApplication[string]()
	tests := []struct {
		name        string
		before, now []tasks.Registration
		x, y        string // whom they serve then
	}{
		{"to a new one, from one that goes", list(reg("a", x)), list(reg("b", x)), "b", ""},
		{"to a new one, from one that changes", list(reg("a", x)), list(reg("a", silent()), reg("b", x)), "b", ""},
		{"to an older one", list(reg("a", silent()), reg("b", x)), list(reg("a", x), reg("b", silent())), "a", ""},
		{"to an older one, from one that goes", list(reg("a", silent()), reg("b", x)), list(reg("a", x)), "a", ""},
		{"swapped", list(reg("a", x), reg("b", y)), list(reg("a", y), reg("b", x)), "b", "a"},
		{"round", list(reg("a", x), reg("b", y), reg("c", silent())), list(reg("a", silent()), reg("b", x), reg("c", y)), "b", "c"},
		{"round, with a new one", list(reg("a", x), reg("b", y)), list(reg("c", y), reg("b", x)), "b", "c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, backward := range []bool{false, true} {
				everywhere(t, func(l *land) {
					a, served := l.newApp(), new(lines)
					a.SetOnBackgroundActivated(func(_ context.Context, in *tasks.Instance) error {
						served.add("%s %s", in.Details(), in.Name())
						return nil
					})
					l.start(a)
					apply(l, a, tt.before...)
					now := slices.Clone(tt.now)
					if backward {
						slices.Reverse(now)
					}
					apply(l, a, now...)
					l.pass(time.Second) // OnDisarm of the old has run as well
					for _, s := range []struct {
						tr   *trigger.Application[string]
						name string
						to   string
					}{{x, "x", tt.x}, {y, "y", tt.y}} {
						_, err := s.tr.Request(context.Background(), s.name)
						if s.to == "" != (err != nil) {
							l.Errorf("Request of %s: %v", s.name, err)
						}
						l.idle(a)
						if s.to != "" && !served.has(s.name+" "+s.to) {
							l.Errorf("%s does not serve %s: %v", s.name, s.to, served.list())
						}
					}
					var names []string
					for task := range a.All() {
						names = append(names, task.Name())
					}
					l.want("registered", len(names), len(tt.now))
					l.stop(a)
				})
			}
		})
	}
}

// A group is applied by itself.
func TestApplyInAGroup(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		g, h := a.Group("g"), a.Group("h")
		reg := tasks.Registration{Name: "t", Trigger: trigger.Every(time.Hour)}
		for _, x := range []applier{a, g, h} {
			l.want("plan", apply(l, x, reg).String(), "+ t: every(1h0m0s)")
		}
		l.start(a)
		before := state(a)
		l.want("plan", apply(l, a, reg).String(), "= t")
		l.want("state", state(a), before)
		apply(l, g)
		l.want("gone", g.IsRegistered("t"), false)
		l.want("the App's", a.IsRegistered("t"), true)
		l.want("another's", h.IsRegistered("t"), true)
		apply(l, a)
		l.want("the App's", a.IsRegistered("t"), false)
		l.want("another's", h.IsRegistered("t"), true)
		l.stop(a)
	})
}

// Before Run it is what counts then.
func TestApplyBeforeRun(t *testing.T) {
	everywhere(t, func(l *land) {
		a, net := l.newApp(), condition.NewFlag("net", false)
		a.SetOnBackgroundActivated(nothing)
		story := chronicle(a, event.Fired, event.Started)
		apply(l, a, tasks.Registration{Name: "t", Trigger: trigger.Every(time.Hour)}, tasks.Registration{Name: "u", Trigger: trigger.Every(time.Second)})
		l.pass(10 * time.Minute)
		net.Set(true)
		apply(l, a, tasks.Registration{Name: "t", Trigger: trigger.Every(time.Minute), Conditions: conditions(net)})
		net.Set(false)
		l.pass(10 * time.Minute)
		l.start(a)
		l.pass(90 * time.Second)
		net.Set(true)
		l.pass(time.Second)
		l.stop(a)
		l.wantStory(story.list(), "21m0s t fired act=1", "21m30s t started act=1 inst=1")
	})
}

// A wire is a trigger and a condition that can be used at any time, as a bad one
// would: it keeps all its ports.
type wire struct {
	name     string
	branches int
	ports    []activation.Port
	tell     []func(bool)
	armed    int
	disarmed int
	going    int
}

func (w *wire) String() string { return w.name }

func (w *wire) Arm(p activation.Port) error {
	w.ports = append(w.ports, p)
	for range w.branches {
		w.ports = append(w.ports, p.Branch())
	}
	p.OnArm(func() { w.armed++ })
	p.OnDisarm(func() { w.disarmed++ })
	p.Go(func(ctx context.Context) error { w.going++; return nil })
	return nil
}

type wireCondition struct{ *wire }

func (w wireCondition) Arm(tell func(bool), p activation.Port) error {
	w.tell = append(w.tell, tell)
	w.wire.tell = w.tell
	w.ports = append(w.ports, p)
	w.wire.ports = w.ports
	tell(true)
	return nil
}

// What comes from a trigger or a condition that has been replaced is about
// nothing that stands: it is not taken for news of its successor.
func TestApplyIsDeafToWhatIsReplaced(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		a.SetOnBackgroundActivated(nothing)
		old, now := &wire{name: "old", branches: 3}, &wire{name: "new"}
		lost, kept := wireCondition{&wire{name: "lost"}}, wireCondition{&wire{name: "kept"}}
		r := tasks.Registration{Name: "t", Trigger: old, Conditions: conditions(lost, lost, kept)}
		task := l.add(a, r, nil)
		l.start(a)
		l.pass(time.Millisecond)
		fires := func(p activation.Port, want error) {
			l.Helper()
			if _, err := p.Fire(context.Background(), nil); !errors.Is(err, want) {
				l.Errorf("Fire: %v, want %v", err, want)
			}
			l.idle(a)
		}
		fires(old.ports[3], nil)
		polls := 0
		old.ports[0].After(time.Minute, func() { polls++ })
		l.idle(a)

		r.Trigger, r.Conditions = now, conditions(kept)
		apply(l, a, r)
		l.pass(time.Millisecond)
		l.want("old was armed, disarmed, went", fmt.Sprint(old.armed, old.disarmed, old.going), "1 1 1")
		l.want("new was armed, disarmed, went", fmt.Sprint(now.armed, now.disarmed, now.going), "1 0 1")
		c := new(freight)
		if _, err := old.ports[1].Fire(context.Background(), c); !errors.Is(err, app.ErrUnbound) {
			l.Errorf("Fire: %v", err)
		}
		for _, p := range old.ports {
			fires(p, app.ErrUnbound)
			p.After(time.Minute, func() { polls++ })
		}
		for _, tell := range lost.wire.tell {
			tell(false)
		}
		kept.wire.tell[0](false) // of the former one
		l.idle(a)
		l.want("unmet", len(task.Explain().Unmet), 0)
		fires(now.ports[0], nil)
		l.pass(time.Hour)
		l.want("polls", polls, 0)
		kept.wire.tell[1](false)
		l.idle(a)
		l.want("unmet", fmt.Sprint(task.Explain().Unmet), "[kept]")
		l.want("dropped", c.dropped.Load(), int32(1))
		l.want("started", task.Explain().Counts.Started, uint64(2))
		l.stop(a)
		l.want("old was armed, disarmed, went", fmt.Sprint(old.armed, old.disarmed, old.going), "1 1 1")
		l.want("new was armed, disarmed, went", fmt.Sprint(now.armed, now.disarmed, now.going), "1 1 1")
	})
}

// A channel that two registrations of one task have received from, one after the
// other, loses nothing.
func TestApplyAChannelAnew(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		a, c := l.newApp(), make(chan int)
		got := map[int]int{}
		r := tasks.Registration{Name: "t", Trigger: trigger.Chan(c)}
		a.HandleFunc("t", func(_ context.Context, in *tasks.Instance) error {
			got[in.Details().(int)]++
			return in.Sleep(time.Second)
		})
		apply(l, a, r)
		l.start(a)
		const n = 50
		go func() {
			for i := range n {
				c <- i
			}
			close(c)
		}()
		for i := range 40 {
			l.sleep(700 * time.Millisecond)
			r.Priority = i
			r.Trigger = trigger.Chan(c)
			apply(l, a, r)
		}
		l.pass(time.Hour)
		for i := range n {
			l.want(fmt.Sprint("value ", i), got[i], 1)
		}
		l.stop(a)
	})
}

// It is legal everywhere.
func TestApplyFromInside(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		done := new(lines)
		change := func(from string, n int) {
			p, err := a.Apply(list(tasks.Registration{Name: "t", Trigger: trigger.Every(time.Minute), Priority: n}))
			done.add("%s %s %v", from, p, err)
		}
		task := l.add(a, tasks.Registration{Name: "t", Trigger: trigger.Every(time.Minute)}, func(context.Context, *tasks.Instance) error {
			change("handler", 1)
			return nil
		})
		task.OnCompleted(func(event.Event) { change("observer", 2) })
		l.start(a)
		l.pass(61 * time.Second)
		l.wantStory(done.list(), "handler ~ t: priority 0 -> 1 <nil>", "observer ~ t: priority 1 -> 2 <nil>")
		l.stop(a)
	})
}

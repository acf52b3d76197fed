package app_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A freight is details that own something.
type freight struct {
	name    string
	handled atomic.Int32 // by how many attempts
	dropped atomic.Int32
}

func (c *freight) Drop() { c.dropped.Add(1) }

// fate says what became of it.
func (c *freight) fate() string {
	return fmt.Sprintf("handled %d, dropped %d", c.handled.Load(), c.dropped.Load())
}

// since is a time of the story, as people say it.
func since(at time.Time) string { return at.Sub(dawn).String() }

// Four firings, a second apart, at a task whose instances take ten seconds, and
// one and a half to heed a cancel. Whatever the policies, each freight reaches a
// handler or is dropped, once.
func TestKeepTimesOverlap(t *testing.T) {
	const newest, oldest = tasks.Newest, tasks.Oldest
	tests := []struct {
		keep    tasks.Keep
		overlap tasks.Overlap
		answers string
		story   []string
	}{
		{newest, tasks.Wait, "AAAA", []string{"0s d1 x1", "10s d4 x3"}},
		{oldest, tasks.Wait, "AAAA", []string{"0s d1 x1", "10s d2 x3"}},
		{tasks.Every(2), tasks.Wait, "AAAC", []string{"0s d1 x1", "10s d2 x1", "20s d3 x1"}},
		{newest, tasks.Skip, "ACCC", []string{"0s d1 x1"}},
		{oldest, tasks.Skip, "ACCC", []string{"0s d1 x1"}},
		{tasks.Every(2), tasks.Skip, "ACCC", []string{"0s d1 x1"}},
		{newest, tasks.Replace, "AAAA", []string{"0s d1 x1", "2.5s d3 x2", "4.5s d4 x1"}},
		{oldest, tasks.Replace, "AAAA", []string{"0s d1 x1", "2.5s d2 x2", "4.5s d4 x1"}},
		// Each is replaced by the next, d2 before its handler began.
		{tasks.Every(2), tasks.Replace, "AAAA", []string{"0s d1 x1", "2.5s d3 x1", "4.5s d4 x1"}},
		{newest, tasks.Parallel(2), "AAAA", []string{"0s d1 x1", "1s d2 x1", "10s d4 x2"}},
		{oldest, tasks.Parallel(2), "AAAA", []string{"0s d1 x1", "1s d2 x1", "10s d3 x2"}},
		{tasks.Every(2), tasks.Parallel(2), "AAAA", []string{"0s d1 x1", "1s d2 x1", "10s d3 x1", "11s d4 x1"}},
		{tasks.Every(1), tasks.Parallel(2), "AAAC", []string{"0s d1 x1", "1s d2 x1", "10s d3 x1"}},
		{newest, tasks.Parallel(0), "AAAA", []string{"0s d1 x1", "1s d2 x1", "2s d3 x1", "3s d4 x1"}},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%v, %v", tt.keep, tt.overlap), func(t *testing.T) {
			everywhere(t, func(l *land) {
				a, story := l.newApp(), new(lines)
				task := l.add(a, tasks.Registration{Name: "t", Keep: tt.keep, Overlap: tt.overlap},
					func(_ context.Context, in *tasks.Instance) error {
						c := in.Details().(*freight)
						c.handled.Add(1)
						story.add("%s %s x%d", since(a.Clock().Now()), c.name, in.Merged())
						err := in.Sleep(10 * time.Second)
						if err != nil {
							l.sleep(1500 * time.Millisecond)
						}
						return err
					})
				l.start(a)
				var all []*freight
				answers := ""
				for i := range 4 {
					c := &freight{name: fmt.Sprintf("d%d", i+1)}
					all = append(all, c)
					r, err := task.Fire(context.Background(), c)
					l.want("error", err, nil)
					answers += r.Result.String()[:1]
					l.sleep(time.Second)
				}
				l.pass(time.Hour)
				l.want("answers", answers, tt.answers)
				l.wantStory(story.list(), tt.story...)
				for _, c := range all {
					if c.handled.Load()+c.dropped.Load() != 1 {
						l.Errorf("%s: %s", c.name, c.fate())
					}
				}
				l.stop(a)
			})
		})
	}
}

// runs is a handler for every task: it notes the start and takes as long as its
// details say.
func runs(a *app.App, story *lines) tasks.HandlerFunc {
	return func(_ context.Context, in *tasks.Instance) error {
		story.add("%s %s", since(a.Clock().Now()), in.Name())
		d, _ := in.Details().(time.Duration)
		return in.Sleep(d)
	}
}

func TestCaps(t *testing.T) {
	second := time.Second
	type firing struct {
		task  string
		takes time.Duration
	}
	reg := func(name string, priority int, key string) tasks.Registration {
		return tasks.Registration{Name: name, Priority: priority, Key: key, Keep: tasks.Every(9)}
	}
	tests := []struct {
		name    string
		opts    []app.Option
		tasks   []tasks.Registration // a name with a / is of a group
		firings []firing
		story   []string
	}{
		{
			"of the App, by priority, then by age",
			[]app.Option{app.WithCap(1)},
			[]tasks.Registration{reg("a", 0, ""), reg("b", 5, ""), reg("c", -1, ""), reg("d", 5, ""), reg("e", 0, ""), reg("x", 0, "")},
			[]firing{{"x", 10 * second}, {"e", second}, {"c", second}, {"d", second}, {"b", second}, {"a", second}},
			[]string{"0s x", "10s d", "11s b", "12s e", "13s a", "14s c"},
		},
		{
			"of the App, age is the activation's",
			[]app.Option{app.WithCap(1)},
			[]tasks.Registration{reg("a", 0, ""), reg("b", 0, ""), reg("x", 0, "")},
			[]firing{{"x", 10 * second}, {"b", second}, {"a", second}, {"b", second}, {"a", second}, {"x", second}},
			[]string{"0s x", "10s b", "11s a", "12s b", "13s a", "14s x"},
		},
		{
			"of the App, more than one",
			[]app.Option{app.WithCap(2)},
			[]tasks.Registration{reg("a", 0, ""), reg("b", 0, ""), reg("c", 0, ""), reg("d", 0, "")},
			[]firing{{"a", 5 * second}, {"b", 7 * second}, {"c", 3 * second}, {"d", second}},
			[]string{"0s a", "0s b", "5s c", "7s d"},
		},
		{
			"of a group",
			[]app.Option{app.WithGroupCap("g", 1)},
			[]tasks.Registration{reg("g/a", 0, ""), reg("g/b", 0, ""), reg("h/c", 0, ""), reg("d", 0, "")},
			[]firing{{"g/a", 5 * second}, {"g/b", second}, {"h/c", second}, {"d", second}},
			[]string{"0s a", "0s c", "0s d", "5s b"},
		},
		{
			"of a key, in whatever group",
			[]app.Option{app.WithKeyCap("db", 1), app.WithKeyCap("", 1)},
			[]tasks.Registration{reg("a", 0, "db"), reg("g/b", 0, "db"), reg("c", 0, "net"), reg("d", 0, "net")},
			[]firing{{"a", 5 * second}, {"g/b", second}, {"c", second}, {"d", second}},
			[]string{"0s a", "0s c", "0s d", "5s b"},
		},
		{
			"none",
			[]app.Option{app.WithCap(0), app.WithCap(-1), app.WithGroupCap("g", 0), app.WithKeyCap("db", -1)},
			[]tasks.Registration{reg("a", 0, "db"), reg("g/b", 0, "db"), reg("c", 0, "")},
			[]firing{{"a", second}, {"g/b", second}, {"c", second}},
			[]string{"0s a", "0s b", "0s c"},
		},
		{
			// t is the first in the App's line, but its key is taken: it must
			// neither be started nor keep u from it.
			"two, and the first in line is held by the other",
			[]app.Option{app.WithCap(2), app.WithKeyCap("db", 1)},
			[]tasks.Registration{reg("x", 0, "db"), reg("y", 0, ""), reg("t", 0, "db"), reg("u", 0, "")},
			[]firing{{"x", 10 * second}, {"y", 5 * second}, {"t", second}, {"u", 2 * second}},
			[]string{"0s x", "0s y", "5s u", "10s t"},
		},
		{
			"three",
			[]app.Option{app.WithCap(2), app.WithGroupCap("g", 1), app.WithKeyCap("db", 1)},
			[]tasks.Registration{reg("g/a", 0, "db"), reg("g/b", 9, ""), reg("c", 5, "db"), reg("d", 1, ""), reg("e", 0, "")},
			[]firing{{"g/a", 5 * second}, {"e", 3 * second}, {"c", 2 * second}, {"d", 4 * second}, {"g/b", second}},
			[]string{"0s a", "0s e", "3s d", "5s b", "6s c"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a, story := l.newApp(tt.opts...), new(lines)
				a.SetOnBackgroundActivated(runs(a, story))
				all := map[string]*app.Task{}
				for _, r := range tt.tasks {
					all[r.Name] = registerAt(l, a, r, runs(a, story))
				}
				l.start(a)
				var receipts []activation.Receipt
				for _, f := range tt.firings {
					receipts = append(receipts, l.fire(all[f.task], f.takes))
				}
				for _, r := range receipts {
					l.want("outcome", r.Wait(context.Background()), nil)
				}
				got := story.list()
				slices.SortStableFunc(got, byTimeThenName)
				l.wantStory(got, tt.story...)
				l.stop(a)
			})
		})
	}
}

// registerAt registers a task with the App, or with the group before the / in
// its name.
func registerAt(l *land, a *app.App, r tasks.Registration, override tasks.HandlerFunc) *app.Task {
	l.Helper()
	r.Trigger = silent()
	where := app.Registrar(a)
	if len(r.Name) > 2 && r.Name[1] == '/' {
		g := a.Group(r.Name[:1])
		g.SetOnBackgroundActivated(override)
		where, r.Name = g, r.Name[2:]
	}
	task, err := where.Register(r)
	if err != nil {
		l.Fatal(err)
	}
	return task
}

// byTimeThenName orders lines that begin with a time: those of one instant come
// in any order.
func byTimeThenName(x, y string) int {
	var a, b string
	var s, u string
	_, _ = fmt.Sscan(x, &a, &s)
	_, _ = fmt.Sscan(y, &b, &u)
	d, _ := time.ParseDuration(a)
	e, _ := time.ParseDuration(b)
	switch {
	case d != e:
		return int(d - e)
	case s < u:
		return -1
	case s > u:
		return 1
	}
	return 0
}

// Whoever leaves the line makes way; what he waits for then is told; when he
// comes back his age counts.
func TestLeavingTheLineOfACap(t *testing.T) {
	tests := []struct {
		name        string
		leave, back func(a *app.App, net *condition.Flag, first *app.Task)
		story       []string
	}{
		{
			"condition falls",
			func(_ *app.App, net *condition.Flag, _ *app.Task) { net.Set(false) },
			func(_ *app.App, net *condition.Flag, _ *app.Task) { net.Set(true) },
			[]string{
				"0s hold started act=1 inst=1", "0s first waiting act=2 for=cap", "0s second waiting act=3 for=cap", "0s third waiting act=4 for=cap",
				"1s first waiting act=2 for=condition", "10s second started act=3 inst=2", "11s first waiting act=2 for=cap",
				"20s first started act=2 inst=3", "30s third started act=4 inst=4",
			},
		},
		{
			"paused",
			func(_ *app.App, _ *condition.Flag, first *app.Task) { first.Pause() },
			func(_ *app.App, _ *condition.Flag, first *app.Task) { first.Resume() },
			[]string{
				"0s hold started act=1 inst=1", "0s first waiting act=2 for=cap", "0s second waiting act=3 for=cap", "0s third waiting act=4 for=cap",
				"1s first waiting act=2 for=resume", "10s second started act=3 inst=2", "11s first waiting act=2 for=cap",
				"20s first started act=2 inst=3", "30s third started act=4 inst=4",
			},
		},
		{
			"unregistered",
			func(_ *app.App, _ *condition.Flag, first *app.Task) { first.Unregister(true) },
			func(*app.App, *condition.Flag, *app.Task) {},
			[]string{
				"0s hold started act=1 inst=1", "0s first waiting act=2 for=cap", "0s second waiting act=3 for=cap", "0s third waiting act=4 for=cap",
				`1s first completed act=2 n=1 err="tasks: canceled: Abort"`, "10s second started act=3 inst=2", "20s third started act=4 inst=3",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a, net := l.newApp(app.WithCap(1)), condition.NewFlag("net", true)
				story := chronicle(a, event.Started, event.Waiting)
				a.Observe(func(e event.Event) {
					if e.Kind == event.Completed && e.Err != nil {
						story.add("%v %s", e.At.Sub(dawn), e)
					}
				})
				a.SetOnBackgroundActivated(func(_ context.Context, in *tasks.Instance) error { return in.Sleep(10 * time.Second) })
				var first *app.Task
				l.start(a)
				for _, r := range []tasks.Registration{{Name: "hold"}, {Name: "first", Priority: 1, Conditions: []activation.Condition{net}}, {Name: "second"}, {Name: "third"}} {
					task := l.add(a, r, nil)
					l.fire(task, nil)
					if r.Name == "first" {
						first = task
					}
				}
				l.pass(time.Second)
				tt.leave(a, net, first)
				l.pass(10 * time.Second)
				tt.back(a, net, first)
				l.pass(time.Hour)
				l.wantStory(story.list(), tt.story...)
				l.stop(a)
			})
		})
	}
}

// Apply moves a task in the line it waits in, and out of it.
func TestApplyWhileHeldAtACap(t *testing.T) {
	tests := []struct {
		name   string
		change func(*tasks.Registration) // of "low", accepted before "mid"
		story  []string
	}{
		{"nothing", func(*tasks.Registration) {}, []string{"0s hold", "10s low", "20s mid"}},
		{"priority up", func(r *tasks.Registration) { r.Priority = 3 }, []string{"0s hold", "10s low", "20s mid"}},
		{"priority down", func(r *tasks.Registration) { r.Priority = -3 }, []string{"0s hold", "10s mid", "20s low"}},
		{"another key", func(r *tasks.Registration) { r.Key = "free" }, []string{"0s hold", "1s low", "10s mid"}},
		{"no key", func(r *tasks.Registration) { r.Key = "" }, []string{"0s hold", "1s low", "10s mid"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a, story := l.newApp(app.WithKeyCap("db", 1), app.WithKeyCap("free", 1)), new(lines)
				a.SetOnBackgroundActivated(runs(a, story))
				l.start(a)
				regs := []tasks.Registration{{Name: "hold", Key: "db"}, {Name: "low", Key: "db"}, {Name: "mid", Key: "db"}}
				for i := range regs {
					regs[i].Trigger = silent()
					l.fire(l.add(a, regs[i], nil), 10*time.Second)
				}
				l.pass(time.Second)
				tt.change(&regs[1])
				if _, err := a.Apply(regs); err != nil {
					l.Fatal(err)
				}
				l.pass(time.Hour)
				l.wantStory(story.list(), tt.story...)
				l.stop(a)
			})
		})
	}
}

// What holds a slot holds a cap, abandoned or not; what waits for a retry does
// not.
func TestWhoHoldsACap(t *testing.T) {
	busy := errors.New("busy")
	tests := []struct {
		name string
		r    tasks.Registration
		h    func(l *land, in *tasks.Instance) error
		next string // when the next task starts
	}{
		{"retrying", tasks.Registration{Retry: tasks.Retry{Attempts: 2, Backoff: time.Hour}}, func(_ *land, in *tasks.Instance) error {
			_ = in.Sleep(2 * time.Second)
			return busy
		}, "2s"},
		{"deferred", tasks.Registration{}, func(_ *land, in *tasks.Instance) error {
			return in.Go(func(context.Context) error { return in.Sleep(4 * time.Second) })
		}, "4s"},
		{"failed, deferral open", tasks.Registration{}, func(_ *land, in *tasks.Instance) error {
			_ = in.Go(func(context.Context) error { _ = in.Sleep(time.Hour); return nil })
			return busy // which ends the sleep
		}, "0s"},
		{"abandoned, FreeSlot", tasks.Registration{TimeLimit: time.Second}, func(l *land, _ *tasks.Instance) error {
			l.sleep(20 * time.Second)
			return nil
		}, "6s"},
		{"abandoned, HoldSlot", tasks.Registration{TimeLimit: time.Second, OnAbandon: tasks.HoldSlot}, func(l *land, _ *tasks.Instance) error {
			l.sleep(20 * time.Second)
			return nil
		}, "20s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a, story := l.newApp(app.WithCap(1)), new(lines)
				tt.r.Name = "first"
				first := l.add(a, tt.r, func(_ context.Context, in *tasks.Instance) error { return tt.h(l, in) })
				next := l.add(a, tasks.Registration{Name: "next"}, runs(a, story))
				l.start(a)
				l.fire(first, nil)
				l.fire(next, time.Second)
				l.pass(time.Minute)
				l.wantStory(story.list(), tt.next+" next")
				l.stop(a)
			})
		})
	}
}

// A crowd of tasks under three kinds of caps, with conditions that flap, pauses
// and changes: no cap is exceeded, and every activation comes to its end.
func TestNothingIsLostUnderCaps(t *testing.T) {
	bounds, peaks := map[string]int{"app": 4, "group": 2, "key db": 2, "key net": 1}, map[string]int{}
	story := func(seed uint64) func(*land) {
		return func(l *land) {
			for k, peak := range crowd(l, seed) {
				peaks[k] = max(peaks[k], peak)
				if bound, bounded := bounds[k]; bounded && peak > bound {
					l.Errorf("seed %d: %s: %d at once, want %d", seed, k, peak, bound)
				}
			}
		}
	}
	for seed := range uint64(30) {
		inLandOfCoroutines(t, seed, story(seed))
	}
	inLandOfGoroutines(t, story(99))
	for k, bound := range bounds {
		if peaks[k] < bound {
			t.Errorf("%s: never more than %d at once", k, peaks[k])
		}
	}
}

// crowd returns how many of each kind were active at once.
func crowd(l *land, seed uint64) map[string]int {
	r := rand.New(rand.NewPCG(seed, 0))
	a := l.newApp(app.WithCap(4), app.WithGroupCap("g", 2), app.WithKeyCap("db", 2), app.WithKeyCap("net", 1))
	var mu sync.Mutex // guards the following
	active, peak := map[string]int{}, map[string]int{}
	count := func(n int, keys ...string) {
		mu.Lock()
		defer mu.Unlock()
		for _, k := range keys {
			active[k] += n
			peak[k] = max(peak[k], active[k])
		}
	}
	flags := []*condition.Flag{condition.NewFlag("f", true), condition.NewFlag("g", false)}
	regs := make([]tasks.Registration, 12)
	all := make([]*app.Task, len(regs))
	for i := range regs {
		regs[i] = tasks.Registration{
			Name: fmt.Sprintf("t%d", i), Priority: r.IntN(3), Key: []string{"", "db", "net"}[r.IntN(3)], Trigger: silent(),
			Keep: tasks.Every(1000), Overlap: tasks.Parallel(1 + r.IntN(3)), KeepOnConditionLoss: true,
		}
		if r.IntN(2) == 0 {
			regs[i].Conditions = []activation.Condition{flags[r.IntN(2)]}
		}
		key, group := regs[i].Key, i%2 == 0
		h := func(_ context.Context, in *tasks.Instance) error {
			keys := []string{"app", "key " + key}
			if group {
				keys = append(keys, "group")
			}
			count(1, keys...)
			defer count(-1, keys...)
			return in.Sleep(in.Details().(time.Duration))
		}
		where := app.Registrar(a)
		if group {
			a.Group("g").HandleFunc(regs[i].Name, h)
			where = a.Group("g")
		} else {
			a.HandleFunc(regs[i].Name, h)
		}
		task, err := where.Register(regs[i])
		if err != nil {
			l.Fatal(err)
		}
		all[i] = task
	}
	l.start(a)
	var receipts []activation.Receipt
	for range 200 {
		i := r.IntN(len(all))
		switch r.IntN(8) {
		case 0:
			f := flags[r.IntN(2)]
			f.Set(!f.Holds())
		case 1:
			all[i].Pause()
		case 2:
			all[i].Resume()
		case 3:
			var mine []tasks.Registration
			for j := range regs {
				if j%2 == 1 {
					if j == i {
						regs[j].Priority = r.IntN(3)
					}
					mine = append(mine, regs[j])
				}
			}
			if _, err := a.Apply(mine); err != nil {
				l.Fatal(err)
			}
		default:
			if got, err := all[i].Fire(context.Background(), time.Duration(1+r.IntN(5000))*time.Millisecond); err != nil {
				l.Fatal(err)
			} else if got.Result == activation.Allowed {
				receipts = append(receipts, got)
			}
		}
		l.sleep(time.Duration(r.IntN(700)) * time.Millisecond)
	}
	for _, f := range flags {
		f.Set(true)
	}
	for _, task := range all {
		task.Resume()
	}
	l.pass(time.Hour)
	for i, got := range receipts {
		if err := got.Wait(ended()); err != nil {
			l.Fatalf("seed %d: firing %d: %v\n%s", seed, i, err, a.Snapshot())
		}
	}
	l.stop(a)
	return peak
}

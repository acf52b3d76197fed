package app_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A task is paused while it, its group or the App is, and is told so once.
func TestPauseIsNested(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		g := a.Group("g")
		g.SetOnBackgroundActivated(nothing)
		a.SetOnBackgroundActivated(nothing)
		in, err := g.Register(tasks.Registration{Name: "in", Trigger: silent()})
		if err != nil {
			l.Fatal(err)
		}
		out := l.add(a, tasks.Registration{Name: "out"}, nil)
		story := chronicle(a, event.Paused, event.Resumed)
		l.start(a)
		steps := []struct {
			do      func()
			in, out bool // who is paused then
			name    string
		}{
			{in.Pause, true, false, "in.Pause"},
			{in.Pause, true, false, "in.Pause again"},
			{g.Pause, true, false, "g.Pause"},
			{a.Pause, true, true, "a.Pause"},
			{in.Resume, true, true, "in.Resume"},
			{a.Resume, true, false, "a.Resume"},
			{a.Resume, true, false, "a.Resume again"},
			{out.Pause, true, true, "out.Pause"},
			{g.Resume, false, true, "g.Resume"},
			{g.Resume, false, true, "g.Resume again"},
			{out.Resume, false, false, "out.Resume"},
			{a.Pause, true, true, "a.Pause"},
			{out.Resume, true, true, "out.Resume, of no use"},
			{a.Resume, false, false, "a.Resume"},
		}
		for _, s := range steps {
			s.do()
			l.want(s.name+": in", in.Explain().Paused, s.in)
			l.want(s.name+": out", out.Explain().Paused, s.out)
			for task, paused := range map[*app.Task]bool{in: s.in, out: s.out} {
				r, err := task.Fire(context.Background(), nil)
				want := activation.Allowed
				if paused {
					want = activation.DisabledByPolicy
				}
				if err != nil || r.Result != want {
					l.Errorf("%s: Fire(%s): %v, %v, want %v", s.name, task, r.Result, err, want)
				}
				if err := r.Wait(context.Background()); paused != errors.Is(err, app.ErrRefused) {
					l.Errorf("%s: Wait: %v", s.name, err)
				}
			}
		}
		l.stop(a)
		l.wantStory(story.list(), "0s g/in paused", "0s out paused", "0s out resumed", "0s out paused", "0s g/in resumed", "0s out resumed",
			"0s g/in paused", "0s out paused", "0s g/in resumed", "0s out resumed")
	})
}

// What becomes of due times that pass in a pause: never a flood, never silence.
func TestMissedWhilePaused(t *testing.T) {
	tests := []struct {
		name   string
		r      tasks.Registration
		resume []string // at ten minutes and a half
		told   string
	}{
		{"once", tasks.Registration{}, []string{"t started act=1 inst=1"}, "10m30s t missed n=9"},
		{"once, every firing is kept", tasks.Registration{Keep: tasks.Every(50)}, []string{"t started act=1 inst=1"}, "10m30s t missed n=9"},
		{"skip", tasks.Registration{Missed: tasks.MissedSkip}, nil, "10m30s t missed n=10"},
		{
			"all of 3",
			tasks.Registration{Missed: tasks.MissedAll(3), Keep: tasks.Every(50), Overlap: tasks.Parallel(0)},
			[]string{"t started act=1 inst=1", "t started act=2 inst=2", "t started act=3 inst=3"},
			"10m30s t missed n=7",
		},
		{"all of 3, merged", tasks.Registration{Missed: tasks.MissedAll(3)}, []string{"t started act=1 inst=1"}, "10m30s t missed n=7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a := l.newApp()
				tt.r.Name, tt.r.Trigger = "t", trigger.Every(time.Minute)
				var merged atomic.Uint64
				task := l.add(a, tt.r, func(_ context.Context, in *tasks.Instance) error {
					merged.Add(in.Merged())
					return nil
				})
				starts := chronicle(a, event.Started)
				missed := chronicle(a, event.Missed)
				l.start(a)
				task.Pause()
				l.pass(10*time.Minute + 30*time.Second)
				l.wantStory(starts.list())
				task.Resume()
				l.idle(a)
				var want []string
				for _, line := range tt.resume {
					want = append(want, "10m30s "+line)
				}
				l.wantStory(starts.list(), want...)
				l.wantStory(missed.list(), tt.told)
				l.pass(time.Minute) // and in step again
				l.want("starts after a minute", len(starts.list()), len(tt.resume)+1)
				x := task.Explain().Counts
				if x.Missed == 0 || x.Fired+x.Refused < 11 {
					l.Errorf("counts: %+v", x)
				}
				l.want("firings that reached a handler", merged.Load(), x.Fired)
				task.Pause() // the next pause is counted by itself
				l.pass(10 * time.Minute)
				task.Resume()
				l.idle(a)
				told := missed.list()
				l.want("told of the second pause", strings.TrimPrefix(told[len(told)-1], "21m30s"), strings.TrimPrefix(tt.told, "10m30s"))
				l.want("told", len(told), 2)
				l.stop(a)
			})
		})
	}
}

// Firings of people are refused in a pause, events are kept, what runs goes on
// and what was pending stays.
func TestWhatAPauseHolds(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		requests := trigger.NewApplication[string]()
		story := chronicle(a, event.Started, event.Completed, event.Waiting)
		work := func(_ context.Context, in *tasks.Instance) error { return in.Sleep(10 * time.Second) }
		l.add(a, tasks.Registration{Name: "request", Trigger: requests, Keep: tasks.Every(5)}, work)
		l.add(a, tasks.Registration{Name: "event", Trigger: trigger.Custom("e", trigger.Always)}, work)
		l.start(a)
		ctx := context.Background()
		request := func(want activation.Result) {
			l.Helper()
			if r, err := requests.Request(ctx, "x"); err != nil || r.Result != want {
				l.Errorf("Request: %v, %v, want %v", r.Result, err, want)
			}
		}
		request(activation.Allowed) // runs
		request(activation.Allowed) // is pending
		l.pass(time.Second)
		a.Pause()
		request(activation.DisabledByPolicy)
		n, err := a.Raise(ctx, "e", nil)
		l.want("Raise", n, 1)
		l.want("Raise", err, nil)
		l.pass(time.Minute)
		a.Resume()
		l.pass(time.Minute)
		request(activation.Allowed)
		l.pass(time.Minute)
		l.stop(a)
		got := story.list()
		slices.SortStableFunc(got, byTimeThenName)
		l.wantStory(got,
			"0s request started act=1 inst=1",
			"0s request waiting act=2 for=overlap",
			"1s event waiting act=3 for=resume",
			"1s request waiting act=2 for=resume",
			"10s request completed act=1 inst=1 n=1",
			"1m1s event started act=3 inst=3",
			"1m1s request started act=2 inst=2",
			"1m11s event completed act=3 inst=3 n=1",
			"1m11s request completed act=2 inst=2 n=1",
			"2m1s request started act=4 inst=4",
			"2m11s request completed act=4 inst=4 n=1",
		)
	})
}

// A pause is of the name while the registration stands: it comes before Run,
// concerns what is registered later where it is a group's, survives Apply, and
// ends with Replace.
func TestPauseAndRegistering(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		g := a.Group("g")
		reg := tasks.Registration{Name: "t", Trigger: trigger.Every(time.Minute)}
		early := l.add(a, reg, nothing)
		early.Pause()
		g.Pause()
		l.start(a)
		g.HandleFunc("late", nothing)
		late, err := g.Register(tasks.Registration{Name: "late", Trigger: trigger.Every(time.Minute)})
		if err != nil {
			l.Fatal(err)
		}
		started := func(task *app.Task) uint64 { return task.Explain().Counts.Started }
		l.pass(10*time.Minute + time.Second)
		l.want("paused before Run", started(early), uint64(0))
		l.want("registered in a paused group", started(late), uint64(0))
		reg.TimeLimit = time.Hour
		if _, err := a.Apply(list(reg)); err != nil {
			l.Fatal(err)
		}
		l.pass(10 * time.Minute)
		l.want("paused, then changed", started(early), uint64(0))
		l.want("it is", early.Explain().Paused, true)
		replaced, err := a.Replace(reg)
		if err != nil {
			l.Fatal(err)
		}
		l.pass(time.Minute + time.Second)
		l.want("paused, then replaced", started(replaced), uint64(1))
		early.Resume() // of no use, and no harm
		g.Resume()
		l.pass(time.Second)
		l.want("the group's, resumed", started(late), uint64(1))
		l.stop(a)
	})
}

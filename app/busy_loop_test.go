package app_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// goroutine is the number of the calling one.
func goroutine() string {
	buf := make([]byte, 64)
	return strings.Fields(string(buf[:runtime.Stack(buf, false)]))[1]
}

// Handlers on the loop run one at a time, in the order of their starts, all on
// one goroutine: override and middleware as well.
func TestOnLoopIsOneAtATime(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		a := l.newApp(app.WithLoopThreshold(-1))
		a.Use(func(next tasks.Handler) tasks.Handler {
			return tasks.HandlerFunc(func(ctx context.Context, in *tasks.Instance) error {
				in.Log().Info("on", "goroutine", goroutine())
				return next.Run(ctx, in)
			})
		})
		var order []int // no lock: the race detector says whether one was needed
		running := 0
		a.SetOnBackgroundActivated(func(_ context.Context, in *tasks.Instance) error {
			running++
			if running > 1 {
				l.Errorf("%d at a time", running)
			}
			order = append(order, in.Details().(int))
			in.Log().Info("on", "goroutine", goroutine())
			time.Sleep(time.Second)
			running--
			return nil
		})
		l.start(a)
		var receipts []activation.Receipt
		for i := range 30 {
			name := fmt.Sprintf("t%d", i%7)
			task, ok := a.Task(name)
			if !ok {
				task = l.add(a, tasks.Registration{Name: name, OnLoop: true, Overlap: tasks.Parallel(0)}, nil)
			}
			receipts = append(receipts, l.fire(task, i))
		}
		for i, r := range receipts {
			l.want("outcome", r.Wait(context.Background()), nil)
			l.want("it is", since(a.Clock().Now()), (time.Duration(i+1) * time.Second).String())
		}
		for i, n := range order {
			l.want("order", n, i)
		}
		on := map[string]int{}
		for _, line := range l.log.list() {
			if _, g, ok := strings.Cut(line, "goroutine="); ok {
				on[strings.Fields(g)[0]]++
			}
		}
		l.want("goroutines", len(on), 1)
		l.stop(a)
	})
}

// What would make the loop wait says so at once; what goes on beside it works.
func TestOnLoopDoesNotWait(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a, event.Started, event.Deferred, event.Completed)
		task := l.add(a, tasks.Registration{Name: "t", OnLoop: true, Overlap: tasks.Parallel(0)}, func(ctx context.Context, in *tasks.Instance) error {
			l.want("Sleep", in.Sleep(time.Second), tasks.ErrOnLoop)
			l.want("Sleep of no time", in.Sleep(0), tasks.ErrOnLoop)
			l.want("Await", in.Await(func(context.Context) error { l.Error("Await has run it"); return nil }), tasks.ErrOnLoop)
			if _, err := a.Stop(ctx); !errors.Is(err, app.ErrInHandler) {
				l.Errorf("Stop: %v", err)
			}
			l.want("WaitIdle", a.WaitIdle(ctx), app.ErrInHandler)
			if in.Activation() == 2 {
				return nil
			}
			d, err := in.Deferral("beside")
			if err != nil {
				return err
			}
			l.spawn(func() { l.sleep(5 * time.Second); d.Complete() })
			return in.Go(func(ctx context.Context) error {
				l.sleep(3 * time.Second)
				return ctx.Err()
			})
		})
		l.start(a)
		l.fire(task, nil)
		l.pass(time.Second)
		l.fire(task, nil) // the loop is free
		l.pass(time.Minute)
		l.wantStory(story.list(),
			"0s t started act=1 inst=1",
			"0s t deferred act=1 inst=1",
			"1s t started act=2 inst=2",
			"1s t completed act=2 inst=2 n=1",
			"5s t completed act=1 inst=1 n=1",
		)
		l.stop(a)
	})
}

// Who holds the loop is told once, with the stack; nobody else is.
func TestLoopHeldIsTold(t *testing.T) {
	tests := []struct {
		name      string
		opts      []app.Option
		holds     []time.Duration
		told      []string
		withStack bool
	}{
		{"for long", nil, []time.Duration{time.Second}, []string{"200ms act=1"}, true},
		{"for less", nil, []time.Duration{99 * time.Millisecond, 99 * time.Millisecond, 99 * time.Millisecond}, nil, false},
		{"for long, one after the other", nil, []time.Duration{time.Second, 50 * time.Millisecond, time.Second}, []string{"200ms act=1", "1.2s act=3"}, true},
		{"for a threshold of a second", []app.Option{app.WithLoopThreshold(time.Second)}, []time.Duration{3 * time.Second}, []string{"2s act=1"}, true},
		{"and nobody looks", []app.Option{app.WithLoopThreshold(-1)}, []time.Duration{time.Hour}, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inLandOfGoroutines(t, func(l *land) {
				a, told, stacks := l.newApp(tt.opts...), new(lines), new(lines)
				a.Observe(func(e event.Event) {
					if e.Kind == event.LoopHeld {
						told.add("%v act=%d", e.At.Sub(dawn), e.Activation)
						if e.Detail != "" {
							stacks.add("%s", e.Detail)
						}
					}
				})
				task := l.add(a, tasks.Registration{Name: "t", OnLoop: true, Overlap: tasks.Parallel(0)}, func(_ context.Context, in *tasks.Instance) error {
					release := make(chan struct{})
					go func() { time.Sleep(tt.holds[in.Activation()-1]); close(release) }()
					guiltyOnLoop(release)
					return nil
				})
				l.start(a)
				for range tt.holds {
					l.fire(task, nil)
				}
				l.pass(2 * time.Hour)
				l.wantStory(told.list(), tt.told...)
				l.want("stack", stacks.has("guiltyOnLoop"), tt.withStack)
				l.want("stacks", len(stacks.list()), min(1, len(tt.told))) // one dump a minute
				l.stop(a)
			})
		})
	}
}

// While a handler is stuck on the loop the App lives on: other tasks run, limits
// and graces pass, and once it is abandoned the loop goes on without it.
func TestLoopGoesOnWithoutTheStuck(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a, event.Started, event.Canceling, event.Abandoned, event.Completed, event.Released)
		ran := new(lines)
		reg := func(name string, limit time.Duration, h tasks.HandlerFunc) *app.Task {
			return l.add(a, tasks.Registration{Name: name, OnLoop: name != "free", TimeLimit: limit}, func(ctx context.Context, in *tasks.Instance) error {
				ran.add("%s %s", since(a.Clock().Now()), name)
				return h(ctx, in)
			})
		}
		stuck := reg("stuck", 10*time.Second, func(context.Context, *tasks.Instance) error { l.sleep(time.Hour); return nil })
		next := reg("next", 3*time.Second, func(_ context.Context, in *tasks.Instance) error {
			d, ok := in.Deadline() // counts from its turn
			l.want("deadline", fmt.Sprintf("%s %t", since(d), ok), "18s true")
			l.sleep(2 * time.Second)
			return nil
		})
		last := reg("last", 0, nothing)
		free := reg("free", 0, nothing)
		l.start(a)
		l.fire(stuck, nil)
		l.fire(next, nil)
		l.fire(last, nil)
		l.pass(time.Second)
		l.fire(free, nil)
		l.want("deadline before its turn", next.Explain().Active[0].Deadline, time.Time{})
		l.pass(2 * time.Hour)
		l.wantStory(ran.list(), "0s stuck", "1s free", "15s next", "17s last")
		l.wantStory(story.list(),
			"0s stuck started act=1 inst=1", "0s next started act=2 inst=2", "0s last started act=3 inst=3",
			"1s free started act=4 inst=4", "1s free completed act=4 inst=4 n=1",
			"10s stuck canceling act=1 inst=1 reason=ExecutionTimeExceeded",
			"15s stuck abandoned act=1 inst=1 reason=ExecutionTimeExceeded",
			`15s stuck completed act=1 inst=1 reason=ExecutionTimeExceeded n=1 err="tasks: canceled: ExecutionTimeExceeded, abandoned"`,
			"17s next completed act=2 inst=2 n=1",
			"17s last completed act=3 inst=3 n=1",
		)
		l.stop(a)
	})
}

// Stop is not held up by a stuck loop, and blames only who is on it: those that
// wait for their turn never began.
func TestStopWhileTheLoopIsStuck(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		loop := func(name string, h tasks.HandlerFunc) {
			l.fire(l.add(a, tasks.Registration{Name: name, OnLoop: true}, h), nil)
		}
		l.start(a)
		loop("stuck", func(context.Context, *tasks.Instance) error { l.sleep(time.Hour); return nil })
		l.pass(time.Second)
		for i := range 3 {
			loop(fmt.Sprintf("waits %d", i), func(context.Context, *tasks.Instance) error { l.Error("it has run"); return nil })
		}
		report, err := a.Stop(context.Background())
		var late *app.StopError
		if !errors.As(err, &late) {
			l.Fatalf("Stop: %v", err)
		}
		l.want("took", report.Took, 5*time.Second)
		var got []string
		for _, e := range report.Instances {
			got = append(got, fmt.Sprintf("%s %v after %v", e.Task, e.State, e.Heeded))
		}
		l.wantStory(got, "stuck abandoned after 5s", "waits 0 canceled after 0s", "waits 1 canceled after 0s", "waits 2 canceled after 0s")
		if strings.Contains(err.Error(), "waits") {
			l.Errorf("it blames those that wait: %v", err)
		}
		l.pass(2 * time.Hour)
	})
}

// What is canceled before its turn is over at once.
func TestCanceledBeforeItsTurn(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a, event.Completed)
		l.start(a)
		l.fire(l.add(a, tasks.Registration{Name: "slow", OnLoop: true}, func(context.Context, *tasks.Instance) error { l.sleep(20 * time.Second); return nil }), nil)
		c := new(freight)
		task := l.add(a, tasks.Registration{Name: "t", OnLoop: true}, func(_ context.Context, in *tasks.Instance) error {
			if in.Details() == c {
				l.Error("it has run")
			}
			return nil
		})
		first := l.fire(task, c)
		l.pass(time.Second)
		l.fire(task, nil)
		l.want("canceled", task.Cancel(activation.EnergySaver), 1)
		if err := first.Wait(context.Background()); !errors.Is(err, activation.EnergySaver) {
			l.Errorf("outcome: %v", err)
		}
		l.want("at", since(a.Clock().Now()), "1s")
		l.pass(time.Minute)
		l.want("details", c.fate(), "handled 0, dropped 1")
		l.wantStory(story.list(), `1s t completed act=2 inst=2 reason=EnergySaver n=1 err="tasks: canceled: EnergySaver"`,
			"20s slow completed act=1 inst=1 n=1", "20s t completed act=3 inst=3 n=1")
		l.stop(a)
	})
}

// Who is canceled leaves the line wherever it stands, and those around it keep
// their turns.
func TestCanceledInTheLine(t *testing.T) {
	tests := []struct{ canceled, want string }{
		{"a", "slow b c d"},
		{"b", "slow a c d"},
		{"c", "slow a b d"},
		{"ca", "slow b d"},
		{"cba", "slow d"},
	}
	for _, tt := range tests {
		t.Run(tt.canceled, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a := l.newApp()
				var order []string
				loop := func(name string, takes time.Duration) *app.Task {
					return l.add(a, tasks.Registration{Name: name, OnLoop: true}, func(context.Context, *tasks.Instance) error {
						order = append(order, name)
						l.sleep(takes)
						return nil
					})
				}
				l.start(a)
				l.fire(loop("slow", time.Minute), nil)
				l.pass(time.Second)
				line := map[string]*app.Task{}
				for _, name := range []string{"a", "b", "c"} {
					line[name] = loop(name, 0)
					l.fire(line[name], nil)
				}
				for _, name := range strings.Split(tt.canceled, "") {
					l.want("canceled", line[name].Cancel(activation.EnergySaver), 1)
				}
				l.fire(loop("d", 0), nil)
				l.pass(2 * time.Minute)
				l.want("order", strings.Join(order, " "), tt.want)
				l.stop(a)
			})
		})
	}
}

// A handler that panics or ends its goroutine takes the loop with it for nobody
// else.
func TestLoopSurvives(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		ends := map[int]func(in *tasks.Instance) error{
			0: func(*tasks.Instance) error { panic("oh") },
			1: func(*tasks.Instance) error { runtime.Goexit(); return nil },
			2: func(*tasks.Instance) error { return errDisk },
			3: func(*tasks.Instance) error { panic(nil) },
			4: func(in *tasks.Instance) error {
				return in.Go(func(context.Context) error { runtime.Goexit(); return nil })
			},
			5: func(in *tasks.Instance) error { return in.Go(func(context.Context) error { panic("oh") }) },
			6: func(*tasks.Instance) error { return nil },
		}
		var order []int
		task := l.add(a, tasks.Registration{Name: "t", OnLoop: true, Overlap: tasks.Parallel(0)}, func(_ context.Context, in *tasks.Instance) error {
			order = append(order, in.Details().(int))
			return ends[in.Details().(int)%len(ends)](in)
		})
		l.start(a)
		const n = 35
		for i := range n {
			l.fire(task, i)
		}
		l.pass(time.Second)
		l.want("runs", len(order), n)
		for i, got := range order {
			l.want("order", got, i)
		}
		x := task.Explain().Counts
		l.want("counts", fmt.Sprint(x.Succeeded, x.Failed), fmt.Sprint(n/7, n*6/7))
		l.stop(a)
	})
}

package app_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/coro"
	"github.com/bgloop/bgloop/tasks"
)

func TestSleep(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := new(lines)
		nap := func(in *tasks.Instance, who string, d time.Duration) {
			from := a.Clock().Now()
			err := in.Sleep(d)
			story.add("%s slept %v: %v", who, a.Clock().Now().Sub(from), err)
		}
		task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error {
			nap(in, "handler", 0)
			nap(in, "handler", -time.Hour)
			nap(in, "handler", time.Nanosecond)
			nap(in, "handler", 90*time.Second)
			if err := in.Go(func(context.Context) error {
				nap(in, "strand", 10*time.Second)
				nap(in, "strand", time.Hour)
				nap(in, "strand", 0)
				return nil
			}); err != nil {
				return err
			}
			nap(in, "handler", 20*time.Second)
			return in.Go(func(context.Context) error {
				nap(in, "second strand", 30*time.Minute-time.Nanosecond)
				return nil
			})
		})
		l.start(a)
		r := l.fire(task, nil)
		l.pass(30*time.Minute + 110*time.Second + 10*time.Second)
		task.Cancel(activation.IdleTask)
		_ = r.Wait(context.Background())
		l.wantStory(story.list(),
			"handler slept 0s: <nil>",
			"handler slept 0s: <nil>",
			"handler slept 1ns: <nil>",
			"handler slept 1m30s: <nil>",
			"strand slept 10s: <nil>",
			"handler slept 20s: <nil>",
			"second strand slept 29m59.999999999s: <nil>",
			"strand slept 30m19.999999999s: activation: canceled: IdleTask",
			"strand slept 0s: activation: canceled: IdleTask",
		)
		l.stop(a)
	})
}

// A hook is called when a strand makes itself a place to wait, which is after
// it has looked whether its instance was canceled.
type hook struct {
	seam.Driver
	call func()
}

func (h *hook) NewPark() seam.Park {
	if f := h.call; f != nil {
		h.call = nil
		f()
	}
	return h.Driver.NewPark()
}

// A cancel between a strand's look at the instance and its wait is not missed.
func TestCancelJustBeforeWaiting(t *testing.T) {
	waits := []struct {
		name string
		wait func(l *land, in *tasks.Instance) error
	}{
		{"Sleep", func(_ *land, in *tasks.Instance) error { return in.Sleep(time.Hour) }},
		{"Await", func(l *land, in *tasks.Instance) error {
			return in.Await(func(context.Context) error { l.sleep(time.Second); return nil })
		}},
	}
	for _, tt := range waits {
		t.Run(tt.name, func(t *testing.T) {
			w := coro.New(1, dawn)
			defer w.Close()
			inLandOfWorld(t, w, func(l *land) {
				driver := &hook{Driver: w}
				a := l.newApp(app.WithDriver(driver))
				var took time.Duration
				var task *app.Task
				task = l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error {
					driver.call = func() { task.Cancel(activation.LoggingOff) }
					err := tt.wait(l, in)
					took = w.Now().Sub(dawn)
					return err
				})
				l.start(a)
				if err := l.fire(task, nil).Wait(context.Background()); !errors.Is(err, activation.LoggingOff) || errors.Is(err, tasks.ErrAbandoned) {
					l.Errorf("outcome: %v", err)
				}
				l.want("it waited", took, time.Duration(0))
				l.stop(a)
			})
		})
	}
}

// An instance that is canceled before a goroutine has taken it up does not
// begin, and lets go of its details.
func TestCanceledBeforeItBegins(t *testing.T) {
	for seed := range uint64(6) {
		inLandOfCoroutines(t, seed, func(l *land) {
			a := l.newApp()
			dropped := 0
			task := l.add(a, tasks.Registration{Name: "t"}, func(context.Context, *tasks.Instance) error {
				l.Error("the handler was called")
				return nil
			})
			story := chronicle(a, event.Started, event.Canceling, event.Ended)
			l.start(a)
			r := l.fire(task, dropper(func() { dropped++ }))
			l.want("instances canceled", task.Cancel(activation.ServicingUpdate), 1) // it had no turn yet
			if err := r.Wait(context.Background()); !errors.Is(err, activation.ServicingUpdate) {
				l.Errorf("outcome: %v", err)
			}
			l.idle(a)
			l.want("dropped", dropped, 1)
			l.stop(a)
			l.wantStory(story.list(),
				"0s t started act=1 inst=1",
				"0s t canceling act=1 inst=1 reason=ServicingUpdate",
				`0s t ended act=1 inst=1 reason=ServicingUpdate err="tasks: canceled: ServicingUpdate"`,
			)
		})
	}
}

// What a canceled strand slept on is forgotten with it, not kept until it would
// have woken.
func TestCanceledSleepIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLand(t, nil, nil, nil)
		clk := clock.NewVirtual(dawn)
		a := l.newApp(app.WithClock(clk))
		task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error {
			return in.Sleep(1000 * time.Hour)
		})
		l.start(a)
		type ballast [1 << 20]byte
		const rounds = 200
		for range rounds {
			r := l.fire(task, new(ballast))
			l.idle(a)
			task.Cancel(activation.Abort)
			_ = r.Wait(context.Background())
		}
		if held := heap(); held > rounds/2<<20 {
			t.Errorf("%d instances that are over hold %d MiB", rounds, held>>20)
		}
		l.stop(a)
	})
}

// heap is how much memory is in use.
func heap() uint64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestGoFailsTheInstance(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a, event.Deferred, event.Ended, event.Released, event.Abandoned)
		first, second := errors.New("first"), errors.New("second")
		var endOfOthers error
		task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error {
			for _, f := range []func(context.Context) error{
				func(context.Context) error { _ = in.Sleep(3 * time.Second); return first },
				func(context.Context) error { _ = in.Sleep(4 * time.Second); return second },
				func(context.Context) error { endOfOthers = in.Sleep(time.Hour); return nil },
			} {
				if err := in.Go(f); err != nil {
					return err
				}
			}
			return nil
		})
		l.start(a)
		if err := l.fire(task, nil).Wait(context.Background()); err != first { //nolint:errorlint // the very value
			l.Errorf("outcome: %v", err)
		}
		l.idle(a)
		l.want("how the other strand's sleep ended", endOfOthers, tasks.ErrOver)
		l.stop(a)
		l.wantStory(story.list(),
			"0s t deferred act=1 inst=1",
			`3s t ended act=1 inst=1 err="first"`,
			"3s t released act=1 inst=1",
		)
	})
}

// The handler decides when its own failure is told: a strand that failed
// before waits for it.
func TestGoFailureWaitsForTheHandler(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a, event.Ended)
		task := l.add(a, tasks.Registration{Name: "t"}, func(ctx context.Context, in *tasks.Instance) error {
			if err := in.Go(func(context.Context) error { return errors.New("strand") }); err != nil {
				return err
			}
			err := in.Sleep(2 * time.Second)
			l.want("ctx of the handler", ctx.Err(), nil)
			return errors.Join(err, errors.New("handler"))
		})
		l.start(a)
		_ = l.fire(task, nil).Wait(context.Background())
		l.stop(a)
		l.wantStory(story.list(), `2s t ended act=1 inst=1 err="strand"`)
	})
}

func TestAwait(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a, event.Deferred, event.Canceling, event.Ended)
		answer := errors.New("answer")
		outside := make(chan error)
		var seen, again error
		task := l.add(a, tasks.Registration{Name: "t"}, func(ctx context.Context, in *tasks.Instance) error {
			wait := func(context.Context) error { return <-outside }
			if err := in.Await(wait); err != answer { //nolint:errorlint // the very value
				l.Errorf("Await of an answer: %v", err)
			}
			l.want("ctx after an answer", ctx.Err(), nil)
			seen = in.Await(wait)
			again = in.Await(func(context.Context) error { l.Error("Await ran f after the cancel"); return nil })
			return nil
		})
		l.start(a)
		r := l.fire(task, nil)
		l.pass(time.Second)
		outside <- answer
		l.pass(time.Second)
		task.Cancel(activation.ResourceRevocation)
		synctest.Wait()
		l.want("Await when canceled", seen, activation.ResourceRevocation)
		l.want("Await after the cancel", again, activation.ResourceRevocation)
		l.pass(3 * time.Second) // f holds the instance
		l.want("the App with f under way", a.String(), "app(running, 1 active)")
		outside <- answer
		if err := r.Wait(context.Background()); !errors.Is(err, activation.ResourceRevocation) || errors.Is(err, answer) {
			l.Errorf("outcome: %v", err)
		}
		l.stop(a)
		l.wantStory(story.list(),
			`2s t canceling act=1 inst=1 reason=ResourceRevocation "Await"`,
			`5s t ended act=1 inst=1 reason=ResourceRevocation err="tasks: canceled: ResourceRevocation"`,
		)
	})
}

// What Await has called is over when Await returns: a handler that fails then
// has nothing open, however the processors go on.
func TestAwaitedIsOverBeforeTheHandlerGoesOn(t *testing.T) {
	a := app.New()
	story := chronicle(a, event.Deferred, event.Released)
	failed := errors.New("awaited")
	a.HandleFunc("t", func(_ context.Context, in *tasks.Instance) error {
		return in.Await(func(context.Context) error { return failed })
	})
	task, err := a.Register(tasks.Registration{Name: "t", Trigger: silent(), Overlap: tasks.Parallel(0)})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3000 {
		r, err := task.Fire(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Wait(t.Context()); !errors.Is(err, failed) {
			t.Fatalf("outcome: got %v, want what was awaited", err)
		}
	}
	if _, err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if open := story.list(); len(open) > 0 {
		t.Errorf("%d times something was open, first: %s", len(open), open[0])
	}
}

// Strands of one instance that sleep at the same times each sleep as long as they
// asked to, and so do goroutines that the App knows nothing of.
func TestSleepersOfOneInstance(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		a := l.newApp()
		var slept atomic.Int64
		naps := func(in *tasks.Instance, seed uint64) error {
			random := rand.New(rand.NewPCG(seed, 0))
			for range 100 {
				d, begun := time.Duration(1+random.IntN(3))*time.Second, time.Now()
				if err := in.Sleep(d); err != nil || time.Since(begun) != d {
					return fmt.Errorf("slept %v of %v: %w", time.Since(begun), d, err)
				}
				slept.Add(1)
			}
			return nil
		}
		task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error {
			var others sync.WaitGroup
			errs := make([]error, 4)
			for i := range errs {
				others.Go(func() { errs[i] = naps(in, uint64(i)) })
			}
			for i := range uint64(4) {
				if err := in.Go(func(context.Context) error { return naps(in, 10+i) }); err != nil {
					return err
				}
			}
			others.Wait()
			return errors.Join(errs...)
		})
		l.start(a)
		if err := l.fire(task, nil).Wait(context.Background()); err != nil {
			l.Errorf("outcome: %v", err)
		}
		l.want("naps", slept.Load(), int64(800))
		l.stop(a)
	})
}

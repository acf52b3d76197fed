package trigger_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// ask requests with the details v, and checks the answer.
func ask[T any](s *stage, tr *trigger.Application[T], v T, want activation.Result, wantErr error) activation.Receipt {
	s.t.Helper()
	r, err := tr.Request(s.ctx, v)
	if r.Result != want || !errors.Is(err, wantErr) {
		s.t.Errorf("Request(%v): got %v, %v, want %v, %v", v, r.Result, err, want, wantErr)
	}
	return r
}

func typed[T any](f func(in *tasks.Instance, v T) error) tasks.HandlerFunc {
	return tasks.Typed(func(_ context.Context, in *tasks.Instance, v T) error { return f(in, v) }).Run
}

// Allowed means accepted: started, waiting for the one that runs, or latched.
// CurrentlyRunning means that there is no place, since one waits already.
func TestApplication_Allowed_CurrentlyRunning(t *testing.T) {
	play(t, func(s *stage) {
		pulled := trigger.NewApplication[string]()
		s.run(pulled, typed(func(in *tasks.Instance, v string) error { s.note("%s", v); return in.Sleep(time.Minute) }))
		first := ask(s, pulled, "first", activation.Allowed, nil)
		synctest.Wait()
		second := ask(s, pulled, "second", activation.Allowed, nil)
		third := ask(s, pulled, "third", activation.CurrentlyRunning, nil)
		if first.ID == 0 || second.ID == first.ID || third.ID != 0 {
			t.Errorf("IDs: got %d, %d, %d", first.ID, second.ID, third.ID)
		}
		if err := third.Wait(s.ctx); !errors.Is(err, activation.ErrRefused) {
			t.Errorf("Wait of the third: got %v, want ErrRefused", err)
		}
		if err := second.Wait(s.ctx); err != nil {
			t.Errorf("Wait of the second: %v", err)
		}
		s.heard("0s first", "1m0s second")
	})
}

func TestApplication_LatchedIsAllowed(t *testing.T) {
	play(t, func(s *stage) {
		online, pulled := condition.NewFlag("online", false), trigger.NewApplication[string]()
		s.HandleFunc("x", typed(func(_ *tasks.Instance, v string) error { s.note("%s", v); return nil }))
		if _, err := s.Register(tasks.Registration{Name: "x", Trigger: pulled, Conditions: []activation.Condition{online}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Start(s.ctx); err != nil {
			t.Fatal(err)
		}
		ask(s, pulled, "latched", activation.Allowed, nil)
		ask(s, pulled, "too many", activation.CurrentlyRunning, nil)
		time.Sleep(time.Hour)
		s.heard()
		online.Set(true)
		s.heard("1h0m0s latched")
	})
}

func TestApplication_DisabledByPolicy(t *testing.T) {
	play(t, func(s *stage) {
		pulled := trigger.NewApplication[string]()
		task := s.run(pulled, func(context.Context, *tasks.Instance) error {
			time.Sleep(3 * time.Second) // does not heed its context: the App is stopping for so long
			return nil
		})
		task.Pause()
		ask(s, pulled, "paused", activation.DisabledByPolicy, nil)
		task.Resume()
		ask(s, pulled, "resumed", activation.Allowed, nil)
		synctest.Wait()
		go func() { _, _ = s.Stop(context.Background()) }()
		time.Sleep(time.Second)
		ask(s, pulled, "stopping", activation.DisabledByPolicy, nil)
		time.Sleep(time.Hour)
		ask(s, pulled, "stopped", activation.UnknownError, activation.ErrNotRunning)
	})
}

func TestApplication_UnknownError(t *testing.T) {
	play(t, func(s *stage) {
		pulled := trigger.NewApplication[string]()
		ask(s, pulled, "before Register", activation.UnknownError, activation.ErrUnbound)
		if _, err := s.Register(tasks.Registration{Name: "x", Trigger: pulled}); err != nil {
			t.Fatal(err)
		}
		r := ask(s, pulled, "before Run", activation.UnknownError, activation.ErrNotRunning)
		if err := r.Wait(s.ctx); !errors.Is(err, activation.ErrRefused) {
			t.Errorf("Wait: got %v, want ErrRefused", err)
		}
		if err := s.Start(s.ctx); err != nil {
			t.Fatal(err)
		}
		s.Unregister("x", true)
		ask(s, pulled, "after Unregister", activation.UnknownError, activation.ErrUnbound)
	})
}

// Requests can be made from handlers, with the context's values and not its
// end; the receipt cannot be waited for there.
func TestApplication_FromAHandler(t *testing.T) {
	type key struct{}
	play(t, func(s *stage) {
		pulled := trigger.NewApplication[int]()
		s.run(pulled, tasks.Typed(func(ctx context.Context, _ *tasks.Instance, n int) error {
			s.note("%d for %v", n, ctx.Value(key{}))
			if n == 0 {
				return nil
			}
			r, err := pulled.Request(ctx, n-1)
			if err == nil {
				err = r.Wait(ctx)
			}
			if !errors.Is(err, activation.ErrInHandler) {
				s.t.Errorf("Wait in the handler: got %v, want ErrInHandler", err)
			}
			return nil
		}).Run)
		ctx, cancel := context.WithCancel(context.WithValue(s.ctx, key{}, "Ada"))
		if r, err := pulled.Request(ctx, 3); err != nil || r.Result != activation.Allowed {
			t.Errorf("Request: got %v, %v", r.Result, err)
		}
		cancel()
		s.heard("0s 3 for Ada", "0s 2 for Ada", "0s 1 for Ada", "0s 0 for Ada")
	})
}

// Requests are details of the type, the zero value and nil included.
func TestApplication_Details(t *testing.T) {
	play(t, func(s *stage) {
		pulled := trigger.NewApplication[error]()
		s.run(pulled, typed(func(in *tasks.Instance, v error) error { s.note("%v, %v", v, in.Details()); return nil }))
		for _, v := range []error{activation.IdleTask, nil} {
			ask(s, pulled, v, activation.Allowed, nil)
			synctest.Wait()
		}
		s.heard("0s activation: canceled: IdleTask, activation: canceled: IdleTask", "0s <nil>, <nil>")
	})
}

// Raise makes every task due whose trigger has the name, in whatever group.
func TestCustom_Always(t *testing.T) {
	play(t, func(s *stage) {
		g := s.Group("library")
		g.HandleFunc("x", func(context.Context, *tasks.Instance) error { s.note("library's"); return nil })
		if _, err := g.Register(tasks.Registration{Name: "x", Trigger: trigger.Custom("tz", trigger.Always)}); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Raise(s.ctx, "tz", nil); n != 0 || !errors.Is(err, app.ErrNotRunning) {
			t.Errorf("Raise before Run: got %d, %v, want ErrNotRunning", n, err)
		}
		s.run(trigger.Custom("tz", trigger.Always), func(_ context.Context, in *tasks.Instance) error {
			time.Sleep(time.Second)
			s.note("%v", in.Details())
			return nil
		})
		for i := range 3 {
			if n, err := s.Raise(s.ctx, "tz", i); n != 2 || err != nil {
				t.Errorf("Raise: got %d, %v, want 2", n, err)
			}
			time.Sleep(time.Minute)
		}
		s.heard("0s library's", "1s 0", "1m0s library's", "1m1s 1", "2m0s library's", "2m1s 2")
		if n, err := s.Raise(s.ctx, "TZ", nil); n != 0 || err != nil {
			t.Errorf("Raise of what nobody waits for: got %d, %v, want 0", n, err)
		}
	})
}

// Once activates a task the first time in a run of the App; each registration
// has its own first time.
func TestCustom_OncePerRun(t *testing.T) {
	play(t, func(s *stage) {
		once := tasks.Registration{Name: "x", Trigger: trigger.Custom("tz", trigger.Once)}
		s.run(once.Trigger, s.noting(0))
		raise := func(want int) {
			s.t.Helper()
			if n, err := s.Raise(s.ctx, "tz", nil); n != want || err != nil {
				t.Errorf("Raise: got %d, %v, want %d", n, err, want)
			}
			synctest.Wait()
		}
		raise(1) // at the very instant the App began to run
		raise(0)
		time.Sleep(time.Hour)
		raise(0)
		s.heard("0s due 0s")
		if !s.IsRegistered("x") {
			t.Error("IsRegistered: got false")
		}
		if _, err := s.Replace(once); err != nil {
			t.Fatal(err)
		}
		raise(1)
		raise(0)
		s.heard("1h0m0s due 1h0m0s")
	})
}

// While a task is paused the events wait, as one.
func TestCustom_WhilePaused(t *testing.T) {
	play(t, func(s *stage) {
		task := s.run(trigger.Custom("tz", trigger.Always), func(_ context.Context, in *tasks.Instance) error {
			s.note("%v, %d merged", in.Details(), in.Merged())
			return nil
		})
		task.Pause()
		for i := range 3 {
			if n, err := s.Raise(s.ctx, "tz", i); n != 1 || err != nil {
				t.Errorf("Raise: got %d, %v", n, err)
			}
		}
		s.heard()
		task.Resume()
		s.heard("0s 2, 3 merged")
	})
}

// A value is received only when there is a place for it: one runs, one waits,
// and the sender is held up.
func TestChan_ReceivesOnlyWhenThereIsAPlace(t *testing.T) {
	play(t, func(s *stage) {
		c := make(chan int)
		s.run(trigger.Chan(c), typed(func(in *tasks.Instance, _ int) error { return in.Sleep(time.Minute) }))
		go func() {
			for i := range 5 {
				c <- i
				s.note("sent %d", i)
				time.Sleep(time.Second)
			}
		}()
		time.Sleep(10 * time.Minute)
		s.heard("0s sent 0", "1s sent 1", "1m0s sent 2", "2m0s sent 3", "3m0s sent 4")
	})
}

// When the channel is closed the source is exhausted, and the registration
// stays.
func TestChan_ClosedIsExhausted(t *testing.T) {
	play(t, func(s *stage) {
		s.tell(event.Exhausted, event.SourceFailed, event.Completed)
		c := make(chan int, 1)
		task := s.run(trigger.Chan(c), s.noting(0))
		c <- 1
		close(c)
		time.Sleep(time.Hour)
		s.mu.Lock()
		n := len(s.notes) // a completion, the handler's note and the exhaustion
		s.notes = nil
		s.mu.Unlock()
		if n != 3 || !s.IsRegistered("x") {
			t.Errorf("got %d notes, registered %v", n, s.IsRegistered("x"))
		}
		if r, err := task.Fire(s.ctx, 2); err != nil || r.Result != activation.Allowed {
			t.Errorf("Fire: got %v, %v", r.Result, err)
		}
		synctest.Wait()
	})
}

// Nothing is lost and nothing comes twice or out of order, however slow the
// handler, and with a pause in between.
func TestChan_LosesNothing(t *testing.T) {
	const n = 10_000
	play(t, func(s *stage) {
		c := make(chan int)
		next := 0
		task := s.run(trigger.Chan(c), typed(func(in *tasks.Instance, v int) error {
			if v != next {
				s.t.Errorf("got %d, want %d", v, next)
			}
			next = v + 1
			if v%100 == 0 {
				return in.Sleep(time.Second)
			}
			return nil
		}))
		for i := range n {
			if i == n/2 {
				task.Pause()
				time.AfterFunc(time.Hour, task.Resume)
			}
			c <- i
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if next != n {
			t.Errorf("handled: got %d, want %d", next, n)
		}
	})
}

// With Parallel several are handled at a time, and with Every(n) several wait.
func TestChan_KeepAndParallel(t *testing.T) {
	play(t, func(s *stage) {
		c := make(chan int)
		s.HandleFunc("x", typed(func(in *tasks.Instance, _ int) error { return in.Sleep(time.Minute) }))
		if _, err := s.Register(tasks.Registration{Name: "x", Trigger: trigger.Chan(c), Keep: tasks.Every(3), Overlap: tasks.Parallel(2)}); err != nil {
			t.Fatal(err)
		}
		if err := s.Start(s.ctx); err != nil {
			t.Fatal(err)
		}
		var sent atomic.Int32
		go func() {
			for range 9 {
				c <- 0
				sent.Add(1)
			}
		}()
		for _, want := range []int32{5, 7, 9} { // two run, three wait
			synctest.Wait()
			if got := sent.Load(); got != want {
				t.Errorf("sent: got %d, want %d", got, want)
			}
			time.Sleep(time.Minute)
		}
	})
}

// After Unregister nothing is received anymore; a new registration goes on with
// the same channel.
func TestChan_AfterUnregister(t *testing.T) {
	play(t, func(s *stage) {
		c := make(chan int)
		r := tasks.Registration{Name: "x", Trigger: trigger.Chan(c)}
		s.run(r.Trigger, typed(func(_ *tasks.Instance, v int) error { s.note("%d", v); return nil }))
		c <- 1
		s.heard("0s 1")
		s.Unregister("x", false)
		synctest.Wait()
		select {
		case c <- 2:
			t.Error("a value was received")
		default:
		}
		if _, err := s.Register(r); err != nil {
			t.Fatal(err)
		}
		c <- 3
		s.heard("0s 3")
	})
}

func ExampleApplication() {
	a := app.New()
	orders := trigger.NewApplication[string]()
	a.Handle("order", tasks.Typed(func(_ context.Context, _ *tasks.Instance, id string) error {
		fmt.Println("packing", id)
		return nil
	}))
	if _, err := a.Register(tasks.Registration{Name: "order", Trigger: orders}); err != nil {
		fmt.Println(err)
	}
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
	}
	r, err := orders.Request(ctx, "o-17")
	fmt.Println(r.Result, err)
	fmt.Println(r.Wait(ctx))
	_, _ = a.Stop(ctx)
	// Unordered output:
	// packing o-17
	// Allowed <nil>
	// <nil>
}

// Each value of a channel is an activation, and none is taken before there is
// a place for it.
func ExampleChan() {
	jobs := make(chan string)
	a := app.New()
	done := make(chan struct{})
	a.Handle("resize", tasks.Typed(func(_ context.Context, _ *tasks.Instance, file string) error {
		fmt.Println("resizing", file)
		done <- struct{}{}
		return nil
	}))
	if _, err := a.Register(tasks.Registration{Name: "resize", Trigger: trigger.Chan(jobs)}); err != nil {
		fmt.Println(err)
	}
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
	}
	for _, file := range []string{"cat.png", "dog.png"} {
		jobs <- file
		<-done
	}
	_, _ = a.Stop(ctx)
	// Output:
	// resizing cat.png
	// resizing dog.png
}

// Of several sources with a payload, one that waits for its next value with a
// place in hand keeps it from none of the others.
func TestAny_OfChannels(t *testing.T) {
	play(t, func(s *stage) {
		a, b, pulled := make(chan string), make(chan string), trigger.NewApplication[string]()
		s.run(trigger.Any(trigger.Chan(a), trigger.Chan(b), pulled), typed(func(_ *tasks.Instance, v string) error {
			s.note("%s", v)
			return nil
		}))
		synctest.Wait()
		for _, send := range []func(){
			func() { b <- "b" }, func() { a <- "a" }, func() { b <- "b again" },
			func() { ask(s, pulled, "pulled", activation.Allowed, nil) },
		} {
			send()
			synctest.Wait()
		}
		s.heard("0s b", "0s a", "0s b again", "0s pulled")
	})
}

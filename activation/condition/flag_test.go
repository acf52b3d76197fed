package condition_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

func TestString(t *testing.T) {
	yes := func(context.Context) bool { return true }
	for _, tt := range []struct {
		condition activation.Condition
		want      string
	}{
		{condition.NewFlag("online", true), "flag(online)"},
		{condition.Func("charged", yes, time.Minute), "func(charged, every 1m0s)"},
	} {
		if got := tt.condition.String(); got != tt.want {
			t.Errorf("String: got %q, want %q", got, tt.want)
		}
	}
}

// What is due waits until the flag is set, as one activation; what runs is
// canceled when it is taken back.
func TestFlag(t *testing.T) {
	play(t, func(s *stage) {
		online := condition.NewFlag("online", false)
		s.tell(event.Waiting, event.Merged, event.Completed)
		task := s.run(s.sleeps(time.Hour), online)
		for range 3 {
			s.fire(task)
		}
		s.heard("0s x waiting act=1 for=condition", "0s x merged act=1 n=2", "0s x merged act=1 n=3")
		time.Sleep(time.Minute)
		online.Set(true)
		s.heard("1m0s x runs")
		time.Sleep(time.Minute)
		online.Set(false)
		s.heard(`2m0s x completed act=1 inst=1 reason=ConditionLoss n=3 err="tasks: canceled: ConditionLoss"`)
	})
}

// Every change is told, in order, also one that is taken back at once; what is
// set anew to what it was is no change.
func TestFlag_FlappingIsToldInOrder(t *testing.T) {
	play(t, func(s *stage) {
		online := condition.NewFlag("online", true)
		s.tell(event.ConditionChanged)
		s.run(s.sleeps(0), online)
		var want []string
		for range 100 {
			online.Set(false)
			online.Set(false)
			online.Set(true)
			want = append(want, `0s x condition changed "flag(online)"`, `0s x condition changed n=1 "flag(online)"`)
		}
		if !online.Holds() {
			t.Error("Holds: got false")
		}
		s.heard(want...)
	})
}

// A loss that is taken back at once still cancels what runs.
func TestFlag_FlappingCancels(t *testing.T) {
	play(t, func(s *stage) {
		online := condition.NewFlag("online", true)
		s.tell(event.Started, event.Completed)
		task := s.run(func(_ context.Context, in *tasks.Instance) error { return in.Sleep(time.Hour) }, online)
		s.fire(task)
		online.Set(false)
		online.Set(true)
		s.fire(task)
		s.heard("0s x started act=1 inst=1",
			`0s x completed act=1 inst=1 reason=ConditionLoss n=1 err="tasks: canceled: ConditionLoss"`,
			"0s x started act=2 inst=2")
	})
}

// However many set it, what each registration believes in the end is what
// Holds says.
func TestFlag_SetFromManyGoroutines(t *testing.T) {
	play(t, func(s *stage) {
		online := condition.NewFlag("online", false)
		const n = 20
		var mu sync.Mutex
		last := map[string]bool{}
		o := s.Observe(func(e event.Event) {
			if e.Kind == event.ConditionChanged {
				mu.Lock()
				defer mu.Unlock()
				if last[e.Task] == (e.N == 1) {
					t.Errorf("%s: told %v twice", e.Task, e.N == 1)
				}
				last[e.Task] = e.N == 1
			}
		})
		for i := range n {
			if _, err := s.Register(tasks.Registration{Name: fmt.Sprint(i), Trigger: byHand{}, Conditions: []activation.Condition{online}}); err != nil {
				t.Fatal(err)
			}
		}
		s.run(s.sleeps(0))
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 20 {
					online.Set((i+j)%2 == 0)
					time.Sleep(time.Duration(i+1) * time.Millisecond)
				}
			})
		}
		wg.Wait()
		online.Set(true)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		for i := range n {
			if !last[fmt.Sprint(i)] {
				t.Errorf("task %d believes that the flag is not set", i)
			}
		}
		if o.Dropped() != 0 {
			t.Errorf("Dropped: got %d", o.Dropped())
		}
	})
}

// One flag serves any number of registrations, in conditions of which all must
// hold.
func TestFlag_ManyRegistrations(t *testing.T) {
	play(t, func(s *stage) {
		online, charged := condition.NewFlag("online", false), condition.NewFlag("charged", false)
		s.SetOnBackgroundActivated(func(_ context.Context, in *tasks.Instance) error { s.note("%s runs", in.Name()); return nil })
		var all []*app.Task
		for i, c := range [][]activation.Condition{{online}, {online, charged}, {charged}, {online, online}, nil} {
			task, err := s.Register(tasks.Registration{Name: fmt.Sprint(i), Trigger: byHand{}, Conditions: c})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, task)
		}
		if err := s.Start(s.ctx); err != nil {
			t.Fatal(err)
		}
		for _, task := range all {
			s.fire(task)
		}
		s.heard("0s 4 runs")
		online.Set(true)
		synctest.Wait()
		if got := len(s.notes); got != 2 { // 0 and 3, in any order
			t.Errorf("online: %v", s.notes)
		}
		charged.Set(true)
		synctest.Wait()
		if got := len(s.notes); got != 4 {
			t.Errorf("online and charged: %v", s.notes)
		}
		s.notes = nil
	})
}

// A registration starts with what the flag says then, and hears nothing after
// its end; the others do.
func TestFlag_Disarm(t *testing.T) {
	play(t, func(s *stage) {
		online := condition.NewFlag("online", false)
		online.Set(true)
		s.tell(event.ConditionChanged)
		task := s.run(s.sleeps(0), online)
		if _, err := s.Register(tasks.Registration{Name: "y", Trigger: byHand{}, Conditions: []activation.Condition{online}}); err != nil {
			t.Fatal(err)
		}
		s.fire(task)
		s.heard("0s x runs")
		s.Unregister("x", true)
		synctest.Wait()
		online.Set(false)
		s.heard(`0s y condition changed "flag(online)"`)
		if _, err := s.Stop(s.ctx); err != nil {
			t.Error(err)
		}
		online.Set(true)
		s.heard()
	})
}

// A registration that is refused leaves nothing behind in the flag.
func TestFlag_RefusedRegistration(t *testing.T) {
	play(t, func(s *stage) {
		online := condition.NewFlag("online", true)
		s.tell(event.ConditionChanged)
		s.run(s.sleeps(0), online)
		for range 3 {
			_, err := s.Register(tasks.Registration{Name: "x", Trigger: byHand{}, Conditions: []activation.Condition{online}})
			if !errors.Is(err, app.ErrRegistered) {
				t.Errorf("Register: got %v", err)
			}
		}
		online.Set(false)
		s.heard(`0s x condition changed "flag(online)"`)
	})
}

// Set can be called from a handler, on which the task itself depends.
func TestFlag_SetFromItsOwnHandler(t *testing.T) {
	play(t, func(s *stage) {
		online := condition.NewFlag("online", true)
		task := s.run(func(ctx context.Context, in *tasks.Instance) error {
			online.Set(false)
			return in.Sleep(time.Hour)
		}, online)
		if err := s.fire(task).Wait(s.ctx); !errors.Is(err, activation.ConditionLoss) {
			t.Errorf("outcome: got %v, want ConditionLoss", err)
		}
	})
}

// What is due while the machine is offline starts when it is online again.
func ExampleFlag() {
	online := condition.NewFlag("online", false)
	a := app.New()
	a.HandleFunc("sync", func(_ context.Context, in *tasks.Instance) error {
		fmt.Println("firings that became one:", in.Merged())
		return nil
	})
	sync, err := a.Register(tasks.Registration{
		Name:       "sync",
		Trigger:    byHand{},
		Conditions: []activation.Condition{online},
	})
	if err != nil {
		fmt.Println(err)
	}
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
	}
	for range 3 {
		_, _ = sync.Fire(ctx, nil)
	}
	online.Set(true)
	_ = a.WaitIdle(ctx)
	_, _ = a.Stop(ctx)
	// Output: firings that became one: 3
}

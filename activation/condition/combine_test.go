package condition_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// mute is a condition that never reports.
type mute struct{}

func (mute) String() string                        { return "mute" }
func (mute) Arm(func(bool), activation.Port) error { return nil }

var errArm = errors.New("not to be armed")

// wrong is a condition that refuses.
type wrong struct{ mute }

func (wrong) Arm(func(bool), activation.Port) error { return errArm }

// refused checks that Register refuses a condition with an error.
func refused(t *testing.T, c activation.Condition, want error) {
	t.Helper()
	_, err := app.New().Register(tasks.Registration{Name: "x", Trigger: byHand{}, Conditions: []activation.Condition{c}})
	if !errors.Is(err, want) {
		t.Errorf("Register with %v: got %v, want %v", c, err, want)
	}
}

// A combinator's text is made of its parts', nil ones included, and those are
// refused, as is what a part refuses.
func TestCombinators(t *testing.T) {
	online := condition.NewFlag("online", true)
	for _, tt := range []struct {
		c    activation.Condition
		want string
	}{
		{condition.Not(online), "not(flag(online))"},
		{condition.All(online, mute{}), "all(flag(online), mute)"},
		{condition.Any(), "any()"},
		{condition.HeldFor(online, time.Minute), "held-for(flag(online), 1m0s)"},
		{condition.TimeWindow("22:00", "6:30", time.UTC), "window(22:00-6:30 UTC)"},
		{condition.TimeWindow("22:00", "6:30", nil), "window(22:00-6:30 " + time.Local.String() + ")"},
		{condition.QuietHours("22:00", "6:30", time.UTC), "not(window(22:00-6:30 UTC))"},
		{condition.Not(nil), "not(<nil>)"},
		{condition.Any(online, nil), "any(flag(online), <nil>)"},
		{condition.HeldFor(nil, 1), "held-for(<nil>, 1ns)"},
	} {
		if got := tt.c.String(); got != tt.want {
			t.Errorf("String: got %q, want %q", got, tt.want)
		}
	}
	for _, c := range []activation.Condition{
		condition.Not(nil), condition.All(online, nil), condition.Any(nil), condition.HeldFor(nil, 1),
		condition.Not(condition.All(condition.HeldFor(nil, 1))),
	} {
		refused(t, c, condition.ErrNoCondition)
	}
	for _, c := range []activation.Condition{condition.Not(wrong{}), condition.All(online, wrong{}), condition.HeldFor(wrong{}, 1)} {
		refused(t, c, errArm)
	}
	refused(t, condition.HeldFor(online, 0), condition.ErrInterval)
	refused(t, condition.HeldFor(online, -1), condition.ErrInterval)
}

// holding runs a task with a condition and returns how to ask whether it holds.
func holding(s *stage, c activation.Condition) (ask func(want bool)) {
	task := s.run(s.sleeps(0), c)
	return func(want bool) {
		s.t.Helper()
		synctest.Wait()
		if got := len(task.Explain().Unmet) == 0; got != want {
			s.t.Errorf("%v: %v: got %v, want %v", s.Clock().Now().Sub(dawn), c, got, want)
		}
	}
}

// Not, All and Any, of every state of their parts; what has not reported neither
// holds nor does not.
func TestNot_All_Any(t *testing.T) {
	play(t, func(s *stage) {
		a, b := condition.NewFlag("a", false), condition.NewFlag("b", false)
		for i, tt := range []struct {
			c    activation.Condition
			want func(a, b bool) bool
		}{
			{condition.Not(a), func(a, _ bool) bool { return !a }},
			{condition.Not(condition.Not(a)), func(a, _ bool) bool { return a }},
			{condition.All(a, b), func(a, b bool) bool { return a && b }},
			{condition.Any(a, b), func(a, b bool) bool { return a || b }},
			{condition.Not(condition.All(a, condition.Not(b))), func(a, b bool) bool { return !a || b }},
			{condition.All(), func(bool, bool) bool { return true }},
			{condition.Any(), func(bool, bool) bool { return false }},
			{condition.All(a, mute{}), func(bool, bool) bool { return false }},
			{condition.Any(a, mute{}), func(a, _ bool) bool { return a }},
			{condition.Not(mute{}), func(bool, bool) bool { return false }},
		} {
			s.HandleFunc(string(rune('A'+i)), s.sleeps(0))
			task, err := s.Register(tasks.Registration{Name: string(rune('A' + i)), Trigger: byHand{}, Conditions: []activation.Condition{tt.c}})
			if err != nil {
				t.Fatal(err)
			}
			for state := range 8 {
				a.Set(state&1 > 0)
				b.Set(state&2 > 0)
				synctest.Wait()
				if got, want := len(task.Explain().Unmet) == 0, tt.want(a.Holds(), b.Holds()); got != want {
					t.Errorf("%v with %v, %v: got %v, want %v", tt.c, a.Holds(), b.Holds(), got, want)
				}
			}
		}
	})
}

// What is asked only while it matters works in combinators, again and again:
// each time something waits, from the beginning.
func TestCombinators_OfAFunc(t *testing.T) {
	play(t, func(s *stage) {
		var yes atomic.Bool
		yes.Store(true)
		online := condition.NewFlag("online", true)
		asked := func(context.Context) bool { return yes.Load() }
		task := s.run(s.sleeps(0), condition.All(online, condition.Not(condition.Not(condition.Func("f", asked, time.Minute)))))
		s.fire(task)
		s.heard("0s x runs")
		yes.Store(false)
		s.fire(task)
		time.Sleep(10*time.Minute + 30*time.Second)
		s.heard()
		yes.Store(true)
		time.Sleep(time.Minute)
		s.heard("11m0s x runs")
		s.fire(task)
		s.heard("11m30s x runs")
	})
	play(t, func(s *stage) { // a part that holds anyway
		online := condition.NewFlag("online", true)
		c := condition.Any(condition.Func("f", func(context.Context) bool { return false }, time.Minute), online)
		task := s.run(s.sleeps(0), c)
		for range 3 {
			s.fire(task)
			time.Sleep(time.Minute)
		}
		s.heard("0s x runs", "1m0s x runs", "2m0s x runs")
	})
}

// HeldFor holds once c has held for d without a break, and no longer than c.
func TestHeldFor(t *testing.T) {
	play(t, func(s *stage) {
		online := condition.NewFlag("online", true)
		ask := holding(s, condition.HeldFor(online, 10*time.Minute))
		ask(false)
		time.Sleep(10*time.Minute - time.Nanosecond)
		ask(false)
		time.Sleep(time.Nanosecond)
		ask(true)
		online.Set(false)
		ask(false)
		for range 10 {
			online.Set(true)
			time.Sleep(9 * time.Minute)
			ask(false)
			online.Set(false)
			ask(false)
		}
		online.Set(true)
		time.Sleep(10 * time.Minute)
		ask(true)
		time.Sleep(100 * time.Hour)
		ask(true)
	})
}

// What runs is canceled at the break.
func TestHeldFor_Loss(t *testing.T) {
	play(t, func(s *stage) {
		online := condition.NewFlag("online", true)
		s.tell(event.Completed)
		task := s.run(s.sleeps(time.Hour), condition.HeldFor(online, 10*time.Minute))
		s.fire(task)
		time.Sleep(20 * time.Minute)
		online.Set(false)
		s.heard("10m0s x runs", `20m0s x completed act=1 inst=1 reason=ConditionLoss n=1 err="tasks: canceled: ConditionLoss"`)
	})
}

// Its negation holds from the first report on until d has passed.
func TestHeldFor_Not(t *testing.T) {
	play(t, func(s *stage) {
		ask := holding(s, condition.Not(condition.HeldFor(condition.NewFlag("online", true), time.Hour)))
		ask(true)
		time.Sleep(time.Hour)
		ask(false)
	})
	play(t, func(s *stage) {
		ask := holding(s, condition.Not(condition.HeldFor(condition.NewFlag("online", false), time.Hour)))
		ask(true)
	})
	play(t, func(s *stage) {
		ask := holding(s, condition.Not(condition.HeldFor(mute{}, time.Hour)))
		ask(false)
	})
}

// Of a condition that is asked, d begins at its first yes since an activation
// waits: each time.
func TestHeldFor_Func(t *testing.T) {
	play(t, func(s *stage) {
		task := s.run(s.sleeps(time.Second), condition.HeldFor(condition.Func("f", func(context.Context) bool { return true }, time.Minute), 10*time.Minute))
		for range 3 {
			s.fire(task)
			time.Sleep(time.Hour)
		}
		s.heard("10m0s x runs", "1h10m0s x runs", "2h10m0s x runs")
	})
	play(t, func(s *stage) { // and of one that says no
		task := s.run(s.sleeps(time.Second), condition.Not(condition.HeldFor(condition.Func("f", func(context.Context) bool { return false }, time.Minute), time.Hour)))
		for range 3 {
			s.fire(task)
			time.Sleep(time.Hour)
		}
		s.heard("0s x runs", "1h0m0s x runs", "2h0m0s x runs")
	})
}

// A time that has begun before Run counts, and one that began before the
// condition was taken back does not.
func TestHeldFor_BeforeRun(t *testing.T) {
	play(t, func(s *stage) {
		online := condition.NewFlag("online", true)
		c := condition.HeldFor(online, 10*time.Minute)
		s.HandleFunc("x", s.sleeps(0))
		task, err := s.Register(tasks.Registration{Name: "x", Trigger: byHand{}, Conditions: []activation.Condition{c}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if err := s.Start(s.ctx); err != nil {
			t.Fatal(err)
		}
		s.fire(task)
		time.Sleep(time.Hour)
		s.heard("10m0s x runs")
	})
}

// No timer is left behind when the registration ends, nor when Apply puts
// another condition in its place.
func TestHeldFor_Disarm(t *testing.T) {
	play(t, func(s *stage) {
		online := condition.NewFlag("online", true)
		s.tell(event.ConditionChanged)
		s.run(s.sleeps(0), condition.HeldFor(online, 10*time.Minute))
		if _, err := s.Apply([]tasks.Registration{{Name: "x", Trigger: byHand{}, Conditions: []activation.Condition{condition.HeldFor(online, 20*time.Minute)}}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		s.heard(`20m0s x condition changed n=1 "held-for(flag(online), 20m0s)"`)
		online.Set(false)
		online.Set(true)
		s.heard(`1h0m0s x condition changed "held-for(flag(online), 20m0s)"`)
		s.Unregister("x", true)
		time.Sleep(time.Hour)
		online.Set(false)
		s.heard()
	})
}

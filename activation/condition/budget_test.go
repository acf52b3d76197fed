package condition_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// It holds while there is a token, fills evenly up to its size, and a debt is
// paid first.
func TestBudget(t *testing.T) {
	play(t, func(s *stage) {
		b := condition.NewBudget("api", 6, time.Minute) // one in ten seconds
		ask := holding(s, b)
		left := func(want int) {
			t.Helper()
			if got := b.Left(); got != want {
				t.Errorf("left: got %d, want %d", got, want)
			}
		}
		ask(true)
		left(6)
		b.Take(5)
		ask(true)
		b.Take(1)
		ask(false)
		left(0)
		time.Sleep(10*time.Second - time.Nanosecond)
		ask(false)
		time.Sleep(time.Nanosecond)
		ask(true)
		left(1)
		b.Take(4)
		left(-3)
		time.Sleep(40*time.Second - time.Nanosecond)
		ask(false)
		time.Sleep(time.Nanosecond)
		ask(true)
		time.Sleep(time.Hour)
		left(6)
		b.Take(6)
		ask(false)
		b.Take(-100)
		ask(true)
		left(6)
	})
}

// A debt that takes longer to be paid than a Duration can say is waited for like
// any other.
func TestBudget_HugeDebt(t *testing.T) {
	play(t, func(s *stage) {
		b := condition.NewBudget("api", 1, time.Hour)
		ask := holding(s, b)
		b.Take(10_000_000)
		ask(false)
		time.Sleep(10 * time.Hour)
		ask(false)
		if got := b.Left(); got != -9_999_989 {
			t.Errorf("left: got %d, want -9999989", got)
		}
		b.Take(-10_000_000)
		ask(true)
	})
}

// A task that takes the last token is canceled, unless it may keep on; others
// that share the budget wait.
func TestBudget_Loss(t *testing.T) {
	for _, keep := range []bool{false, true} {
		play(t, func(s *stage) {
			b := condition.NewBudget("api", 1, time.Minute)
			s.tell(event.Completed)
			for _, name := range []string{"x", "y"} {
				s.HandleFunc(name, func(_ context.Context, in *tasks.Instance) error {
					s.note("%s runs", in.Name())
					b.Take(1)
					return in.Sleep(time.Second)
				})
				if _, err := s.Register(tasks.Registration{
					Name: name, Trigger: byHand{}, Conditions: []activation.Condition{b}, KeepOnConditionLoss: keep,
				}); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Start(s.ctx); err != nil {
				t.Fatal(err)
			}
			x, _ := s.Task("x")
			y, _ := s.Task("y")
			s.fire(x)
			s.fire(y)
			time.Sleep(59 * time.Second)
			if keep {
				s.heard("0s x runs", "1s x completed act=1 inst=1 n=1")
			} else {
				s.heard("0s x runs", `0s x completed act=1 inst=1 reason=ConditionLoss n=1 err="tasks: canceled: ConditionLoss"`)
			}
			s.Unregister("x", true) // the clock that the budget fills by
			time.Sleep(2 * time.Second)
			if keep {
				s.heard("1m0s y runs", "1m1s y completed act=2 inst=2 n=1")
			} else {
				s.heard("1m0s y runs", `1m0s y completed act=2 inst=2 reason=ConditionLoss n=1 err="tasks: canceled: ConditionLoss"`)
			}
		})
	}
}

// Over an hour no more starts than the budget allows.
func TestBudget_Rate(t *testing.T) {
	play(t, func(s *stage) {
		b := condition.NewBudget("api", 10, time.Minute)
		runs := 0
		s.HandleFunc("x", func(context.Context, *tasks.Instance) error { runs++; b.Take(1); return nil })
		if _, err := s.Register(tasks.Registration{
			Name: "x", Trigger: trigger.Every(time.Second), Conditions: []activation.Condition{b}, KeepOnConditionLoss: true,
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.Start(s.ctx); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if runs < 600 || runs > 610 {
			t.Errorf("starts in an hour: got %d, want ten a minute and ten at first", runs)
		}
	})
}

func TestBudget_Refused(t *testing.T) {
	refused(t, condition.NewBudget("x", 0, 1), condition.ErrBudget)
	refused(t, condition.NewBudget("x", 1, 0), condition.ErrBudget)
}

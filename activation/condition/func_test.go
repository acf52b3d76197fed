package condition_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// The function is asked as soon as an activation waits, then every so often
// until none waits or runs; never otherwise.
func TestFunc_PollsOnlyWhileSomethingWaitsOrRuns(t *testing.T) {
	play(t, func(s *stage) {
		var charged atomic.Bool
		c := condition.Func("charged", func(context.Context) bool { s.note("asked"); return charged.Load() }, time.Minute)
		task := s.run(s.sleeps(90*time.Second), c)
		time.Sleep(time.Hour)
		s.heard() // nothing waits, nobody asks
		s.fire(task)
		time.Sleep(150 * time.Second)
		s.heard("1h0m0s asked", "1h1m0s asked", "1h2m0s asked")
		charged.Store(true)
		time.Sleep(time.Minute)
		s.heard("1h3m0s asked", "1h3m0s x runs")
		time.Sleep(time.Hour)
		s.heard("1h4m0s asked") // while it ran
	})
}

// A no while the task runs is a loss.
func TestFunc_LossCancels(t *testing.T) {
	play(t, func(s *stage) {
		left := 3
		c := condition.Func("charged", func(context.Context) bool { left--; return left > 0 }, time.Minute)
		s.tell(event.Completed)
		task := s.run(s.sleeps(time.Hour), c)
		s.fire(task)
		time.Sleep(time.Hour)
		s.heard("0s x runs", `2m0s x completed act=1 inst=1 reason=ConditionLoss n=1 err="tasks: canceled: ConditionLoss"`)
	})
}

// A yes counts for as long as something waits or runs: the next activation
// needs an answer of its own.
func TestFunc_FreshAnswerForEachActivation(t *testing.T) {
	play(t, func(s *stage) {
		answers := []bool{true, false, true}
		c := condition.Func("charged", func(context.Context) bool {
			a := answers[0]
			answers = answers[1:]
			s.note("asked: %v", a)
			return a
		}, time.Minute)
		task := s.run(s.sleeps(time.Second), c)
		s.fire(task)
		time.Sleep(10 * time.Second)
		s.heard("0s asked: true", "0s x runs")
		s.fire(task) // the old yes is worth nothing
		s.heard("10s asked: false")
		time.Sleep(time.Minute)
		s.heard("1m10s asked: true", "1m10s x runs")
	})
}

// An answer to a question that was asked before the activation was due is not
// one for it, even if it comes after.
func TestFunc_AnswerOfAnEarlierQuestionDoesNotCount(t *testing.T) {
	play(t, func(s *stage) {
		asked := 0
		c := condition.Func("charged", func(context.Context) bool {
			asked++
			n := asked
			s.note("asked %d", n)
			switch n {
			case 2:
				time.Sleep(time.Minute) // asked for the first activation, answered when the second waits
			case 3:
				time.Sleep(time.Second)
			}
			s.note("answered %d", n)
			return n != 3
		}, 10*time.Second)
		task := s.run(s.sleeps(15*time.Second), c)
		s.fire(task)
		time.Sleep(30 * time.Second)
		s.heard("0s asked 1", "0s answered 1", "0s x runs", "10s asked 2")
		s.fire(task)
		time.Sleep(45 * time.Second)
		s.heard("1m10s answered 2", "1m10s asked 3", "1m11s answered 3")
		time.Sleep(10 * time.Second)
		s.heard("1m21s asked 4", "1m21s answered 4", "1m21s x runs")
	})
}

// If the function panics, that is told as an event and it is asked again after
// the interval; until it says yes, nothing starts.
func TestFunc_PanicIsToldAndItIsAskedAgain(t *testing.T) {
	play(t, func(s *stage) {
		asked := 0
		c := condition.Func("charged", func(context.Context) bool {
			if asked++; asked < 3 {
				panic("no battery")
			}
			return true
		}, time.Minute)
		s.tell(event.SourceFailed)
		task := s.run(s.sleeps(0), c)
		s.fire(task)
		time.Sleep(time.Hour)
		s.heard(
			`0s x source failed err="tasks: panic: no battery"`,
			`1m0s x source failed err="tasks: panic: no battery"`,
			"2m0s x runs",
		)
	})
}

// One call at a time is made for each registration, however slow the function
// and however often it comes to matter.
func TestFunc_OneCallAtATime(t *testing.T) {
	play(t, func(s *stage) {
		var inside, calls atomic.Int32
		c := condition.Func("slow", func(context.Context) bool {
			if n := inside.Add(1); n != 1 {
				t.Errorf("%d calls at a time", n)
			}
			defer inside.Add(-1)
			time.Sleep(time.Duration(calls.Add(1)%7) * time.Second)
			return calls.Load()%3 != 0
		}, 2*time.Second)
		task := s.run(s.sleeps(3*time.Second), c)
		for i := range 200 {
			_, _ = task.Fire(s.ctx, nil)
			time.Sleep(time.Duration(i%5) * time.Second)
			if i%11 == 0 {
				task.Cancel(activation.Abort)
			}
		}
		time.Sleep(time.Minute)
		if calls.Load() < 50 {
			t.Errorf("calls: got %d", calls.Load())
		}
	})
}

// Two registrations ask for themselves, and one that begins to matter does not
// make the other ask.
func TestFunc_EachRegistrationAsksForItself(t *testing.T) {
	play(t, func(s *stage) {
		c := condition.Func("charged", func(context.Context) bool { s.note("asked"); return false }, time.Minute)
		task := s.run(s.sleeps(0), c)
		if _, err := s.Register(tasks.Registration{Name: "y", Trigger: byHand{}, Conditions: []activation.Condition{c}}); err != nil {
			t.Fatal(err)
		}
		s.fire(task)
		s.heard("0s asked")
	})
}

// ctx ends with the registration, and with the App; nobody is asked after that.
func TestFunc_ContextEnds(t *testing.T) {
	for name, end := range map[string]func(s *stage){
		"unregister": func(s *stage) { s.Unregister("x", true) },
		"stop":       func(s *stage) { _, _ = s.Stop(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *stage) {
				c := condition.Func("charged", func(ctx context.Context) bool {
					s.note("asked")
					<-ctx.Done()
					s.note("%v", ctx.Err())
					return true
				}, time.Minute)
				task := s.run(s.sleeps(0), c)
				s.fire(task)
				time.Sleep(10 * time.Minute)
				s.heard("0s asked")
				end(s)
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				s.heard("10m0s context canceled")
			})
		})
	}
}

// Beside a flag both must hold; the function is asked while the flag does not.
func TestFunc_BesideAFlag(t *testing.T) {
	play(t, func(s *stage) {
		online := condition.NewFlag("online", false)
		c := condition.Func("charged", func(context.Context) bool { return s.Clock().Now().Sub(dawn) < time.Hour }, time.Minute)
		task := s.run(s.sleeps(0), online, c)
		s.fire(task)
		time.Sleep(30 * time.Minute)
		s.heard()
		online.Set(true)
		s.heard("30m0s x runs")
		time.Sleep(40 * time.Minute)
		s.fire(task)
		s.heard()
	})
}

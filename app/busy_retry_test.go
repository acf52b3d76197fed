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
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

var errDisk = errors.New("disk full")

// exactly is a backoff without jitter.
func exactly(attempts int, backoff time.Duration) tasks.Retry {
	return tasks.Retry{Attempts: attempts, Backoff: backoff, Jitter: -1}
}

func TestRetryBacksOff(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		story := chronicle(a)
		r := exactly(5, time.Second)
		r.MaxBackoff = 3 * time.Second
		instances := map[uint64]bool{}
		task := l.add(a, tasks.Registration{Name: "t", Retry: r}, func(_ context.Context, in *tasks.Instance) error {
			instances[in.ID()] = true
			l.want("attempt", in.Attempt(), len(instances))
			l.want("activation", in.Activation(), uint64(1))
			l.want("due", since(in.Due()), "1s")
			l.want("details", in.Details(), any("x"))
			l.want("merged", in.Merged(), uint64(1))
			return fmt.Errorf("attempt %d: %w", in.Attempt(), errDisk)
		})
		completed := new(lines)
		task.OnCompleted(func(e event.Event) { completed.add("%v %s", e.At.Sub(dawn), e) })
		l.start(a)
		l.pass(time.Second)
		receipt := l.fire(task, "x")
		err := receipt.Wait(context.Background())
		l.want("Wait returns at", since(a.Clock().Now()), "10s")
		if !errors.Is(err, errDisk) || err.Error() != "attempt 5: disk full" {
			l.Errorf("outcome: %v", err)
		}
		l.want("waited for again", receipt.Wait(context.Background()), err)
		l.stop(a)
		l.wantStory(story.list(),
			"0s t registered n=1",
			"1s t fired act=1",
			"1s t started act=1 inst=1",
			`1s t ended act=1 inst=1 err="attempt 1: disk full"`,
			`1s t retrying act=1 inst=1 err="attempt 1: disk full"`,
			"1s t waiting act=1 for=retry",
			"2s t started act=1 inst=2 attempt=2",
			`2s t ended act=1 inst=2 attempt=2 err="attempt 2: disk full"`,
			`2s t retrying act=1 inst=2 attempt=2 err="attempt 2: disk full"`,
			"2s t waiting act=1 for=retry",
			"4s t started act=1 inst=3 attempt=3",
			`4s t ended act=1 inst=3 attempt=3 err="attempt 3: disk full"`,
			`4s t retrying act=1 inst=3 attempt=3 err="attempt 3: disk full"`,
			"4s t waiting act=1 for=retry",
			"7s t started act=1 inst=4 attempt=4",
			`7s t ended act=1 inst=4 attempt=4 err="attempt 4: disk full"`,
			`7s t retrying act=1 inst=4 attempt=4 err="attempt 4: disk full"`,
			"7s t waiting act=1 for=retry",
			"10s t started act=1 inst=5 attempt=5",
			`10s t ended act=1 inst=5 attempt=5 err="attempt 5: disk full"`,
			`10s t completed act=1 inst=5 attempt=5 n=1 err="attempt 5: disk full"`,
		)
		l.wantStory(completed.list(), `10s t completed act=1 inst=5 attempt=5 n=1 err="attempt 5: disk full"`)
	})
}

// The pauses are shortened, by the same in every run, and not by the same for
// all.
func TestRetryJitter(t *testing.T) {
	starts := func(l *land) []string {
		a, story := l.newApp(), new(lines)
		a.SetOnBackgroundActivated(func(_ context.Context, in *tasks.Instance) error {
			story.add("%s %d %v", in.Name(), in.Attempt(), a.Clock().Now().Sub(dawn))
			return errDisk
		})
		l.start(a)
		for i, name := range []string{"a", "b", "c"} {
			r := tasks.Retry{Attempts: 4, Backoff: time.Minute, Jitter: 0.5}
			task := l.add(a, tasks.Registration{Name: name, Retry: r}, nil)
			want := []string{fmt.Sprintf("%s 1 %v", name, a.Clock().Now().Sub(dawn))}
			at := a.Clock().Now()
			for n := 1; n <= 3; n++ {
				pause := r.Pause(name, uint64(i+1), n)
				whole := time.Minute << (n - 1)
				if pause > whole || pause < whole/2 {
					l.Errorf("%s: pause %d is %v, want within half of %v", name, n, pause, whole)
				}
				at = at.Add(pause)
				want = append(want, fmt.Sprintf("%s %d %v", name, n+1, at.Sub(dawn)))
			}
			_ = l.fire(task, nil).Wait(context.Background())
			got := story.list()
			l.wantStory(got[len(got)-4:], want...)
		}
		l.stop(a)
		return story.list()
	}
	var all []string
	everywhere(t, func(l *land) {
		got := starts(l)
		if all == nil {
			all = got
		}
		l.wantStory(got, all...)
	})
}

// What a handler returns decides what follows.
func TestRetryByOutcome(t *testing.T) {
	is := func(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }
	fail := func(*land, *tasks.Instance) error { return errDisk }
	ok := func(*land, *tasks.Instance) error { return nil }
	returns := func(err error) func(*land, *tasks.Instance) error {
		return func(*land, *tasks.Instance) error { return err }
	}
	snooze := returns(tasks.Snooze(time.Minute))
	oversleep := func(_ *land, in *tasks.Instance) error { return in.Sleep(time.Hour) }
	tests := []struct {
		name     string
		r        tasks.Registration
		attempts []func(*land, *tasks.Instance) error // the last again and again
		starts   string
		outcome  func(error) bool
		state    tasks.State // of the last attempt
		failed   uint64
	}{
		{"succeeds in the end", tasks.Registration{Retry: exactly(3, time.Second)}, list(fail, fail, ok), "0s 1s 3s", is(nil), tasks.StateSucceeded, 2},
		{"never succeeds", tasks.Registration{Retry: exactly(2, time.Second)}, list(fail), "0s 1s", is(errDisk), tasks.StateFailed, 2},
		{"no Retry", tasks.Registration{}, list(fail), "0s", is(errDisk), tasks.StateFailed, 1},
		{"Permanent", tasks.Registration{Retry: exactly(9, time.Second)}, list(fail, returns(tasks.Permanent(errDisk))), "0s 1s", is(errDisk), tasks.StateFailed, 2},
		{"Permanent, wrapped", tasks.Registration{Retry: exactly(9, time.Second)}, list(returns(fmt.Errorf("sync: %w", tasks.Permanent(errDisk)))), "0s", is(errDisk), tasks.StateFailed, 1},
		{"RetryAfter", tasks.Registration{Retry: exactly(3, time.Second)}, list(returns(tasks.RetryAfter(time.Minute, errDisk)), fail, ok), "0s 1m0s 1m2s", is(nil), tasks.StateSucceeded, 2},
		{"RetryAfter at once", tasks.Registration{Retry: exactly(3, time.Second)}, list(returns(tasks.RetryAfter(-time.Minute, errDisk))), "0s 0s 0s", is(errDisk), tasks.StateFailed, 3},
		{"RetryAfter without Retry", tasks.Registration{}, list(returns(tasks.RetryAfter(time.Minute, errDisk))), "0s", is(errDisk), tasks.StateFailed, 1},
		{"RetryAfter, no attempt left", tasks.Registration{Retry: exactly(2, time.Second)}, list(returns(tasks.RetryAfter(time.Minute, errDisk))), "0s 1m0s", is(errDisk), tasks.StateFailed, 2},
		{"Snooze", tasks.Registration{}, list(snooze, snooze, ok), "0s 1m0s 2m0s", is(nil), tasks.StateSucceeded, 0},
		{"Snooze is no failed attempt", tasks.Registration{Retry: exactly(2, time.Second)}, list(snooze, fail, snooze, snooze, fail), "0s 1m0s 1m1s 2m1s 3m1s", is(errDisk), tasks.StateFailed, 2},
		{"Snooze at once", tasks.Registration{}, list(returns(tasks.Snooze(-time.Second)), ok), "0s 0s", is(nil), tasks.StateSucceeded, 0},
		{"Snooze, canceled", tasks.Registration{TimeLimit: time.Second}, list(func(_ *land, in *tasks.Instance) error {
			_ = in.Sleep(time.Hour)
			return tasks.Snooze(time.Minute)
		}), "0s", isReason(activation.ExecutionTimeExceeded), tasks.StateCanceled, 0},
		{"Snooze, a deferral is open", tasks.Registration{}, list(func(_ *land, in *tasks.Instance) error {
			if err := in.Go(func(context.Context) error { return in.Sleep(time.Second) }); err != nil {
				return err
			}
			return tasks.Snooze(time.Minute)
		}, ok), "0s 1m1s", is(nil), tasks.StateSucceeded, 0},
		{"panics", tasks.Registration{Retry: exactly(2, time.Second)}, list(func(*land, *tasks.Instance) error { panic("oh") }, ok), "0s 1s", is(nil), tasks.StateSucceeded, 1},
		{"Goexit", tasks.Registration{Retry: exactly(2, time.Second)}, list(func(*land, *tasks.Instance) error { runtime.Goexit(); return nil }), "0s 1s", is(tasks.ErrGoexit), tasks.StateFailed, 2},
		{"in.Go fails", tasks.Registration{Retry: exactly(2, time.Second)}, list(func(_ *land, in *tasks.Instance) error {
			return in.Go(func(context.Context) error { _ = in.Sleep(3 * time.Second); return errDisk })
		}, ok), "0s 4s", is(nil), tasks.StateSucceeded, 1},
		{"fails with a deferral open", tasks.Registration{Retry: exactly(2, time.Second)}, list(func(l *land, in *tasks.Instance) error {
			if err := in.Go(func(context.Context) error { l.sleep(3 * time.Second); return nil }); err != nil {
				return err
			}
			return errDisk
		}, ok), "0s 3s", is(nil), tasks.StateSucceeded, 1},
		{"time limit", tasks.Registration{TimeLimit: 5 * time.Second, Retry: exactly(2, time.Second)}, list(oversleep, ok), "0s 6s", is(nil), tasks.StateSucceeded, 0},
		{"time limit, to the last", tasks.Registration{TimeLimit: 5 * time.Second, Retry: exactly(2, time.Second)}, list(oversleep), "0s 6s", is(activation.ExecutionTimeExceeded), tasks.StateCanceled, 0},
		{"time limit, and a pause of its own", tasks.Registration{TimeLimit: 5 * time.Second, Retry: exactly(2, time.Second)}, list(func(_ *land, in *tasks.Instance) error {
			return tasks.RetryAfter(time.Minute, in.Sleep(time.Hour))
		}, ok), "0s 1m5s", is(nil), tasks.StateSucceeded, 0},
		{"abandoned", tasks.Registration{TimeLimit: 5 * time.Second, Retry: exactly(2, time.Second)}, list(func(l *land, _ *tasks.Instance) error {
			l.sleep(time.Minute)
			return nil
		}), "0s", is(tasks.ErrAbandoned), tasks.StateAbandoned, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a, starts := l.newApp(), new(lines)
				tt.r.Name = "t"
				task := l.add(a, tt.r, func(_ context.Context, in *tasks.Instance) error {
					starts.add("%s", since(a.Clock().Now()))
					n := min(in.Attempt(), len(tt.attempts))
					return tt.attempts[n-1](l, in)
				})
				completed := 0
				task.OnCompleted(func(event.Event) { completed++ })
				l.start(a)
				receipt := l.fire(task, nil)
				l.pass(2 * time.Hour)
				l.want("starts", strings.Join(starts.list(), " "), tt.starts)
				if err := receipt.Wait(ended()); !tt.outcome(err) {
					l.Errorf("outcome: %v", err)
				}
				l.want("completed", completed, 1)
				x := task.Explain()
				l.want("last state", x.History[0].State, tt.state)
				l.want("failed", x.Counts.Failed, tt.failed)
				l.want("started", x.Counts.Started, uint64(len(starts.list())))
				l.want("retried", x.Counts.Retried, uint64(len(starts.list())-1))
				l.stop(a)
			})
		})
	}
}

func list[T any](v ...T) []T { return v }

// An instance that ends after its task, or the App, is not followed by another
// attempt, whatever it was canceled for.
func TestNoRetryAfterTheEnd(t *testing.T) {
	tests := []struct {
		name    string
		end     func(l *land, a *app.App)
		outcome func(error) bool
	}{
		{"unregistered", func(_ *land, a *app.App) { a.Unregister("t", false) }, isReason(activation.ConditionLoss)},
		{"replaced", func(l *land, a *app.App) {
			if _, err := a.Replace(tasks.Registration{Name: "t", Trigger: silent()}); err != nil {
				l.Error(err)
			}
		}, isReason(activation.ConditionLoss)},
		{"stopped", func(l *land, a *app.App) { l.stop(a) }, isReason(activation.ConditionLoss)},
	}
	for _, tt := range tests {
		for _, snooze := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, snooze %t", tt.name, snooze), func(t *testing.T) {
				everywhere(t, func(l *land) {
					a, net := l.newApp(), condition.NewFlag("net", true)
					task := l.add(a, tasks.Registration{Name: "t", Conditions: conditions(net), Retry: exactly(9, time.Second)}, func(_ context.Context, in *tasks.Instance) error {
						err := in.Sleep(time.Hour)
						l.sleep(2 * time.Second)
						if snooze {
							return tasks.Snooze(time.Minute)
						}
						return err
					})
					l.start(a)
					receipt := l.fire(task, nil)
					l.pass(time.Second)
					net.Set(false)
					l.pass(time.Second)
					tt.end(l, a)
					err := receipt.Wait(context.Background())
					l.want("over at", since(a.Clock().Now()), "3s")
					if !tt.outcome(err) {
						l.Errorf("outcome: %v", err)
					}
					l.want("retried", task.Explain().Counts.Retried, uint64(0))
					l.stop(a)
				})
			})
		}
	}
}

// A task that asks to be run later, and may not be.
func TestSnoozeOfWhatEnds(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error {
			l.sleep(time.Second) // it does not look whether it is canceled
			return tasks.Snooze(time.Minute)
		})
		l.start(a)
		receipt := l.fire(task, nil)
		l.pass(500 * time.Millisecond)
		task.Unregister(false)
		if err := receipt.Wait(context.Background()); !isReason(activation.Abort)(err) {
			l.Errorf("unregistered: %v", err)
		}
		if task, err := a.Register(tasks.Registration{Name: "t", Trigger: silent()}); err != nil {
			l.Error(err)
		} else {
			receipt = l.fire(task, nil)
		}
		l.pass(500 * time.Millisecond)
		l.stop(a)
		if err := receipt.Wait(context.Background()); !isReason(activation.Terminating)(err) {
			l.Errorf("stopped: %v", err)
		}
	})
}

// isReason reports whether an outcome is a cancel for that reason.
func isReason(want activation.Reason) func(error) bool {
	return func(err error) bool {
		var c *tasks.Canceled
		return errors.As(err, &c) && c.Reason == want
	}
}

// A name that nobody answers is not tried again.
func TestUnknownTaskIsNotRetried(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		task := l.add(a, tasks.Registration{Name: "t", Retry: exactly(5, time.Second)}, nil)
		l.start(a)
		if err := l.fire(task, nil).Wait(context.Background()); !errors.Is(err, app.ErrUnknownTask) {
			l.Errorf("outcome: %v", err)
		}
		l.want("attempts", task.Explain().Counts.Started, uint64(1))
		l.stop(a)
	})
}

// ConditionLoss with Retry latches again, and does not count; without, it is the
// end.
func TestRetryAndConditionLoss(t *testing.T) {
	tests := []struct {
		name  string
		retry tasks.Retry
		keep  bool
		story []string
	}{
		{"with Retry", exactly(2, time.Second), false, []string{
			"0s t started act=1 inst=1",
			"10s t canceling act=1 inst=1 reason=ConditionLoss",
			`10s t retrying act=1 inst=1 err="tasks: canceled: ConditionLoss"`,
			"10s t waiting act=1 for=overlap", // the slot that is given up next
			"10s t waiting act=1 for=condition",
			"20s t started act=1 inst=2 attempt=2",
			"30s t canceling act=1 inst=2 attempt=2 reason=ConditionLoss",
			`30s t retrying act=1 inst=2 attempt=2 err="tasks: canceled: ConditionLoss"`,
			"30s t waiting act=1 for=overlap",
			"30s t waiting act=1 for=condition",
			"40s t started act=1 inst=3 attempt=3",
			`1m40s t retrying act=1 inst=3 attempt=3 err="disk full"`,
			"1m40s t waiting act=1 for=retry",
			"1m41s t started act=1 inst=4 attempt=4",
			`2m41s t completed act=1 inst=4 attempt=4 n=1 err="disk full"`,
		}},
		{"without", exactly(1, time.Second), false, []string{
			"0s t started act=1 inst=1",
			"10s t canceling act=1 inst=1 reason=ConditionLoss",
			`10s t completed act=1 inst=1 reason=ConditionLoss n=1 err="tasks: canceled: ConditionLoss"`,
		}},
		{"kept", exactly(1, time.Second), true, []string{
			"0s t started act=1 inst=1",
			`1m0s t completed act=1 inst=1 n=1 err="disk full"`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a, net := l.newApp(), condition.NewFlag("net", true)
				story := chronicle(a, event.Started, event.Canceling, event.Retrying, event.Waiting, event.Completed)
				c := new(freight)
				task := l.add(a, tasks.Registration{Name: "t", Retry: tt.retry, Conditions: conditions(net), KeepOnConditionLoss: tt.keep},
					func(_ context.Context, in *tasks.Instance) error {
						l.want("details", in.Details(), any(c))
						if in.Sleep(time.Minute) != nil {
							return nil
						}
						return errDisk
					})
				l.start(a)
				receipt := l.fire(task, c)
				for i := range 4 {
					l.pass(10 * time.Second)
					net.Set(i%2 == 1)
				}
				_ = receipt.Wait(context.Background())
				l.stop(a)
				l.wantStory(story.list(), tt.story...)
				l.want("details", c.fate(), "handled 0, dropped 0")
			})
		})
	}
}

// What can happen to an activation that waits for its next attempt.
func TestWhileWaitingForARetry(t *testing.T) {
	canceled := func(r activation.Reason, why error) string {
		return (&tasks.Canceled{Reason: r, Err: why}).Error()
	}
	tests := []struct {
		name    string
		do      func(l *land, a *app.App, task *app.Task)
		starts  string
		over    string // when
		outcome string
	}{
		{"nothing", func(*land, *app.App, *app.Task) {}, "0s 10s", "10s", "disk full"},
		{"canceled", func(l *land, _ *app.App, task *app.Task) {
			l.want("Cancel", task.Cancel(activation.QuietHoursEntered), 1)
		}, "0s", "1s", canceled(activation.QuietHoursEntered, errDisk)},
		{"paused and resumed in time", func(l *land, _ *app.App, task *app.Task) {
			task.Pause()
			l.pass(5 * time.Second)
			task.Resume()
		}, "0s 10s", "10s", "disk full"},
		{"paused for longer", func(l *land, _ *app.App, task *app.Task) {
			task.Pause()
			l.pass(time.Minute)
			l.want("it waits for", task.Explain().Pending[0].For, event.ForResume)
			task.Resume()
		}, "0s 1m1s", "1m1s", "disk full"},
		{"unregistered", func(_ *land, _ *app.App, task *app.Task) { task.Unregister(false) }, "0s", "1s", "disk full"},
		{"replaced", func(l *land, a *app.App, _ *app.Task) {
			if _, err := a.Replace(tasks.Registration{Name: "t", Trigger: silent()}); err != nil {
				l.Error(err)
			}
		}, "0s", "1s", "disk full"},
		{"changed", func(l *land, a *app.App, _ *app.Task) {
			if _, err := a.Apply(list(tasks.Registration{Name: "t", Trigger: silent(), Retry: exactly(3, 5*time.Second)})); err != nil {
				l.Error(err)
			}
		}, "0s 10s 20s", "20s", "disk full"}, // 10s, then 5s doubled
		{"stopped", func(l *land, a *app.App, _ *app.Task) { l.stop(a) }, "0s", "1s", canceled(activation.Terminating, errDisk)},
		{"fired", func(l *land, _ *app.App, task *app.Task) {
			l.want("merges", l.fire(task, "another").ID, uint64(2))
		}, "0s 1s another 10s 11s another", "10s", "disk full"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a, starts, c := l.newApp(), new(lines), new(freight)
				task := l.add(a, tasks.Registration{Name: "t", Retry: exactly(2, 10*time.Second)}, func(_ context.Context, in *tasks.Instance) error {
					starts.add("%s", since(a.Clock().Now()))
					if c != in.Details() {
						starts.add("%v", in.Details())
						return errDisk
					}
					c.handled.Add(1)
					return errDisk
				})
				completed := new(lines)
				task.OnCompleted(func(e event.Event) {
					if e.Activation == 1 {
						completed.add("%s", since(e.At))
					}
				})
				l.start(a)
				receipt := l.fire(task, c)
				l.pass(time.Second)
				tt.do(l, a, task)
				err := receipt.Wait(context.Background())
				l.want("over", since(a.Clock().Now()), tt.over)
				l.want("outcome", fmt.Sprint(err), tt.outcome)
				if !errors.Is(err, errDisk) {
					l.Errorf("%v does not tell why it failed", err)
				}
				l.pass(time.Hour)
				l.want("starts", strings.Join(starts.list(), " "), tt.starts)
				l.wantStory(completed.list(), tt.over)
				l.want("dropped", c.dropped.Load(), int32(0)) // a handler has had it
				l.stop(a)
			})
		})
	}
}

// An instance that is canceled before its handler begins has not touched its
// details: the next attempt gets them, and if there is none they are dropped.
func TestDetailsOfWhatNeverBegan(t *testing.T) {
	tests := []struct {
		name  string
		retry tasks.Retry
		then  func(l *land, a *app.App, net *condition.Flag)
		fate  string
	}{
		{"runs later", exactly(2, time.Second), func(_ *land, _ *app.App, net *condition.Flag) { net.Set(true) }, "handled 1, dropped 0"},
		{"is unregistered", exactly(2, time.Second), func(_ *land, a *app.App, _ *condition.Flag) { a.Unregister("t", true) }, "handled 0, dropped 1"},
		{"is never run again", exactly(1, time.Second), func(*land, *app.App, *condition.Flag) {}, "handled 0, dropped 1"},
		{"flaps", exactly(2, time.Second), func(l *land, _ *app.App, net *condition.Flag) {
			for range 5 {
				net.Set(true)
				net.Set(false)
				l.pass(time.Second)
			}
			net.Set(true)
		}, "handled 1, dropped 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a, net, c := l.newApp(), condition.NewFlag("net", true), new(freight)
				stuck := l.add(a, tasks.Registration{Name: "stuck", OnLoop: true}, func(context.Context, *tasks.Instance) error {
					l.sleep(10 * time.Second)
					return nil
				})
				task := l.add(a, tasks.Registration{Name: "t", OnLoop: true, Retry: tt.retry, Conditions: conditions(net)},
					func(_ context.Context, in *tasks.Instance) error {
						l.want("dropped before it is handled", c.dropped.Load(), int32(0))
						l.want("details", in.Details(), any(c))
						c.handled.Add(1)
						return nil
					})
				l.start(a)
				l.fire(stuck, nil)
				l.pass(time.Second)
				l.fire(task, c) // queued behind stuck
				l.pass(time.Second)
				net.Set(false)
				l.pass(time.Second)
				tt.then(l, a, net)
				l.pass(time.Minute)
				l.want("details", c.fate(), tt.fate)
				l.stop(a)
			})
		})
	}
}

// Those that wait for another attempt take no place from others, and go in the
// order of their age.
func TestRetryingDoNotFillThePendingList(t *testing.T) {
	everywhere(t, func(l *land) {
		a, requests, starts := l.newApp(), trigger.NewApplication[string](), new(lines)
		l.add(a, tasks.Registration{Name: "t", Trigger: requests, Overlap: tasks.Parallel(3), Retry: exactly(2, time.Minute)},
			func(_ context.Context, in *tasks.Instance) error {
				starts.add("%s %s", since(a.Clock().Now()), in.Details())
				if in.Attempt() == 1 {
					return errDisk
				}
				return in.Sleep(time.Second)
			})
		l.start(a)
		for i := range 5 {
			r, err := requests.Request(context.Background(), fmt.Sprintf("r%d", i))
			if err != nil || r.Result != activation.Allowed {
				l.Fatalf("request %d: %v, %v", i, r.Result, err)
			}
			l.pass(100 * time.Millisecond)
		}
		l.pass(time.Hour)
		l.wantStory(starts.list(), "0s r0", "100ms r1", "200ms r2", "300ms r3", "400ms r4",
			"1m0s r0", "1m0.1s r1", "1m0.2s r2", "1m1s r3", "1m1.1s r4")
		l.stop(a)
	})
}

// A one-shot task stands until its last attempt is over.
func TestRetryOfAOneShot(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		task := l.add(a, tasks.Registration{Name: "t", Trigger: trigger.At(dawn.Add(time.Second)), Retry: exactly(3, time.Minute)},
			func(_ context.Context, in *tasks.Instance) error {
				if in.Attempt() < 3 {
					return errDisk
				}
				return nil
			})
		completed := new(lines)
		task.OnCompleted(func(e event.Event) { completed.add("%s %v", since(e.At), e.Err) })
		l.start(a)
		l.pass(2 * time.Minute)
		l.want("registered", a.IsRegistered("t"), true)
		l.pass(2 * time.Minute)
		l.want("registered", a.IsRegistered("t"), false)
		l.wantStory(completed.list(), "3m1s <nil>")
		l.stop(a)
	})
}

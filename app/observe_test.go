package app_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
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

// All observers see one order, which is the one in which it happened, however
// many goroutines make it happen.
func TestObserversSeeTheOrderInWhichItHappened(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		const producers, each = 8, 500
		a := l.newApp()
		var one, two []event.Event
		others := []*app.Observer{
			a.Observe(func(e event.Event) { one = append(one, e) }),
			a.Observe(func(e event.Event) { two = append(two, e) }),
		}
		var all []*app.Task
		for p := range producers {
			all = append(all, l.add(a, tasks.Registration{Name: fmt.Sprintf("t%d", p), Overlap: tasks.Parallel(3), Keep: tasks.Every(each)},
				func(_ context.Context, in *tasks.Instance) error { in.Progress(1); return nil }))
		}
		l.start(a)
		var wg sync.WaitGroup
		for p := range producers {
			wg.Go(func() {
				for i := range each {
					_ = l.fire(all[p], nil).Wait(context.Background())
					if p%2 == 0 {
						all[p].Pause()
						all[p].Resume()
					}
					if i%8 == 0 {
						l.idle(a) // lest the observers miss something
					}
				}
			})
		}
		wg.Wait()
		l.stop(a)
		for _, o := range others {
			if n := o.Dropped(); n > 0 {
				l.Fatalf("%d events were left out: too much for this test", n)
			}
		}
		if !slices.Equal(one, two) {
			l.Error("two observers saw different lives")
		}
		var lastAct, lastInst uint64
		life := []event.Kind{event.Fired, event.Started, event.Progressed, event.Ended, event.Completed}
		seen := map[uint64]int{} // how far the life of each activation is
		for i, e := range one {
			switch {
			case e.Activation == 0 || e.Kind == event.Waiting:
				continue
			case e.Kind == event.Fired && e.Activation != lastAct+1:
				l.Fatalf("activation %d after %d", e.Activation, lastAct)
			case e.Kind == event.Started && e.Instance != lastInst+1:
				l.Fatalf("instance %d after %d", e.Instance, lastInst)
			case e.Kind != life[seen[e.Activation]]:
				l.Fatalf("activation %d: got %v, want %v", e.Activation, e.Kind, life[seen[e.Activation]])
			case i > 0 && e.At.Before(one[i-1].At):
				l.Fatalf("%v is told after %v", e.At, one[i-1].At)
			}
			seen[e.Activation]++
			lastAct, lastInst = max(lastAct, e.Activation), max(lastInst, e.Instance)
		}
		l.want("activations", len(seen), producers*each)
		for id, n := range seen {
			if n != len(life) {
				l.Fatalf("activation %d: %d events, want %d", id, n, len(life))
			}
		}
	})
}

// What a slow observer misses is counted, and costs nobody else anything.
func TestSlowObserverMissesAndCounts(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		const bound, fires = 1024, 2000
		a := l.newApp()
		task := l.add(a, tasks.Registration{Name: "t"}, nil)
		task.Pause() // so that a firing is one event: refused
		l.start(a)
		l.idle(a)
		release := make(chan struct{})
		var slow, quick []event.Event
		o := a.Observe(func(e event.Event) { slow = append(slow, e); <-release })
		p := a.Observe(func(e event.Event) { quick = append(quick, e) })
		fire := func(n int) {
			for range n {
				if r, err := task.Fire(context.Background(), nil); err != nil || r.Result != activation.DisabledByPolicy {
					l.Fatalf("Fire: %v, %v", r.Result, err)
				}
				synctest.Wait()
			}
		}
		fire(1 + bound) // one is being told, the others wait
		l.want("left out when the queue is full", o.Dropped(), uint64(0))
		fire(fires - 1 - bound)
		l.want("left out", o.Dropped(), uint64(fires-1-bound))
		close(release)
		l.idle(a)
		fire(3)
		l.idle(a)
		l.want("told", len(slow), 1+bound+3)
		l.want("told the quick one", len(quick), fires+3)
		l.want("left out of the quick one's", p.Dropped(), uint64(0))
		l.stop(a)
	})
}

// An observer that always has something to tell needs no more memory the
// longer it does.
func TestBusyObserverDoesNotGrow(t *testing.T) {
	l := newLand(t, nil, nil, nil)
	a := app.New(app.WithLogger(l.log.logger()))
	task := l.add(a, tasks.Registration{Name: "t"}, nil)
	task.Pause()
	l.start(a)
	l.idle(a)
	const events = 150_000
	var before, after uint64
	n, done := 0, make(chan struct{})
	again := func() { _, _ = task.Fire(context.Background(), nil) }
	a.Observe(func(event.Event) {
		switch n++; {
		case n == 1:
			again() // from now on one waits all the time
		case n == 5_000:
			before = heap()
		case n == events:
			after = heap()
			close(done)
		}
		if n < events {
			again()
		}
	})
	again()
	<-done
	if after > before+4<<20 {
		t.Errorf("%d events later it needs %d KiB more", events, (after-before)>>10)
	}
	l.stop(a)
}

func TestOnCompletedMissesNothing(t *testing.T) {
	fires := fewer(100_000)
	l := newLand(t, nil, nil, nil)
	a := app.New(app.WithLogger(l.log.logger()))
	task := l.add(a, tasks.Registration{Name: "t", Keep: tasks.Every(fires), Overlap: tasks.Parallel(0)},
		func(context.Context, *tasks.Instance) error { return nil })
	seen := make([]bool, fires+1)
	hold := make(chan struct{})
	told := 0
	o := task.OnCompleted(func(e event.Event) {
		if told == 0 {
			<-hold // as slow as can be: everything else is over before
		}
		told++
		if seen[e.Activation] {
			t.Errorf("activation %d is told twice", e.Activation)
		}
		seen[e.Activation] = true
	})
	l.start(a)
	var last activation.Receipt
	for range fires {
		last = l.fire(task, nil)
	}
	_ = last.Wait(context.Background())
	close(hold)
	l.idle(a)
	l.want("told", told, fires)
	l.want("left out", o.Dropped(), uint64(0))
	l.stop(a)
}

func TestOnProgressKeepsTheNewest(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		a := l.newApp()
		task := l.add(a, tasks.Registration{Name: "t", Overlap: tasks.Parallel(0)}, func(_ context.Context, in *tasks.Instance) error {
			in.Progress(0)
			_ = in.Sleep(time.Second)
			for n := range 99 {
				in.Progress(uint64(n + 1))
			}
			return in.Sleep(time.Minute)
		})
		release := make(chan struct{})
		var told []string
		task.OnProgress(func(e event.Event) {
			told = append(told, fmt.Sprintf("inst %d: %d", e.Instance, e.N))
			<-release
		})
		l.start(a)
		for range 3 {
			l.fire(task, nil)
			time.Sleep(2 * time.Second)
		}
		close(release)
		l.idle(a)
		l.wantStory(told, "inst 1: 0", "inst 1: 99", "inst 2: 99", "inst 3: 99")
		l.stop(a)
	})
}

func TestStoppedObserverIsToldNothing(t *testing.T) {
	observe := []struct {
		name string
		on   func(a *app.App, t *app.Task, f func(event.Event)) *app.Observer
	}{
		{"Observe", func(a *app.App, _ *app.Task, f func(event.Event)) *app.Observer {
			return a.Observe(func(e event.Event) {
				if e.Kind == event.Completed {
					f(e)
				}
			})
		}},
		{"OnCompleted", func(_ *app.App, t *app.Task, f func(event.Event)) *app.Observer { return t.OnCompleted(f) }},
		{"OnProgress", func(_ *app.App, t *app.Task, f func(event.Event)) *app.Observer { return t.OnProgress(f) }},
	}
	for _, tt := range observe {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a := l.newApp()
				task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error { in.Progress(1); return nil })
				var told [3]int
				var all [3]*app.Observer
				for i := range told {
					all[i] = tt.on(a, task, func(event.Event) {
						if told[i]++; i == 1 {
							all[1].Stop() // from inside
						}
					})
				}
				l.start(a)
				l.fire(task, nil)
				l.idle(a)
				all[0].Stop()
				all[0].Stop()
				l.fire(task, nil)
				l.idle(a)
				l.want("told", told, [3]int{1, 1, 2})
				l.stop(a)
				all[2].Stop()
			})
		})
	}
}

// Stopping an observer lets go of what it has not been told.
func TestStoppingAnObserverCountsWhatWaits(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		a := l.newApp()
		task := l.add(a, tasks.Registration{Name: "t"}, func(context.Context, *tasks.Instance) error { return nil })
		release := make(chan struct{})
		told := 0
		o := task.OnCompleted(func(event.Event) { told++; <-release })
		l.start(a)
		for range 5 {
			_ = l.fire(task, nil).Wait(context.Background())
		}
		synctest.Wait() // the first is being told
		o.Stop()
		l.want("left out", o.Dropped(), uint64(4))
		close(release)
		l.idle(a)
		l.want("told", told, 1)
		l.stop(a)
	})
}

func TestPanickingObserverGoesOn(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		task := l.add(a, tasks.Registration{Name: "t"}, func(context.Context, *tasks.Instance) error { return nil })
		good, bad := 0, 0
		task.OnCompleted(func(event.Event) { good++ })
		task.OnCompleted(func(event.Event) {
			bad++
			if bad%2 == 0 {
				runtime.Goexit()
			}
			panic("observer")
		})
		l.start(a)
		for range 10 {
			_ = l.fire(task, nil).Wait(context.Background())
		}
		l.idle(a)
		l.want("calls of the good one", good, 10)
		l.want("calls of the bad one", bad, 10)
		l.stop(a)
	})
}

func TestPauseAndResumeAreTold(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error { return in.Sleep(time.Minute) })
		story := chronicle(a, event.Paused, event.Resumed, event.Refused, event.Started, event.Ended)
		l.start(a)
		l.fire(task, nil)
		l.pass(time.Second)
		task.Pause()
		task.Pause() // changes nothing
		l.pass(time.Second)
		if r, err := task.Fire(context.Background(), nil); r.Result != activation.DisabledByPolicy || err != nil {
			l.Errorf("Fire: %v, %v", r.Result, err)
		}
		l.pass(time.Hour)
		task.Resume()
		task.Resume()
		l.stop(a)
		l.wantStory(story.list(),
			"0s t started act=1 inst=1",
			"1s t paused",
			"2s t refused result=DisabledByPolicy",
			"1m0s t ended act=1 inst=1",
			"1h0m2s t resumed",
		)
	})
}

// Any number of goroutines may wait, before and after the end, with one receipt
// or with those of merged firings: all are told the same.
func TestReceiptsShareAnOutcome(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		net := condition.NewFlag("net", false)
		failed := errors.New("failed")
		task := l.add(a, tasks.Registration{Name: "t", Conditions: []activation.Condition{net}}, func(_ context.Context, in *tasks.Instance) error {
			l.want("merged", in.Merged(), uint64(4))
			l.want("details", in.Details(), any(3))
			_ = in.Sleep(time.Minute)
			return failed
		})
		l.start(a)
		var receipts []activation.Receipt
		for i := range 4 {
			receipts = append(receipts, l.fire(task, i))
			l.want("activation", receipts[i].ID, uint64(1))
		}
		var told atomic.Int32
		for i := range 40 {
			l.spawn(func() {
				l.sleep(time.Duration(i) * 3 * time.Second)                         // some before the end, some after
				if err := receipts[i%4].Wait(context.Background()); err != failed { //nolint:errorlint // the very value
					l.Errorf("waiter %d: %v", i, err)
				}
				told.Add(1)
			})
		}
		l.pass(time.Second)
		net.Set(true)
		l.pass(time.Hour)
		l.want("told", told.Load(), int32(40))
		l.stop(a)
	})
}

func TestWaitWithAContextThatEnds(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		a := l.newApp()
		task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error { return in.Sleep(time.Minute) })
		l.start(a)
		r := l.fire(task, nil)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		l.want("Wait", r.Wait(ctx), context.DeadlineExceeded)
		l.want("at", time.Since(dawn), 10*time.Second)
		l.want("Wait with an ended context", r.Wait(ended()), context.Canceled)
		l.want("Wait again", r.Wait(context.Background()), nil)
		l.want("at", time.Since(dawn), time.Minute)
		l.want("Wait with an ended context, when it is over", r.Wait(ended()), nil)
		l.stop(a)
	})
}

func TestRefusedReceiptSaysSo(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		task := l.add(a, tasks.Registration{Name: "t", Keep: tasks.Every(1)}, func(_ context.Context, in *tasks.Instance) error { return in.Sleep(time.Minute) })
		l.start(a)
		l.fire(task, nil) // runs
		l.fire(task, nil) // waits
		full, err := task.Fire(context.Background(), nil)
		if err != nil || full.Result != activation.CurrentlyRunning || full.ID != 0 {
			l.Errorf("a third: %+v, %v", full, err)
		}
		task.Pause()
		paused, err := task.Fire(context.Background(), nil)
		if err != nil || paused.Result != activation.DisabledByPolicy || paused.ID != 0 {
			l.Errorf("while paused: %+v, %v", paused, err)
		}
		for _, r := range []activation.Receipt{full, paused, {}} {
			if err := r.Wait(context.Background()); !errors.Is(err, app.ErrRefused) {
				l.Errorf("Wait of %v: %v", r.Result, err)
			}
		}
		task.Unregister(false)
		if r, err := task.Fire(context.Background(), nil); !errors.Is(err, app.ErrUnbound) || r.Result != activation.UnknownError {
			l.Errorf("after Unregister: %+v, %v", r, err)
		}
		l.stop(a)
	})
}

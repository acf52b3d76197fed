package app_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	bb "github.com/benbjohnson/clock"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// busyNow and idleNow say how the App is, at an instant of a clock that stands
// still. The bubble's own time is what shows that a wait would not end.
func (l *land) busyNow(a *app.App, when string) {
	l.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := a.WaitIdle(ctx); !errors.Is(err, context.DeadlineExceeded) {
		l.Errorf("%s: got %v, want it not to be idle", when, err)
	}
}

func (l *land) idleNow(a *app.App, when string) {
	l.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := a.WaitIdle(ctx); err != nil {
		l.Errorf("%s: got %v, want it to be idle", when, err)
	}
}

// A standstill is an App on a clock that stands still, in a bubble whose time
// goes on.
func standstill(t *testing.T, story func(l *land, a *app.App, clk *clock.Virtual)) {
	t.Helper()
	inLandOfGoroutines(t, func(l *land) {
		clk := clock.NewVirtual(dawn)
		a := l.newApp(app.WithClock(clk))
		l.start(a)
		story(l, a, clk)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, _ = a.Stop(ctx) // the grace never passes
	})
}

// Each promise of WaitIdle, by name: what an instance's strands do, and whether
// that is idle.
func TestIdleInstances(t *testing.T) {
	block := make(chan struct{}) // of no bubble: replaced for each case
	tests := []struct {
		name string
		idle bool
		h    tasks.HandlerFunc
	}{
		{"over", true, func(context.Context, *tasks.Instance) error { return nil }},
		{"over, by a panic", true, func(context.Context, *tasks.Instance) error { panic("over") }},
		{"sleeping", true, func(_ context.Context, in *tasks.Instance) error { return in.Sleep(time.Hour) }},
		{"sleeping, in Go as well", true, func(_ context.Context, in *tasks.Instance) error {
			_ = in.Go(func(context.Context) error { return in.Sleep(time.Hour) })
			return in.Sleep(time.Hour)
		}},
		{"sleeping in Go, the handler is over", true, func(_ context.Context, in *tasks.Instance) error {
			return in.Go(func(context.Context) error { return in.Sleep(time.Hour) })
		}},
		{"sleeping, while a foreign goroutine holds a deferral", true, func(_ context.Context, in *tasks.Instance) error {
			_, _ = in.Deferral("foreign")
			return in.Sleep(time.Hour)
		}},
		{"only a foreign goroutine holds a deferral", false, func(_ context.Context, in *tasks.Instance) error {
			_, err := in.Deferral("foreign")
			return err
		}},
		{"blocked natively", false, func(context.Context, *tasks.Instance) error { <-block; return nil }},
		{"blocked natively in Go", false, func(_ context.Context, in *tasks.Instance) error {
			_ = in.Go(func(context.Context) error { <-block; return nil })
			return in.Sleep(time.Hour)
		}},
		{"blocked natively in the handler, sleeping in Go", false, func(_ context.Context, in *tasks.Instance) error {
			_ = in.Go(func(context.Context) error { return in.Sleep(time.Hour) })
			<-block
			return nil
		}},
		{"in Await", false, func(_ context.Context, in *tasks.Instance) error {
			return in.Await(func(context.Context) error { <-block; return nil })
		}},
		{"in Await, for one that sleeps", false, func(_ context.Context, in *tasks.Instance) error {
			return in.Await(func(context.Context) error { return in.Sleep(time.Hour) })
		}},
		{"in a Canceled callback", false, func(_ context.Context, in *tasks.Instance) error {
			_ = in.Canceled(func(activation.Reason) { <-block })
			_ = in.Go(func(context.Context) error { return errGuilty })
			return in.Sleep(time.Millisecond)
		}},
		{"abandoned", true, func(context.Context, *tasks.Instance) error { <-block; return nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			standstill(t, func(l *land, a *app.App, clk *clock.Virtual) {
				block = make(chan struct{})
				r := tasks.Registration{Name: "t"}
				if tt.name == "abandoned" {
					r.TimeLimit, r.Grace = time.Millisecond, -1
				}
				task := l.add(a, r, tt.h)
				l.fire(task, nil)
				switch tt.name {
				case "abandoned":
					synctest.Wait()
					clk.Advance(time.Second)
				case "in a Canceled callback":
					synctest.Wait()
					task.Cancel(activation.Abort)
				}
				if tt.idle {
					l.idleNow(a, tt.name)
				} else {
					l.busyNow(a, tt.name)
				}
				close(block)
			})
		})
	}
}

// What comes to rest wakes who waits for it, whatever it was that kept the App
// busy.
func TestIdleComesWhenWorkEnds(t *testing.T) {
	standstill(t, func(l *land, a *app.App, _ *clock.Virtual) {
		release := make(chan struct{})
		var held *deferral.Deferral
		rows := []struct {
			name string
			h    tasks.HandlerFunc
			end  func()
		}{
			{"native", func(context.Context, *tasks.Instance) error { <-release; return nil }, func() { release <- struct{}{} }},
			{"native, then asleep", func(_ context.Context, in *tasks.Instance) error { <-release; return in.Sleep(time.Hour) }, func() { release <- struct{}{} }},
			{"await", func(_ context.Context, in *tasks.Instance) error {
				return in.Await(func(context.Context) error { <-release; return nil })
			}, func() { release <- struct{}{} }},
			{"foreign", func(_ context.Context, in *tasks.Instance) (err error) { held, err = in.Deferral("x"); return err }, func() { held.Complete() }},
			{"callback", func(_ context.Context, in *tasks.Instance) error { in.Progress(1); return nil }, func() { release <- struct{}{} }},
		}
		for _, row := range rows {
			task := l.add(a, tasks.Registration{Name: row.name}, row.h)
			if row.name == "callback" {
				task.OnProgress(func(event.Event) { <-release })
			}
			l.fire(task, nil)
			synctest.Wait()
			waiting := make(chan error, 3)
			for range cap(waiting) {
				go func() { waiting <- a.WaitIdle(context.Background()) }()
			}
			synctest.Wait()
			l.want(row.name+": idle before", len(waiting), 0)
			row.end()
			for range cap(waiting) {
				l.want(row.name+": WaitIdle", <-waiting, nil)
			}
		}
	})
}

// A lateClock calls back when it is told to: the instant has come, and nobody
// knows yet.
type lateClock struct {
	*clock.Virtual
	mu   sync.Mutex // guards the following
	late []func()
}

func (c *lateClock) AfterFunc(d time.Duration, f func()) clock.Timer {
	return c.Virtual.AfterFunc(d, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.late = append(c.late, f)
	})
}

func (c *lateClock) callBack() {
	c.mu.Lock()
	late := c.late
	c.late = nil
	c.mu.Unlock()
	for _, f := range late {
		f()
	}
}

func TestDueIsNotIdle(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		clk := &lateClock{Virtual: clock.NewVirtual(dawn)}
		a := l.newApp(app.WithClock(clk))
		story := chronicle(a, event.Started)
		l.add(a, tasks.Registration{Name: "t", Trigger: trigger.Every(time.Minute)}, func(_ context.Context, in *tasks.Instance) error {
			return in.Sleep(time.Hour)
		})
		l.start(a)
		l.idleNow(a, "nothing is due")
		clk.Advance(time.Minute - 1)
		l.idleNow(a, "a nanosecond before")
		clk.Advance(1)
		l.busyNow(a, "due, and the alarm has not rung")
		clk.callBack()
		l.idleNow(a, "the alarm has rung")
		l.wantStory(story.list(), "1m0s t started act=1 inst=1")
		l.stop(a)
	})
}

// A slowClock takes its time to set an alarm.
type slowClock struct{ *clock.Virtual }

func (c slowClock) AfterFunc(d time.Duration, f func()) clock.Timer {
	time.Sleep(time.Second) // the bubble's
	return c.Virtual.AfterFunc(d, f)
}

// Who is told that the App is idle may move its clock at once: the alarm for
// what is next is set by then.
func TestAlarmIsSetWhenIdle(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		clk := slowClock{clock.NewVirtual(dawn)}
		a := l.newApp(app.WithClock(clk))
		l.add(a, tasks.Registration{Name: "t", Trigger: trigger.Every(time.Minute), TimeLimit: time.Hour}, func(_ context.Context, in *tasks.Instance) error {
			time.Sleep(time.Minute) // natively, so that it is the owner afterwards
			return in.Sleep(10 * time.Second)
		})
		l.start(a)
		for range 5 {
			for _, want := range []time.Duration{0, 10 * time.Second} {
				l.idle(a)
				at, ok := clk.Next()
				if left := at.Sub(clk.Now()); !ok || left <= 0 || want != 0 && left != want {
					l.Fatalf("at %v the next alarm is at %v, %t", clk.Now().Sub(dawn), at.Sub(dawn), ok)
				}
				clk.Advance(at.Sub(clk.Now()))
			}
		}
		l.idle(a)
		l.stop(a)
	})
}

// A heldClock lets a test move it while the App reads it or sets an alarm.
type heldClock struct {
	*clock.Virtual
	hold           atomic.Pointer[string] // what is held, once
	entered, leave chan struct{}
}

func (c *heldClock) wait(what string) {
	if p := c.hold.Load(); p != nil && *p == what && c.hold.CompareAndSwap(p, nil) {
		c.entered <- struct{}{}
		<-c.leave
	}
}

func (c *heldClock) Now() time.Time {
	now := c.Virtual.Now()
	c.wait("now")
	return now
}

func (c *heldClock) AfterFunc(d time.Duration, f func()) clock.Timer {
	c.wait("alarm")
	return c.Virtual.AfterFunc(d, f)
}

// A clock may be moved at any instant: what comes due by that runs before the App
// is idle, and not when the clock is moved again.
func TestClockMovesAnytime(t *testing.T) {
	for what, want := range map[string][]string{
		"now":   {"1m0s late started act=2 inst=1", "1m0s early started act=1 inst=2"}, // it was read again, and is 30 s
		"alarm": {"30s early started act=1 inst=1", "1m0s late started act=2 inst=2"},
	} {
		t.Run(what, func(t *testing.T) {
			inLandOfGoroutines(t, func(l *land) {
				clk := &heldClock{Virtual: clock.NewVirtual(dawn), entered: make(chan struct{}), leave: make(chan struct{})}
				a, held := l.newApp(app.WithClock(clk)), condition.NewFlag("held", false)
				story := chronicle(a, event.Started)
				work := func(context.Context, *tasks.Instance) error { return nil }
				l.add(a, tasks.Registration{Name: "late", Trigger: trigger.Every(time.Minute)}, work)
				early := l.add(a, tasks.Registration{Name: "early", Conditions: []activation.Condition{condition.HeldFor(held, 30*time.Second)}}, work)
				l.start(a)
				l.fire(early, nil)
				l.idle(a)
				synctest.Wait() // nobody owns the engine anymore, and so the flag's setter will
				clk.hold.Store(&what)
				set := make(chan struct{})
				go func() { held.Set(true); close(set) }() // for 30 s from now
				<-clk.entered
				clk.Advance(30 * time.Second)
				clk.leave <- struct{}{}
				<-set
				l.idle(a)
				clk.Advance(30 * time.Second)
				l.idle(a)
				l.wantStory(story.list(), want...)
				l.stop(a)
			})
		})
	}
}

// A slowSchedule keeps the owner of the engine busy, which no schedule should.
type slowSchedule struct{ entered, leave chan struct{} }

func (s slowSchedule) String() string              { return "slow" }
func (s slowSchedule) Arm(p activation.Port) error { p.Schedule(s); return nil }
func (s slowSchedule) Next(activation.Phase) (at time.Time, ok bool) {
	s.entered <- struct{}{}
	<-s.leave
	return time.Time{}, false
}

// What a test has said before it moves the clock holds before anything comes due
// by that, also if the owner of the engine is busy with something else meanwhile.
func TestWhatIsSaidBeforeTheClockMoves(t *testing.T) {
	standstill(t, func(l *land, a *app.App, clk *clock.Virtual) {
		online := condition.NewFlag("online", true)
		story := chronicle(a, event.Waiting, event.Started)
		l.add(a, tasks.Registration{
			Name: "sync", Trigger: trigger.Every(time.Minute), Conditions: []activation.Condition{online},
		}, func(context.Context, *tasks.Instance) error { return nil })
		s := slowSchedule{make(chan struct{}), make(chan struct{})}
		go func() { _, _ = a.Register(tasks.Registration{Name: "slow", Trigger: s}) }()
		<-s.entered // the engine is owned until s.leave
		online.Set(false)
		clk.Advance(time.Minute)
		clk.Advance(time.Second)
		online.Set(true)
		s.leave <- struct{}{}
		l.idle(a)
		l.wantStory(story.list(), "1m0s sync waiting act=1 for=condition", "1m1s sync started act=1 inst=1")
	})
}

// So it does if the owner then also hears of something that it has not to do with.
func TestWhatIsSaidBeforeTheClockMovesComesAfterAnEnd(t *testing.T) {
	standstill(t, func(l *land, a *app.App, clk *clock.Virtual) {
		online := condition.NewFlag("online", true)
		story := chronicle(a, event.Waiting, event.Started, event.Ended)
		l.add(a, tasks.Registration{
			Name: "sync", Trigger: trigger.Every(time.Minute), Conditions: []activation.Condition{online},
		}, func(context.Context, *tasks.Instance) error { return nil })
		end := make(chan struct{})
		other := l.add(a, tasks.Registration{Name: "other"}, func(context.Context, *tasks.Instance) error { <-end; return nil })
		l.fire(other, nil)
		s := slowSchedule{make(chan struct{}), make(chan struct{})}
		go func() { _, _ = a.Register(tasks.Registration{Name: "slow", Trigger: s}) }()
		<-s.entered // the engine is owned until s.leave
		close(end)
		synctest.Wait() // the end waits in the mailbox
		online.Set(false)
		clk.Advance(time.Minute)
		s.leave <- struct{}{}
		l.idle(a)
		l.wantStory(story.list(),
			"0s other started act=1 inst=1", "0s other ended act=1 inst=1", "1m0s sync waiting act=2 for=condition")
	})
}

// A call that waits in the mailbox is not answered yet.
func TestMailboxIsNotIdle(t *testing.T) {
	standstill(t, func(l *land, a *app.App, _ *clock.Virtual) {
		ran := false
		task := l.add(a, tasks.Registration{Name: "t"}, func(context.Context, *tasks.Instance) error { ran = true; return nil })
		s := slowSchedule{make(chan struct{}), make(chan struct{})}
		own := func(name string) { // has the engine owned until s.leave
			go func() { _, _ = a.Register(tasks.Registration{Name: name, Trigger: s}) }()
			synctest.Wait()
		}
		own("slow")
		<-s.entered
		idle := make(chan error, 1)
		go func() { idle <- a.WaitIdle(context.Background()) }()
		own("slow again") // both wait in the mailbox
		s.leave <- struct{}{}
		<-s.entered
		go func() { _, _ = task.Fire(context.Background(), nil) }() // waits while they are answered
		synctest.Wait()
		l.want("idle while the mailbox is full", len(idle), 0)
		s.leave <- struct{}{}
		l.want("WaitIdle", <-idle, nil)
		l.want("the firing was handled, and its handler has run", ran, true)
	})
}

func TestLatchedAndPausedAreIdle(t *testing.T) {
	standstill(t, func(l *land, a *app.App, clk *clock.Virtual) {
		net := condition.NewFlag("net", false)
		story := chronicle(a, event.Waiting, event.Started)
		work := func(_ context.Context, in *tasks.Instance) error { return in.Sleep(time.Minute) }
		l.fire(l.add(a, tasks.Registration{Name: "latched", Conditions: []activation.Condition{net}}, work), nil)
		paused := l.add(a, tasks.Registration{Name: "paused", Trigger: trigger.Every(time.Second)}, work)
		paused.Pause()
		queued := l.add(a, tasks.Registration{Name: "queued"}, work)
		l.fire(queued, nil)
		l.fire(queued, nil)
		clk.Advance(time.Second)
		l.idleNow(a, "everything waits")
		net.Set(true)
		paused.Resume()
		l.idleNow(a, "everything sleeps")
		l.wantStory(story.list(),
			"0s latched waiting act=1 for=condition",
			"0s queued started act=2 inst=1",
			"0s queued waiting act=3 for=overlap",
			"1s paused waiting act=4 for=resume",
			"1s latched started act=1 inst=2",
			"1s paused started act=4 inst=3",
		)
	})
}

func TestObserversAreDrainedWhenIdle(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		task := l.add(a, tasks.Registration{Name: "t"}, func(_ context.Context, in *tasks.Instance) error {
			_ = in.Canceled(func(activation.Reason) { l.log.add("canceled") })
			in.Progress(1)
			return nil
		})
		events, completed, progressed := 0, 0, 0
		a.Observe(func(event.Event) { events++ })
		task.OnCompleted(func(event.Event) { completed++ })
		task.OnProgress(func(event.Event) { progressed++ })
		l.start(a)
		l.idle(a)
		for i := range 20 {
			l.fire(task, nil)
			l.idle(a)
			l.want("told", fmt.Sprint(events, completed, progressed), fmt.Sprint(5*(i+1), i+1, i+1))
		}
		l.stop(a)
	})
}

func TestWaitIdleBeforeRunAndAfterStop(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		a.Observe(func(event.Event) {})
		l.add(a, tasks.Registration{Name: "t", Trigger: trigger.Every(time.Second)}, func(context.Context, *tasks.Instance) error { return nil })
		l.idle(a)
		l.start(a)
		l.sleep(time.Minute)
		l.stop(a)
		l.idle(a)
	})
}

// A test drives an App through a year in no time, alarm by alarm.
func TestYearOnAVirtualClock(t *testing.T) {
	clk := clock.NewVirtual(dawn)
	l := newLand(t, nil, nil, nil)
	a := app.New(app.WithClock(clk), app.WithLogger(l.log.logger()))
	runs, bad := 0, 0
	l.add(a, tasks.Registration{Name: "t", Trigger: trigger.Every(6 * time.Hour)}, func(_ context.Context, in *tasks.Instance) error {
		runs++
		if due := dawn.Add(time.Duration(runs) * 6 * time.Hour); !in.Due().Equal(due) || !clk.Now().Equal(due) {
			bad++
		}
		return in.Sleep(37 * time.Minute)
	})
	l.start(a)
	end := dawn.Add(365 * 24 * time.Hour)
	for at, ok := clk.Next(); ok && !at.After(end); at, ok = clk.Next() {
		clk.Advance(at.Sub(clk.Now()))
		l.idle(a)
	}
	l.want("runs", runs, 365*4)
	l.want("runs at a wrong time", bad, 0)
	l.stop(a)
}

// mockLife lives some hours of eight tasks on a benbjohnson Mock, and returns
// what happened, in order.
//
// Which of two goroutines that wake together goes first is nobody's to say; so
// each task wakes at instants of its own: time moves in steps of five minutes,
// and the task with the number i wakes at step i of each nine.
func mockLife(t *testing.T, hours int) []string {
	const step, bar = 5 * time.Minute, 45 * time.Minute
	mock := bb.NewMock()
	mock.Set(dawn)
	var story []string
	a := app.New(app.WithClock(clock.Wrap(mock)), app.WithTimeLimit(100*time.Hour), app.WithGrace(step))
	a.Observe(func(e event.Event) { story = append(story, e.At.Sub(dawn).String()+" "+e.String()) })
	net, power := condition.NewFlag("net", false), condition.NewFlag("power", true)
	for i, r := range []tasks.Registration{
		{Name: "0, which is nobody"},
		{Name: "1 quick", Trigger: trigger.Every(bar)},
		{Name: "2 slow", Trigger: trigger.Every(bar)}, // overlaps itself
		{Name: "3 limited", Trigger: trigger.Every(2 * bar), TimeLimit: bar + 3*step},
		{Name: "4 online", Trigger: trigger.Every(bar), Conditions: []activation.Condition{net}, KeepOnConditionLoss: true},
		{Name: "5 queued", Trigger: trigger.Every(bar), Conditions: []activation.Condition{net}, KeepOnConditionLoss: true, Keep: tasks.Every(3)},
		{Name: "6 powered", Trigger: trigger.Every(3 * bar), Conditions: []activation.Condition{power}}, // is interrupted
		{Name: "7 parallel", Trigger: trigger.Every(bar), Overlap: tasks.Parallel(2)},
		{Name: "8 rare", Trigger: trigger.Every(5 * bar), Conditions: []activation.Condition{net}, KeepOnConditionLoss: true},
	} {
		if i == 0 {
			continue
		}
		own := func() time.Duration { // until its next own instant
			return bar - (a.Clock().Now().Sub(dawn)-time.Duration(i)*step+bar)%bar
		}
		a.HandleFunc(r.Name, func(_ context.Context, in *tasks.Instance) error {
			if err := in.Sleep(own()); err != nil || i == 1 {
				return err
			}
			in.Progress(in.Activation())
			if i == 7 {
				return errGuilty
			}
			return in.Go(func(context.Context) error { return in.Sleep(bar) })
		})
		if _, err := a.Register(r); err != nil {
			t.Error(err)
		}
	}
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		t.Error(err)
	}
	idle := func() {
		if err := a.WaitIdle(ctx); err != nil {
			t.Error(err)
		}
	}
	for at := step; at <= time.Duration(hours)*time.Hour; at += step {
		mock.Add(step)
		idle()
		if at%bar == 0 {
			net.Set(at/bar%4 == 3)
			power.Set(at/bar%4 != 0)
			idle()
		}
	}
	lived := slices.Clone(story) // at the end all are canceled together, and race
	if _, err := a.Stop(ctx); err != nil {
		t.Error(err)
	}
	return lived
}

func TestMockDrivenLifeIsTheSame(t *testing.T) {
	lives := 50
	if testing.Short() || raced() {
		lives = 10
	}
	for _, tt := range []struct {
		name         string
		busy         bool
		lives, hours int
		lines        int
	}{{"a day", false, lives, 24, 500}, {"an evening, with busy cores", true, 10, 5, 80}} {
		t.Run(tt.name, func(t *testing.T) {
			lives := tt.lives
			if tt.busy {
				defer keepCoresBusy()()
			}
			stories := make([][]string, lives)
			var wg sync.WaitGroup
			for i := range stories {
				wg.Go(func() { stories[i] = mockLife(t, tt.hours) })
			}
			wg.Wait()
			traces := map[uint64]int{}
			for _, s := range stories {
				h := fnv.New64a()
				_, _ = h.Write([]byte(strings.Join(s, "\n")))
				traces[h.Sum64()]++
			}
			if len(traces) != 1 {
				t.Errorf("%d lives, %d traces", lives, len(traces))
				showDifference(t, stories)
			}
			if len(stories[0]) < tt.lines {
				t.Errorf("a story of %d lines:\n%s", len(stories[0]), strings.Join(stories[0], "\n"))
			}
		})
	}
}

// showDifference shows where the first two different stories part.
func showDifference(t *testing.T, stories [][]string) {
	t.Helper()
	for _, s := range stories[1:] {
		for i, line := range s {
			if i >= len(stories[0]) || line != stories[0][i] {
				t.Logf("they part at line %d:\n%s\n\n%s", i+1,
					strings.Join(stories[0][max(0, i-3):min(i+3, len(stories[0]))], "\n"), strings.Join(s[max(0, i-3):min(i+3, len(s))], "\n"))
				return
			}
		}
	}
}

// keepCoresBusy takes all processors, until the function it returns is called.
func keepCoresBusy() (release func()) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for n := 0; ; n++ {
				if n%1000 == 0 {
					select {
					case <-stop:
						return
					default:
					}
				}
			}
		})
	}
	return func() { close(stop); wg.Wait() }
}

// raced reports whether this is a run under the race detector, in which
// everything takes several times as long.
func raced() bool {
	b, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(b.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

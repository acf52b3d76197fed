package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	bb "github.com/benbjohnson/clock"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A stallable clock is one of a machine that can be stopped: time passes, and
// no alarm is heard.
type stallable struct {
	*clock.Virtual

	mu      sync.Mutex // guards the following
	stopped bool
	unheard []func()
}

func (c *stallable) AfterFunc(d time.Duration, f func()) clock.Timer {
	return c.Virtual.AfterFunc(d, func() {
		c.mu.Lock()
		stopped := c.stopped
		if stopped {
			c.unheard = append(c.unheard, f)
		}
		c.mu.Unlock()
		if !stopped {
			f()
		}
	})
}

func (c *stallable) stall(d time.Duration) {
	c.mu.Lock()
	c.stopped = true
	c.mu.Unlock()
	c.Advance(d)
	c.mu.Lock()
	unheard := c.unheard
	c.stopped, c.unheard = false, nil
	c.mu.Unlock()
	for _, f := range unheard {
		f()
	}
}

// A machine is an App whose time the story moves.
type machine struct {
	*land
	*app.App
	clk *stallable
}

func onMachine(t *testing.T, story func(m *machine)) {
	t.Helper()
	inLandOfGoroutines(t, func(l *land) {
		clk := &stallable{Virtual: clock.NewVirtual(dawn)}
		m := &machine{l, l.newApp(app.WithClock(clk)), clk}
		l.start(m.App)
		story(m)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // the bubble's: a grace never passes
		defer cancel()
		if _, err := m.Stop(ctx); err != nil {
			l.Error(err)
		}
	})
}

// live lets time pass, alarm by alarm.
func (m *machine) live(d time.Duration) {
	m.Helper()
	m.idle(m.App)
	for {
		at, ok := m.clk.Next()
		left := at.Sub(m.clk.Now())
		if !ok || left > d {
			break
		}
		m.clk.Advance(left)
		m.idle(m.App)
		d -= left
	}
	m.clk.Advance(d)
	m.idle(m.App)
}

// stall lets time pass while the machine is stopped.
func (m *machine) stall(d time.Duration) {
	m.Helper()
	m.clk.stall(d)
	m.idle(m.App)
}

// jump sets the wall clock. The App sees it when it next looks.
func (m *machine) jump(d time.Duration) {
	m.Helper()
	m.clk.Jump(d)
	m.idle(m.App)
}

// dues notes what is fired, and missed, by due times.
func (m *machine) dues() *lines {
	l := new(lines)
	m.Observe(func(e event.Event) {
		switch e.Kind {
		case event.Fired, event.Merged:
			l.add("%v", e.Due.Sub(dawn))
		case event.Missed:
			l.add("(missed %d, up to %v)", e.N, e.Due.Sub(dawn))
		case event.Faulted:
			l.add("%s", e)
		}
	})
	return l
}

func TestStall(t *testing.T) {
	all3 := tasks.MissedAll(3)
	const minute = time.Minute
	tests := []struct {
		name    string
		trigger activation.Trigger
		missed  tasks.Missed
		before  time.Duration // it lives, then stalls
		stall   time.Duration
		want    string // from the stall on, until twelve minutes and a half
	}{
		{"every, once", trigger.Every(minute), tasks.MissedOnce, 30 * time.Second, 10 * minute, "(missed 9, up to 10m0s) 10m0s 11m0s 12m0s"},
		{"every, skip", trigger.Every(minute), tasks.MissedSkip, 30 * time.Second, 10 * minute, "(missed 10, up to 10m0s) 11m0s 12m0s"},
		{"every, all of 3", trigger.Every(minute), all3, 30 * time.Second, 10 * minute, "(missed 7, up to 10m0s) 8m0s 9m0s 10m0s 11m0s 12m0s"},
		{"every, all are 3", trigger.Every(minute), all3, 7*minute + 30*time.Second, 3 * minute, "8m0s 9m0s 10m0s 11m0s 12m0s"},
		{"every, all of 20", trigger.Every(minute), tasks.MissedAll(20), 6*minute + 30*time.Second, 4 * minute, "7m0s 8m0s 9m0s 10m0s 11m0s 12m0s"},
		{"every, a little late", trigger.Every(5 * minute), tasks.MissedSkip, 9*minute + 30*time.Second, 31 * time.Second, "10m0s"},
		{"every, late", trigger.Every(5 * minute), tasks.MissedSkip, 9*minute + 30*time.Second, 32 * time.Second, "(missed 1, up to 10m0s)"},
		{"every, late, once", trigger.Every(5 * minute), tasks.MissedOnce, 9*minute + 30*time.Second, 32 * time.Second, "10m0s"},
		{"cron, once", trigger.Cron("*/2 * * * *"), tasks.MissedOnce, 30 * time.Second, 10 * minute, "(missed 4, up to 10m0s) 10m0s 12m0s"},
		{"cron, skip", trigger.Cron("*/2 * * * *"), tasks.MissedSkip, 30 * time.Second, 10 * minute, "(missed 5, up to 10m0s) 12m0s"},
		{"cron, all of 3", trigger.Cron("*/2 * * * *"), all3, 30 * time.Second, 10 * minute, "(missed 2, up to 10m0s) 6m0s 8m0s 10m0s 12m0s"},
		{"after completion, once", trigger.AfterCompletion(minute), tasks.MissedOnce, 30 * time.Second, 10 * minute, "1m0s 11m30s 12m30s"},
		{"after completion, skip", trigger.AfterCompletion(minute), tasks.MissedSkip, 30 * time.Second, 10 * minute, "(missed 1, up to 1m0s) 11m30s 12m30s"},
		{"at, once", trigger.At(dawn.Add(5 * minute)), tasks.MissedOnce, 30 * time.Second, 10 * minute, "5m0s"},
		{"at, skip", trigger.At(dawn.Add(5 * minute)), tasks.MissedSkip, 30 * time.Second, 10 * minute, "(missed 1, up to 5m0s)"},
		{"throttled", trigger.Throttle(trigger.Every(minute), 4*minute), tasks.MissedOnce, 90 * time.Second, 9 * minute, "(missed 8, up to 10m0s) 10m0s"},
		{
			"any", trigger.Any(trigger.Every(5*minute), trigger.Cron("*/3 * * * *")), tasks.MissedOnce, 30 * time.Second, 10 * minute,
			"(missed 2, up to 9m0s) 9m0s (missed 1, up to 10m0s) 10m0s 12m0s",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onMachine(t, func(m *machine) {
				m.add(m.App, tasks.Registration{Name: "t", Trigger: tt.trigger, Missed: tt.missed, Keep: tasks.Every(100)}, nothing)
				m.live(tt.before)
				dues := m.dues()
				m.stall(tt.stall)
				m.live(12*minute + 30*time.Second - tt.before - tt.stall)
				m.want("due times", strings.Join(dues.list(), " "), tt.want)
				if x := m.Explain("t"); len(x.Faults) > 0 {
					m.Errorf("faults: %v", x.Faults)
				}
			})
		})
	}
}

// What waits for time to pass has waited when the machine goes on.
func TestLimitsAfterAStall(t *testing.T) {
	onMachine(t, func(m *machine) {
		story := chronicle(m.App, event.Canceling, event.Started, event.Ended)
		sleep := m.add(m.App, tasks.Registration{Name: "sleep"}, sleeper(5*time.Minute))
		limit := m.add(m.App, tasks.Registration{Name: "limit", TimeLimit: 2 * time.Minute}, sleeper(time.Hour))
		retry := m.add(m.App, tasks.Registration{Name: "retry", Retry: exactly(2, 3*time.Minute)}, func(context.Context, *tasks.Instance) error { return errDisk })
		m.fire(sleep, nil)
		m.live(time.Second)
		m.fire(limit, nil)
		m.live(time.Second)
		m.fire(retry, nil)
		m.live(time.Second)
		m.stall(time.Hour)
		got := story.list()
		slices.Sort(got[4:]) // at one instant
		m.wantStory(got,
			"0s sleep started act=1 inst=1",
			"1s limit started act=2 inst=2",
			"2s retry started act=3 inst=3",
			`2s retry ended act=3 inst=3 err="disk full"`,
			"1h0m3s limit canceling act=2 inst=2 reason=ExecutionTimeExceeded",
			`1h0m3s limit ended act=2 inst=2 reason=ExecutionTimeExceeded err="tasks: canceled: ExecutionTimeExceeded"`,
			`1h0m3s retry ended act=3 inst=4 attempt=2 err="disk full"`,
			"1h0m3s retry started act=3 inst=4 attempt=2",
			"1h0m3s sleep ended act=1 inst=1",
		)
	})
}

func TestClockJumps(t *testing.T) {
	const minute = time.Minute
	tests := []struct {
		name    string
		trigger activation.Trigger
		missed  tasks.Missed
		jump    time.Duration // after 25 minutes
		want    string        // in the 25 minutes after it
	}{
		{"forward, every, once", trigger.Every(10 * minute), tasks.MissedOnce, time.Hour, "(missed 5, up to 1h20m0s) 1h20m0s 1h30m0s 1h40m0s 1h50m0s"},
		{"forward, every, skip", trigger.Every(10 * minute), tasks.MissedSkip, time.Hour, "(missed 6, up to 1h20m0s) 1h30m0s 1h40m0s 1h50m0s"},
		{"forward, every, all", trigger.Every(10 * minute), tasks.MissedAll(2), time.Hour, "(missed 4, up to 1h20m0s) 1h10m0s 1h20m0s 1h30m0s 1h40m0s 1h50m0s"},
		{"forward, cron", trigger.Cron("*/10 * * * *"), tasks.MissedOnce, time.Hour, "(missed 5, up to 1h20m0s) 1h20m0s 1h30m0s 1h40m0s 1h50m0s"},
		{"forward, after completion", trigger.AfterCompletion(10 * minute), tasks.MissedOnce, time.Hour, "30m0s 1h35m0s 1h45m0s"},
		{"back, every", trigger.Every(10 * minute), tasks.MissedOnce, -time.Hour, "-30m0s -20m0s -10m0s"},
		{"back, after completion", trigger.AfterCompletion(10 * minute), tasks.MissedOnce, -time.Hour, "-30m0s -20m0s -10m0s"},
		{"back, cron does not run again", trigger.Cron("*/10 * * * *"), tasks.MissedOnce, -20 * minute, "30m0s"},
		{"back, of a clock that was wrong, cron goes by the new time", trigger.Cron("*/10 * * * *"), tasks.MissedOnce, -3 * time.Hour, "-2h30m0s -2h20m0s -2h10m0s"},
		{"back, throttled", trigger.Throttle(trigger.Every(5*minute), 10*minute), tasks.MissedOnce, -time.Hour, "-25m0s -15m0s"},
		{"back, and a custom event once", trigger.Any(trigger.Custom("e", trigger.Once), trigger.Every(20*minute)), tasks.MissedOnce, -time.Hour, "-20m0s"},
		{"by little", trigger.Every(10 * minute), tasks.MissedOnce, time.Second, "30m0s 40m0s 50m0s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onMachine(t, func(m *machine) {
				jumps := new(lines)
				m.Observe(func(e event.Event) {
					if e.Kind == event.ClockJumped {
						jumps.add("%s", e.Detail)
					}
				})
				m.add(m.App, tasks.Registration{Name: "t", Trigger: tt.trigger, Missed: tt.missed, Keep: tasks.Every(100)}, nothing)
				m.live(minute)
				_, _ = m.Raise(context.Background(), "e", nil)
				m.live(24 * minute)
				dues := m.dues()
				m.jump(tt.jump)
				m.live(10 * minute)
				_, _ = m.Raise(context.Background(), "e", nil)
				m.live(15 * minute)
				m.want("due times", strings.Join(dues.list(), " "), tt.want)
				if tt.jump == time.Second {
					m.wantStory(jumps.list())
				} else {
					m.wantStory(jumps.list(), tt.jump.String())
				}
			})
		})
	}
}

// Limits, graces, sleeps and retries wait for time to pass, whatever the wall
// clock reads; deadlines move with it.
func TestLimitsAreNoMatterOfTheWallClock(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			onMachine(t, func(m *machine) {
				story := new(lines)
				m.Observe(func(e event.Event) {
					switch e.Kind {
					case event.Canceling, event.Started, event.Ended, event.Abandoned:
						story.add("%v %s %s", m.clk.Elapsed(), e.Task, e.Kind)
					}
				})
				var limited *tasks.Instance
				release := make(chan struct{})
				deaf := func(context.Context, *tasks.Instance) error { <-release; return nil }
				m.fire(m.add(m.App, tasks.Registration{Name: "sleeps"}, sleeper(50*time.Second)), nil)
				m.live(time.Second)
				m.fire(m.add(m.App, tasks.Registration{Name: "limited", TimeLimit: time.Minute}, func(_ context.Context, in *tasks.Instance) error {
					limited = in
					return in.Sleep(time.Hour)
				}), nil)
				m.live(time.Second)
				m.fire(m.add(m.App, tasks.Registration{Name: "retries", Retry: exactly(2, 40*time.Second)}, func(context.Context, *tasks.Instance) error { return errDisk }), nil)
				m.live(time.Second)
				canceled := m.add(m.App, tasks.Registration{Name: "canceled", Grace: 30 * time.Second}, deaf)
				m.fire(canceled, nil)
				m.wait()
				canceled.Cancel(activation.Abort)
				// It blocks natively, and so the App is never idle from here on.
				m.wait()
				m.clk.Advance(7 * time.Second)
				m.clk.Jump(jump)
				m.Explain("limited") // it looks
				m.wait()
				deadline, ok := limited.Deadline()
				if left := deadline.Sub(m.clk.Now()); !ok || left != 51*time.Second {
					m.Errorf("deadline in %v, %t", left, ok)
				}
				for range 60 {
					m.clk.Advance(time.Second)
					m.wait()
				}
				got := story.list()
				m.wantStory(got,
					"0s sleeps started", "1s limited started", "2s retries started", "2s retries ended", "3s canceled started", "3s canceled canceling",
					"33s canceled abandoned", "33s canceled ended",
					"42s retries started", "42s retries ended",
					"50s sleeps ended",
					"1m1s limited canceling", "1m1s limited ended",
				)
				close(release)
			})
		})
	}
}

// A task can follow jumps.
func TestClockJumpTrigger(t *testing.T) {
	onMachine(t, func(m *machine) {
		story := new(lines)
		m.add(m.App, tasks.Registration{Name: "t", Trigger: trigger.ClockJump(), Keep: tasks.Every(9)}, func(_ context.Context, in *tasks.Instance) error {
			story.add("%v at %s", in.Details(), since(m.clk.Now()))
			return nil
		})
		for _, d := range []time.Duration{time.Hour, -2 * time.Hour, 500 * time.Millisecond, -time.Second, time.Minute} {
			m.live(time.Minute)
			m.jump(d)
		}
		m.wantStory(story.list(), "1h0m0s at 1h1m0s", "-2h0m0s at -58m0s", "1m0s at -54m0.5s")
	})
}

// A Mock that is set back delays its timers; the App notices at its next call
// and sets its alarm anew.
func TestMockSetBack(t *testing.T) {
	inLandOfGoroutines(t, func(l *land) {
		mock := bb.NewMock()
		mock.Set(dawn)
		a, story := l.newApp(app.WithClock(clock.Wrap(mock))), new(lines)
		a.Observe(func(e event.Event) {
			switch e.Kind {
			case event.ClockJumped, event.Missed, event.Canceling, event.Fired:
				story.add("%v %s", e.At.Sub(dawn), e)
			}
		})
		l.add(a, tasks.Registration{Name: "t", Trigger: trigger.Every(10 * time.Minute)}, nothing)
		limited := l.add(a, tasks.Registration{Name: "limited", TimeLimit: 15 * time.Minute}, sleeper(time.Hour))
		l.start(a)
		step := func(d time.Duration) { mock.Add(d); l.idle(a) }
		step(10 * time.Minute)
		step(10 * time.Minute)
		l.fire(limited, nil)
		l.idle(a)
		step(5 * time.Minute)
		mock.Set(dawn.Add(5 * time.Minute))
		l.idle(a)
		for range 4 {
			step(5 * time.Minute)
		}
		l.wantStory(story.list(),
			"10m0s t fired act=1",
			"20m0s t fired act=2",
			"20m0s limited fired act=3",
			`5m0s clock jumped "-20m0s"`,
			"10m0s t fired act=4",
			"15m0s limited canceling act=3 inst=3 reason=ExecutionTimeExceeded",
			"20m0s t fired act=5",
		)
		l.stop(a)
	})
}

// At most one dump of all goroutines a minute, and again after the clock was set
// back.
func TestDumpsAreRare(t *testing.T) {
	onMachine(t, func(m *machine) {
		release := make(chan struct{})
		for i := range 5 {
			m.add(m.App, tasks.Registration{Name: fmt.Sprintf("t%d", i), Grace: -1}, func(context.Context, *tasks.Instance) error {
				<-release
				return nil
			})
		}
		abandon := func(i int) {
			task, _ := m.Task(fmt.Sprintf("t%d", i))
			m.fire(task, nil)
			m.wait()
			task.Cancel(activation.Abort)
			m.wait()
		}
		wantStack := func(i int, want bool) {
			m.Helper()
			m.want(fmt.Sprintf("t%d is told with its stack", i), m.log.has("abandoned", fmt.Sprintf("task=t%d", i), "TestDumpsAreRare"), want)
			m.want(fmt.Sprintf("t%d is told", i), m.log.has("abandoned", fmt.Sprintf("task=t%d", i)), true)
		}
		abandon(0)
		wantStack(0, true)
		m.clk.Advance(59 * time.Second)
		abandon(1)
		wantStack(1, false)
		m.clk.Advance(time.Second)
		abandon(2)
		wantStack(2, true)
		m.clk.Advance(time.Second)
		m.clk.Jump(-time.Hour)
		abandon(3)
		wantStack(3, true)
		m.clk.Advance(time.Second)
		abandon(4)
		wantStack(4, false)
		close(release)
	})
}

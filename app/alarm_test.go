package app_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/tasks"
)

// A workday is a clock on which only work takes time, and which calls nobody.
type workday struct {
	began time.Time

	mu     sync.Mutex // guards the following
	passed time.Duration
	alarms []time.Duration // when they were to ring, after the beginning
}

func (w *workday) work(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passed += d
}

func (w *workday) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.began.Add(w.passed)
}

func (w *workday) Since(reading time.Time) time.Duration { return w.Now().Sub(reading) }

func (w *workday) AfterFunc(d time.Duration, _ func()) clock.Timer {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.alarms = append(w.alarms, w.passed+d)
	return stopped{}
}

type stopped struct{}

func (stopped) Stop() bool { return true }

// A laborious trigger takes a second to say that it is due at an instant.
type laborious struct {
	w  *workday
	at time.Time
}

func (l laborious) Arm(p activation.Port) error { p.Schedule(l); return nil }

func (l laborious) String() string { return "laborious" }

func (l laborious) Next(ph activation.Phase) (time.Time, bool) {
	l.w.work(time.Second)
	return l.at, ph.N == 0
}

// The alarm rings when the first task is due, however long it took to arm all of
// them.
func TestAlarmKnowsHowLongArmingTook(t *testing.T) {
	w := &workday{began: time.Now()}
	a := app.New(app.WithClock(w), app.WithOnBackgroundActivated(func(context.Context, *tasks.Instance) error { return nil }))
	for i := range 10 {
		r := tasks.Registration{Name: strconv.Itoa(i), Trigger: laborious{w, w.began.Add(time.Duration(20+i) * time.Second)}}
		if _, err := a.Register(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	alarms := slices.Clone(w.alarms)
	w.mu.Unlock()
	if want := []time.Duration{20 * time.Second}; !slices.Equal(alarms, want) {
		t.Errorf("alarms: got %v, want %v", alarms, want)
	}
	if _, err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

package app_test

import (
	"context"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A registration that waits for time and has never fired takes 260 bytes at
// most, its name not counted.
func TestIdleRegistrationIsSmall(t *testing.T) {
	const n, most = 100_000, 260
	names := make([]string, n)
	for i := range names {
		names[i] = "task-" + strconv.Itoa(i)
	}
	a := app.New(app.WithOnBackgroundActivated(nothing))
	before := inUse()
	for _, name := range names {
		if _, err := a.Register(tasks.Registration{Name: name, Trigger: trigger.Every(15 * time.Minute)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	each := (inUse() - before) / n
	if each > most {
		t.Errorf("each takes %d bytes, want %d at most", each, most)
	}
	runtime.KeepAlive(names)
	if _, err := a.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// inUse is how much of the heap is.
func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Tasks on equal terms are told apart in everything else: each has its own
// phase, and what changes one does not change the others.
func TestTasksOnEqualTermsAreApart(t *testing.T) {
	play(t, func(s *stage) {
		s.tell(event.Started)
		s.start()
		on := func(name string) tasks.Registration {
			s.HandleFunc(name, nothing)
			return tasks.Registration{Name: name, Trigger: trigger.Every(time.Minute)}
		}
		a := on("a")
		s.register(a)
		s.wait(20 * time.Second)
		b, c := on("b"), on("c")
		s.register(b)
		s.register(c)
		b.Trigger = trigger.Every(time.Hour)
		if _, err := s.Apply([]tasks.Registration{a, b, c}); err != nil {
			s.t.Fatal(err)
		}
		s.wait(time.Minute)
		s.heard("1m0s a started act=1 inst=1", "1m20s c started act=2 inst=2")
		b.Trigger = trigger.Every(time.Minute) // on the terms of the others again
		plan, err := s.Apply([]tasks.Registration{a, b, c})
		if want := "= a\n~ b: trigger every(1h0m0s) -> every(1m0s)\n= c"; err != nil || plan.String() != want {
			s.t.Errorf("Apply: got %v, %v, want %s", plan, err, want)
		}
		s.wait(time.Minute)
		s.heard("2m0s a started act=3 inst=3", "2m20s c started act=4 inst=4", "2m20s b started act=5 inst=5")
	})
}

package app_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// A history is what happened in the lives of a service, but for what a process
// did that was dead already.
type history struct {
	t         *testing.T
	dead      bool
	allowed   map[string]uint64 // what was fired and allowed, and its activation
	details   map[uint64]string // of activations
	attempts  map[uint64]int    // the last that began
	succeeded map[string]bool
	told      map[uint64]bool // whose success was told
	ticks     map[time.Duration]bool
	due       map[time.Time]uint64 // which activation a tick is
	chained   map[uint64]bool
}

func newHistory(t *testing.T) *history {
	return &history{
		t: t, allowed: map[string]uint64{}, details: map[uint64]string{}, attempts: map[uint64]int{},
		succeeded: map[string]bool{}, told: map[uint64]bool{}, ticks: map[time.Duration]bool{}, due: map[time.Time]uint64{}, chained: map[uint64]bool{},
	}
}

// begins checks what must hold of every attempt.
func (h *history) begins(in *tasks.Instance) {
	if h.dead {
		return
	}
	id, details := in.Activation(), fmt.Sprint(in.Name(), in.Due(), in.Details())
	if in.Name() == "work" {
		details = fmt.Sprint(in.Details())
	}
	if was, known := h.details[id]; known && was != details {
		h.t.Errorf("activation %d was %s, and is %s", id, was, details)
	}
	if was := h.due[in.Due()]; in.Name() == "tick" && was != 0 && was != id {
		h.t.Errorf("the tick at %v is activation %d, and was %d", in.Due(), id, was)
	}
	if in.Name() == "tick" {
		h.due[in.Due()] = id
	}
	h.details[id] = details
	if last := h.attempts[id]; in.Attempt() <= last {
		h.t.Errorf("activation %d: attempt %d after %d", id, in.Attempt(), last)
	}
	h.attempts[id] = in.Attempt()
	if h.told[id] {
		h.t.Errorf("activation %d runs again, though its success was told", id)
	}
}

// play is one life of the service: it goes on where the life before ended.
func (h *history) play(v *lives, from, to int) {
	v.setup = func(s *stage) {
		s.HandleFunc("tick", func(_ context.Context, in *tasks.Instance) error {
			h.begins(in)
			err := in.Sleep(20 * time.Second)
			if err == nil && !h.dead {
				h.ticks[in.Due().Sub(dawn).Truncate(time.Second)] = true
			}
			return err
		})
		s.HandleFunc("work", func(_ context.Context, in *tasks.Instance) error {
			h.begins(in)
			if err := in.Sleep(7 * time.Second); err != nil {
				return err
			}
			if in.Attempt() == 1 && in.Activation()%2 == 0 {
				return errors.New("not yet")
			}
			if !h.dead {
				h.succeeded[fmt.Sprint(in.Details())] = true
			}
			return nil
		})
		s.Handle("chain", tasks.Typed(func(_ context.Context, in *tasks.Instance, e event.Event) error {
			h.begins(in)
			if !h.dead {
				h.chained[e.Activation] = true
			}
			return nil
		}))
		s.register(tasks.Registration{
			Name: "tick", Trigger: trigger.Every(30 * time.Second), Missed: tasks.MissedAll(99), Keep: tasks.Every(99),
		})
		work := s.register(tasks.Registration{
			Name: "work", Trigger: never(""), Keep: tasks.Every(9), Overlap: tasks.Parallel(2),
			Retry: tasks.Retry{Attempts: 5, Backoff: 3 * time.Second},
		})
		s.register(tasks.Registration{Name: "chain", Trigger: trigger.Completion("work", trigger.OnSuccess), Keep: tasks.Every(99)})
		work.OnCompleted(func(e event.Event) {
			if !h.dead && e.Err == nil {
				h.told[e.Activation] = true
			}
		})
		s.start()
	}
	v.live(func(s *stage) {
		work, _ := s.Task("work")
		for n := from; n < to && !h.dead; n++ {
			details := fmt.Sprint("job ", n)
			r, err := work.Fire(s.ctx, details)
			if !h.dead && err == nil && r.Result == activation.Allowed {
				h.allowed[details] = r.ID
			}
			s.wait(5 * time.Second)
		}
		for n := 0; n < 12 && !h.dead; n++ {
			s.wait(10 * time.Second)
		}
	})
}

// A process that ends at any Append, with nothing, a part or all of it written,
// has lost nothing that it had said was accepted, and does nothing again that it
// had said was done.
func TestCrashAtEveryCommitPoint(t *testing.T) {
	for seed := range uint64(2) {
		for _, part := range []int{0, 1, 2, 3} { // thirds of what is not durable
			for k, more := 1, true; more && !t.Failed(); k++ {
				more = crashAt(t, seed, k, part)
				if t.Failed() {
					t.Errorf("seed %d, append %d, %d thirds written", seed, k, part)
				}
				if more = more && k < 500; !more && k < 30 {
					t.Errorf("only %d appends", k)
				}
			}
		}
	}
}

// crashAt ends the first life in its k-th Append, and reports whether it came to
// that.
func crashAt(t *testing.T, seed uint64, k, part int) (crashed bool) {
	v := &lives{t: t, seed: seed, disk: new(store.Memory), now: dawn}
	h := newHistory(t)
	n, disk := 0, v.disk
	var left *store.Memory
	disk.Sync = func(context.Context, []store.Record) error {
		if n++; n == k {
			left, h.dead = disk.Crash(disk.Unsynced()*part/3), true
		}
		return nil
	}
	h.play(v, 0, 12)
	if left != nil {
		v.disk = left
	}
	v.disk.Sync = nil
	h.dead = false
	v.down(45 * time.Second)
	h.play(v, 12, 14)

	for details, id := range h.allowed {
		switch {
		case !h.succeeded[details]:
			t.Errorf("%s was allowed, and is lost", details)
		case h.details[id] != details:
			t.Errorf("%s was allowed as activation %d, which is %q", details, id, h.details[id])
		case !h.chained[id]:
			t.Errorf("%s was done, and nothing followed", details)
		}
	}
	first := 30 * time.Second
	if k == 1 && part < 3 { // the registration was lost, and made again
		return left != nil
	}
	for at := first; at <= v.now.Sub(dawn)-time.Minute; at += 30 * time.Second {
		if !h.ticks[at] {
			t.Errorf("the tick at %v is lost; there were %v", at, h.ticks)
		}
	}
	return left != nil
}

// Fire is answered, and a handler begins, only when what was accepted is
// durable; an outcome is told only when it is.
func TestAcceptedMeansDurable(t *testing.T) {
	overLives(t, func(v *lives) {
		var slow func()
		v.disk.Sync = func(context.Context, []store.Record) error { slow(); return nil }
		v.live(func(s *stage) {
			slow = func() { s.wait(10 * time.Second) }
			s.HandleFunc("x", begins(s, nothing))
			s.register(tasks.Registration{Name: "x", Trigger: never("")})
			s.tell(event.Fired, event.Completed)
			s.start()
			s.wait(30 * time.Second) // the registration is durable
			task, _ := s.Task("x")
			r := s.fire(task, nil)
			s.note("allowed %d", r.ID)
			if err := r.Wait(s.ctx); err != nil {
				s.t.Errorf("Wait: got %v", err)
			}
			s.note("done")
			s.settle()
			s.heardInAnyOrder(
				"30s x fired act=1", // told later, of that time
				"40s allowed 1", "40s x act=1 attempt=1 merged=1 due=30s details=<nil>",
				"40s x completed act=1 inst=1 n=1", "50s done",
			)
		})
	})
}

// What is decided while the store writes is written together.
func TestGroupCommit(t *testing.T) {
	overLives(t, func(v *lives) {
		appends, records := 0, 0
		var slow func()
		v.disk.Sync = func(_ context.Context, list []store.Record) error {
			appends, records = appends+1, records+len(list)
			slow()
			return nil
		}
		v.live(func(s *stage) {
			slow = func() { s.wait(time.Second) }
			s.register(tasks.Registration{Name: "x", Trigger: never(""), Keep: tasks.Every(200)})
			s.HandleFunc("x", sleeper(time.Hour))
			s.start()
			s.wait(10 * time.Second)
			appends, records = 0, 0
			task, _ := s.Task("x")
			allowed := 0
			for range 100 {
				s.begin(func() { s.fire(task, nil); allowed++ })
			}
			s.wait(1500 * time.Millisecond)
			s.wait(1600 * time.Millisecond)
			if allowed != 100 || appends > 3 || records < 100 {
				s.t.Errorf("%d allowed after %d appends with %d records, want 100 after 3 at most", allowed, appends, records)
			}
		})
	})
}

// While the store fails nothing durable starts and callers are refused; what
// was decided is stored later, and nothing is lost.
func TestFailingStoreHoldsWhatIsDurable(t *testing.T) {
	overLives(t, func(v *lives) {
		var fails error
		tries := 0
		v.disk.Sync = func(context.Context, []store.Record) error { tries++; return fails }
		v.setup = func(s *stage) {
			s.HandleFunc("x", begins(s, nothing))
			s.HandleFunc("volatile", nothing)
			s.register(tasks.Registration{Name: "x", Trigger: trigger.Every(time.Minute)})
			s.register(tasks.Registration{Name: "volatile", Trigger: never(""), Volatile: true})
			s.tell(event.StoreFailed, event.StoreRecovered)
			s.start()
		}
		v.live(func(s *stage) {
			s.wait(30 * time.Second)
			fails = errors.New("disk full")
			x, _ := s.Task("x")
			volatile, _ := s.Task("volatile")
			if r, err := x.Fire(s.ctx, nil); !errors.Is(err, app.ErrStore) || !errors.Is(err, fails) || r.Result != activation.UnknownError {
				s.t.Errorf("Fire: got %v, %v, want ErrStore", r.Result, err)
			}
			if r, err := x.Fire(s.ctx, nil); !errors.Is(err, app.ErrStore) || r.Result != activation.UnknownError {
				s.t.Errorf("Fire again: got %v, %v, want ErrStore", r.Result, err)
			}
			if err := s.fire(volatile, nil).Wait(s.ctx); err != nil {
				s.t.Errorf("volatile: got %v", err)
			}
			s.heard(`30s store failed err="disk full"`)
			s.wait(40 * time.Second) // it is due meanwhile
			if e := s.Explain("x"); len(e.Pending) != 1 || e.Pending[0].For != event.ForStore {
				s.t.Errorf("Explain: got %v", e)
			}
			if tries > 14 {
				s.t.Errorf("%d tries in 40 s", tries)
			}
			fails = nil
			s.wait(time.Minute)
			s.settle()
			if len(s.notes) < 3 {
				s.t.Errorf("got %q", s.notes)
			}
			s.notes = nil
		})
		fails = nil
		v.live(func(s *stage) { s.heard() })
	})
}

// Stop tries once more to store what could not be stored, and is not kept up by
// a store that still fails or never returns.
func TestStopIsNotKeptUpByTheStore(t *testing.T) {
	overLives(t, func(v *lives) {
		fails := errors.New("disk full")
		tries := 0
		v.live(func(s *stage) {
			s.register(tasks.Registration{Name: "x", Trigger: never("")})
			s.HandleFunc("x", nothing)
			s.start()
			s.settle()
			v.disk.Sync = func(context.Context, []store.Record) error { tries++; return fails }
			task, _ := s.Task("x")
			if _, err := task.Fire(s.ctx, nil); !errors.Is(err, app.ErrStore) {
				s.t.Errorf("Fire: got %v, want ErrStore", err)
			}
			before := tries
			if _, err := s.Stop(s.ctx); err != nil || tries != before+1 {
				s.t.Errorf("Stop: got %v after %d tries more, want 1", err, tries-before)
			}
		})
		v.disk.Sync = nil
		v.live(func(s *stage) {
			s.register(tasks.Registration{Name: "x", Trigger: never("")})
			s.HandleFunc("x", nothing)
			s.start()
			s.settle()
			v.disk.Sync = func(context.Context, []store.Record) error { s.wait(time.Hour); return nil }
			task, _ := s.Task("x")
			over := s.begin(func() {
				if _, err := task.Fire(s.ctx, nil); !errors.Is(err, app.ErrStore) {
					s.t.Errorf("Fire: got %v, want ErrStore", err)
				}
			})
			s.settle()
			began := s.Clock().Now()
			if _, err := s.Stop(s.ctx); err != nil {
				s.t.Errorf("Stop: got %v", err)
			}
			if took := s.Clock().Now().Sub(began); took > 2*app.DefaultGrace {
				s.t.Errorf("Stop took %v", took)
			}
			s.settle()
			if !*over {
				s.t.Error("Fire still waits")
			}
		})
	})
}

// The same on goroutines, for the race detector.
func TestStoreOnGoroutines(t *testing.T) {
	disk := new(store.Memory)
	var ran atomic.Int64
	life := func(story func(a *app.App, work *app.Task)) {
		a := app.New(app.WithStore(disk), app.WithLogger(quiet()))
		a.HandleFunc("work", func(_ context.Context, in *tasks.Instance) error {
			ran.Add(1)
			if in.Attempt() == 1 && in.Activation()%8 == 0 {
				return tasks.RetryAfter(0, errors.New("not yet"))
			}
			return in.Sleep(time.Microsecond)
		})
		work, err := a.Register(tasks.Registration{
			Name: "work", Trigger: never(""), Keep: tasks.Every(1000), Overlap: tasks.Parallel(4), Retry: tasks.Retry{Attempts: 2},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		story(a, work)
		if _, err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	life(func(_ *app.App, work *app.Task) {
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				for range 40 {
					r, err := work.Fire(t.Context(), n)
					if err != nil || r.Result != activation.Allowed {
						t.Errorf("Fire: got %v, %v", r.Result, err)
						return
					}
					if err := r.Wait(t.Context()); err != nil {
						t.Errorf("Wait: got %v", err)
					}
				}
			})
		}
		wg.Wait()
		for range 100 { // which Stop finds in all states
			if _, err := work.Fire(t.Context(), "late"); err != nil {
				t.Error(err)
			}
		}
	})
	disk = disk.Crash(0)
	life(func(a *app.App, work *app.Task) {
		for len(work.Explain().Pending)+a.Snapshot().Active > 0 {
			if err := a.WaitIdle(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n := ran.Load(); n < 8*40+100 {
		t.Errorf("%d attempts, want one for each firing at least", n)
	}
	left := 0
	_ = disk.Load(t.Context(), func(store.Record) error { left++; return nil })
	if left != 1 {
		t.Errorf("%d records are left, want that of the task", left)
	}
}

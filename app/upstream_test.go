package app_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// The tests of the Windows Community Toolkit's BackgroundTaskHelper (T1 to T7)
// and those that its code asks for (D1 to D13), by their names and numbers. A
// TimeTrigger(15, true) is After(15 minutes), a TimeTrigger(15, false) Every.

// helped is the registration that most of the original's tests make.
func helped() tasks.Registration {
	return tasks.Registration{Name: "TaskName", Trigger: trigger.After(15 * time.Minute)}
}

// T1: the result is not null.
func TestUpstream_Register_NoConditions(t *testing.T) {
	play(t, func(s *stage) {
		if task, err := s.Register(helped()); task == nil || err != nil {
			s.t.Errorf("Register: got %v, %v", task, err)
		}
	})
}

// T2: the result is not null. Ours also waits for both.
func TestUpstream_Register_WithConditions(t *testing.T) {
	play(t, func(s *stage) {
		internet, user := condition.NewFlag("InternetAvailable", false), condition.NewFlag("UserPresent", false)
		s.HandleFunc("TaskName", func(context.Context, *tasks.Instance) error { s.note("ran"); return nil })
		r := helped()
		r.Conditions = []activation.Condition{internet, user}
		if task, err := s.Register(r); task == nil || err != nil {
			s.t.Errorf("Register: got %v, %v", task, err)
		}
		s.start()
		s.wait(16 * time.Minute)
		internet.Set(true)
		s.heard()
		user.Set(true)
		s.heard("16m0s ran")
	})
}

// T3: IsRegistered is false after Unregister.
func TestUpstream_Unregister(t *testing.T) {
	play(t, func(s *stage) {
		s.register(helped())
		if !s.IsRegistered("TaskName") {
			s.t.Fatal("Task failed to register!") // where the original is inconclusive
		}
		s.Unregister("TaskName", true)
		if s.IsRegistered("TaskName") {
			s.t.Error("IsRegistered: got true after Unregister")
		}
	})
}

// T4, T5: IsRegistered is false without the task, true with it.
func TestUpstream_IsBackgroundTaskRegistered(t *testing.T) {
	play(t, func(s *stage) {
		if s.IsRegistered("TaskName") {
			s.t.Error("IsRegistered: got true with no task")
		}
		s.register(helped())
		if !s.IsRegistered("TaskName") {
			s.t.Error("IsRegistered: got false with a valid task")
		}
	})
}

// T6, T7: GetBackgroundTask is null without the task, not null with it. Ours is
// the very registration.
func TestUpstream_GetBackgroundTask(t *testing.T) {
	play(t, func(s *stage) {
		if task, ok := s.Task("TaskName"); ok || task != nil {
			s.t.Errorf("Task: got %v, %v with no task", task, ok)
		}
		registered := s.register(helped())
		if task, ok := s.Task("TaskName"); !ok || task != registered {
			s.t.Errorf("Task: got %v, %v, want %v", task, ok, registered)
		}
	})
}

// D1, D2: the second is null and the stored one is unchanged, also if the
// second has another trigger and other conditions. Ours is ErrRegistered.
func TestUpstream_RegisterTwice(t *testing.T) {
	play(t, func(s *stage) {
		s.HandleFunc("TaskName", func(context.Context, *tasks.Instance) error { s.note("ran"); return nil })
		first := s.register(helped())
		for _, second := range []tasks.Registration{
			helped(),
			{Name: "TaskName", Trigger: trigger.Every(time.Minute)},
			{Name: "TaskName", Trigger: helped().Trigger, Conditions: []activation.Condition{condition.NewFlag("off", false)}},
		} {
			if task, err := s.Register(second); task != nil || !errors.Is(err, app.ErrRegistered) {
				s.t.Errorf("Register: got %v, %v, want ErrRegistered", task, err)
			}
		}
		if task, _ := s.Task("TaskName"); task != first || task.ID() != first.ID() {
			s.t.Errorf("Task: got %v, want the first", task)
		}
		s.start()
		s.wait(20 * time.Minute)
		s.heard("15m0s ran")
	})
}

// D3: with forceRegister the second is not null, has a new ID, and is the only
// one; the running instance got Abort.
func TestUpstream_RegisterTwice_Force(t *testing.T) {
	play(t, func(s *stage) {
		s.Handle("TaskName", sleeper(time.Hour))
		first := s.register(helped())
		first.OnCompleted(func(e event.Event) { s.note("%v", e.Err) })
		s.start()
		s.fire(first, nil)
		s.wait(time.Minute)
		second, err := s.Replace(helped())
		if err != nil || second == nil || second.ID() == first.ID() {
			s.t.Fatalf("Replace: got %v, %v", second, err)
		}
		s.heard("1m0s tasks: canceled: Abort")
		if got := slices.Collect(s.All()); len(got) != 1 || got[0] != second {
			s.t.Errorf("All: got %v, want the second", got)
		}
	})
}

// D4, D5: an empty entry point is the single-process model; with another, and
// with the overload by type, the original registers for a process of its own.
// Ours refuses that while there is no task host, and changes nothing.
func TestUpstream_EntryPoint(t *testing.T) {
	play(t, func(s *stage) {
		r := helped()
		r.EntryPoint = "X"
		if task, err := s.Register(r); task != nil || !errors.Is(err, app.ErrNeedsHost) {
			s.t.Errorf("Register: got %v, %v, want ErrNeedsHost", task, err)
		}
		for _, in := range []app.Registrar{s.App, s.Group("g")} {
			if task, err := app.RegisterType[TestBackgroundTask](in, tasks.Registration{Trigger: never("")}); task != nil || !errors.Is(err, app.ErrNeedsHost) {
				s.t.Errorf("RegisterType: got %v, %v, want ErrNeedsHost", task, err)
			}
		}
		if task, err := app.RegisterType[TestBackgroundTask](s.App, helped()); task != nil || !errors.Is(err, errors.ErrUnsupported) {
			s.t.Errorf("RegisterType with a name: got %v, %v, want ErrUnsupported", task, err)
		}
		if got := s.names(); len(got) != 0 {
			s.t.Errorf("All: got %v, want none", got)
		}
		r.EntryPoint = ""
		s.register(r)
	})
}

// TestBackgroundTask is the sample's name for a task of its own.
type TestBackgroundTask struct{}

func (TestBackgroundTask) Run(_ context.Context, in *tasks.Instance) error {
	return in.Sleep(time.Second)
}

// D5: the name is the type's short name, the entry point its full name.
func TestUpstream_TypeName(t *testing.T) {
	const full = "github.com/bgloop/bgloop/app_test.TestBackgroundTask"
	if name, entry := tasks.TypeName[TestBackgroundTask](); name != "TestBackgroundTask" || entry != full {
		t.Errorf("TypeName: got %q, %q", name, entry)
	}
	if name, entry := tasks.TypeName[*TestBackgroundTask](); name != "TestBackgroundTask" || entry != full {
		t.Errorf("TypeName of a pointer: got %q, %q", name, entry)
	}
}

// D6: an unknown name has no effect. (A nil registration cannot be: Unregister
// takes a name, or is a method of a Task.)
func TestUpstream_Unregister_Unknown(t *testing.T) {
	play(t, func(s *stage) {
		task := s.register(helped())
		s.Unregister("nobody", true)
		s.Unregister("", false)
		if got := s.names(); !slices.Equal(got, []string{"TaskName"}) {
			s.t.Errorf("All: got %v", got)
		}
		task.Unregister(true)
		task.Unregister(true) // as does a second time
	})
}

// D7: Unregister(forceExit=false) while running: the instance is not canceled
// and finishes; the name is gone at once.
func TestUpstream_Unregister_NoForceExit(t *testing.T) {
	play(t, func(s *stage) {
		s.Handle("TaskName", sleeper(time.Hour))
		task := s.register(helped())
		task.OnCompleted(func(e event.Event) { s.note("completed: %v", e.Err) })
		s.start()
		s.fire(task, nil)
		s.wait(time.Minute)
		s.Unregister("TaskName", false)
		if s.IsRegistered("TaskName") {
			s.t.Error("IsRegistered: got true")
		}
		s.register(helped()) // the name is free
		s.wait(time.Hour)
		s.heard("1h0m0s completed: <nil>")
	})
}

// D8: by default a lost condition cancels; with enforceConditions=false it does
// not.
func TestUpstream_EnforceConditions(t *testing.T) {
	for _, tt := range []struct {
		keep bool
		want string
	}{
		{false, "1m0s tasks: canceled: ConditionLoss"},
		{true, "1h0m0s <nil>"},
	} {
		play(t, func(s *stage) {
			online := condition.NewFlag("online", true)
			s.Handle("TaskName", sleeper(time.Hour))
			r := helped()
			r.Conditions, r.KeepOnConditionLoss = []activation.Condition{online}, tt.keep
			task := s.register(r)
			task.OnCompleted(func(e event.Event) { s.note("%v", e.Err) })
			s.start()
			s.fire(task, nil)
			s.wait(time.Minute)
			online.Set(false)
			s.wait(time.Hour)
			s.heard(tt.want)
		})
	}
}

// D9: no conditions are fine, given as nil or as an empty list.
func TestUpstream_NilConditions(t *testing.T) {
	for _, none := range [][]activation.Condition{nil, {}} {
		play(t, func(s *stage) {
			s.HandleFunc("TaskName", nothing)
			r := helped()
			r.Conditions = none
			task := s.register(r)
			s.start()
			if err := s.fire(task, nil).Wait(s.ctx); err != nil {
				s.t.Errorf("outcome: %v", err)
			}
		})
	}
}

// D10: a name in another case is another task.
func TestUpstream_NameIsCaseSensitive(t *testing.T) {
	play(t, func(s *stage) {
		s.register(helped())
		if s.IsRegistered("taskname") {
			s.t.Error("IsRegistered: got true for another case")
		}
		r := helped()
		r.Name = "taskname"
		s.register(r)
		if got := s.names(); !slices.Equal(got, []string{"TaskName", "taskname"}) {
			s.t.Errorf("All: got %v", got)
		}
	})
}

// D11: a grouped task of the same name is not seen: the helper reports that
// none is registered, and Register succeeds.
func TestUpstream_GroupedTaskOfSameName(t *testing.T) {
	play(t, func(s *stage) {
		grouped := s.register(helped(), s.Group("library"))
		if s.IsRegistered("TaskName") {
			s.t.Error("IsRegistered: got true for a grouped task")
		}
		s.Unregister("TaskName", true)
		ungrouped := s.register(helped())
		if got, _ := s.Group("library").Task("TaskName"); got != grouped || got == ungrouped {
			s.t.Errorf("Group.Task: got %v, want %v", got, grouped)
		}
	})
}

// D12: an invalid trigger is an error. With forceRegister the original has lost
// the old registration by then; ours keeps it as it was.
func TestUpstream_InvalidTrigger(t *testing.T) {
	play(t, func(s *stage) {
		s.HandleFunc("TaskName", func(context.Context, *tasks.Instance) error { s.note("ran"); return nil })
		old := s.register(helped())
		s.start()
		s.wait(10 * time.Minute)
		r := helped()
		r.Trigger = trigger.Every(14 * time.Minute)
		if task, err := s.Replace(r); task != nil || !errors.Is(err, app.ErrTooOften) {
			s.t.Errorf("Replace: got %v, %v, want ErrTooOften", task, err)
		}
		if got, _ := s.Task("TaskName"); got != old {
			s.t.Errorf("Task: got %v, want the old one", got)
		}
		s.wait(10 * time.Minute)
		s.heard("15m0s ran") // its phase has not begun anew
	}, app.WithMinimumInterval(15*time.Minute))
}

// D13: of two duplicates made with the raw builder, the helper's Unregister
// leaves one. Ours has no duplicates: a name is unique whatever the order of
// calls, so that Unregister leaves none.
func TestUpstream_NoDuplicates(t *testing.T) {
	play(t, func(s *stage) {
		for range 3 {
			_, _ = s.Register(helped())
			_, _ = s.Replace(helped())
		}
		if got := s.names(); !slices.Equal(got, []string{"TaskName"}) {
			s.t.Errorf("All: got %v, want one", got)
		}
		s.Unregister("TaskName", true)
		if got := s.names(); len(got) != 0 {
			s.t.Errorf("All: got %v, want none", got)
		}
	})
}

// The Windows App SDK's TestBackgroundTaskRegistration: an event trigger, one
// condition, a name; the registration is not null, has the name, is listed, and
// Unregister(true) ends it. Its task ID is ours to choose.
func TestUpstream_AppSDK_BackgroundTaskRegistration(t *testing.T) {
	play(t, func(s *stage) {
		task := s.register(tasks.Registration{
			Name:       "TestName",
			Trigger:    trigger.Custom("TimeZoneChange", trigger.Always),
			Conditions: []activation.Condition{condition.NewFlag("InternetAvailable", true)},
		})
		if task.Name() != "TestName" || task.ID() == 0 || task.Group() != "" || task.String() != "TestName" {
			s.t.Errorf("got %v, name %q, ID %d, group %q", task, task.Name(), task.ID(), task.Group())
		}
		if got := slices.Collect(s.All()); !slices.Equal(got, []*app.Task{task}) {
			s.t.Errorf("All: got %v", got)
		}
		task.Unregister(true)
		if got := s.names(); len(got) != 0 {
			s.t.Errorf("All: got %v, want none", got)
		}
	})
}

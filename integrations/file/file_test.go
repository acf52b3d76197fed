package file_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/integrations/file"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Error(err)
	}
}

// The trigger keeps the promises of all triggers, for a directory and for a file.
func TestChanged(t *testing.T) {
	for name, watched := range map[string]string{"directory": ".", "file": "f1"} {
		t.Run(name, func(t *testing.T) {
			var dir string
			n := 0
			activationtest.Trigger(t, activationtest.Source{
				New: func(t testing.TB) activation.Trigger {
					dir = t.TempDir()
					return file.Changed(filepath.Join(dir, watched)).Wait(10*time.Millisecond, 20*time.Millisecond)
				},
				Provoke: func(t testing.TB) {
					n++
					write(t, filepath.Join(dir, "f1"), fmt.Sprint(n))
					write(t, filepath.Join(dir, "f2"), fmt.Sprint(n))
				},
				Passes: 10 * time.Millisecond,
				Check: func(t testing.TB, details any) {
					c, ok := details.(file.Changes)
					if !ok || len(c.Paths) == 0 || !slices.IsSorted(c.Paths) || name == "file" && !slices.Equal(c.Paths, []string{filepath.Join(dir, "f1")}) {
						t.Errorf("details: got %+v", details)
					}
				},
			})
		})
	}
}

// Both conditions keep the promises of all conditions.
func TestExists_Missing(t *testing.T) {
	for _, there := range []bool{true, false} {
		t.Run(fmt.Sprint(there), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lock")
			of := file.Missing
			if there {
				of = file.Exists
			}
			var all audience
			activationtest.Condition(t, activationtest.State{
				New: func(testing.TB) activation.Condition { return &heard{of(path), &all} },
				Set: func(t testing.TB, on bool) {
					if on == there {
						write(t, path, "x")
					} else {
						_ = os.Remove(path)
					}
					for !all.know(on) {
						runtime.Gosched()
					}
				},
			})
		})
	}
}

// An audience is what was told last to each that hears.
type audience struct {
	told sync.Map // of bool, by what was armed
}

// know reports whether all that hear have been told this last.
func (a *audience) know(holds bool) bool {
	all := true
	a.told.Range(func(_, told any) bool {
		all = all && told == holds
		return all
	})
	return all
}

// heard is a condition that tells an audience too.
type heard struct {
	activation.Condition
	all *audience
}

func (h *heard) Arm(report func(bool), p activation.Port) error {
	key := new(byte)
	p.OnDisarm(func() { h.all.told.Delete(key) })
	return h.Condition.Arm(func(holds bool) {
		report(holds)
		h.all.told.Store(key, holds)
	}, p)
}

// What cannot be watched is refused.
func TestRefused(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none", "x")
	for _, tt := range []struct {
		tr   activation.Trigger
		want error
	}{
		{file.Changed(), file.ErrNoPath},
		{file.Changed(""), file.ErrNoPath},
		{file.Changed(none), fs.ErrNotExist},
		{file.Changed(t.TempDir()).Wait(0, 1), file.ErrInterval},
		{file.Changed(t.TempDir()).Wait(2, 1), file.ErrInterval},
	} {
		if _, err := app.New().Register(tasks.Registration{Name: "x", Trigger: tt.tr}); !errors.Is(err, tt.want) {
			t.Errorf("%v: got %v, want %v", tt.tr, err, tt.want)
		}
	}
	for path, want := range map[string]error{"": file.ErrNoPath, none: fs.ErrNotExist} {
		r := tasks.Registration{Name: "x", Trigger: file.Changed(t.TempDir()), Conditions: []activation.Condition{file.Exists(path)}}
		if _, err := app.New().Register(r); !errors.Is(err, want) {
			t.Errorf("exists %q: got %v, want %v", path, err, want)
		}
	}
}

// A stage is an App on the system's clock, which the kernel's notices need.
type stage struct {
	*app.App
	t    *testing.T
	got  chan file.Changes
	hold sync.Mutex // keeps the handler from returning
}

func newStage(t *testing.T, tr activation.Trigger) *stage {
	t.Helper()
	s := &stage{App: app.New(app.WithLogger(slog.New(slog.DiscardHandler))), t: t, got: make(chan file.Changes, 1000)}
	s.Handle("x", tasks.Typed(func(_ context.Context, _ *tasks.Instance, c file.Changes) error {
		s.got <- c
		s.hold.Lock()
		defer s.hold.Unlock()
		return nil
	}))
	if _, err := s.Register(tasks.Registration{Name: "x", Trigger: tr}); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) stop() {
	s.t.Helper()
	if _, err := s.Stop(context.Background()); err != nil {
		s.t.Error(err)
	}
}

// want waits until all of the paths have been told, and returns how many
// activations and events it took.
func (s *stage) want(paths ...string) (lists, events int) {
	s.t.Helper()
	missing := make(map[string]bool, len(paths))
	for _, p := range paths {
		missing[p] = true
	}
	for len(missing) > 0 {
		select {
		case c := <-s.got:
			lists, events = lists+1, events+c.Events
			for _, p := range c.Paths {
				delete(missing, p)
			}
		case <-time.After(30 * time.Second):
			s.t.Fatalf("%d of %d paths were not told", len(missing), len(paths))
		}
	}
	return lists, events
}

// watched writes to a path until that is told, and so the watch has begun.
func (s *stage) watched(path string) {
	s.t.Helper()
	for {
		write(s.t, path, "?")
		select {
		case <-s.got:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// descriptors counts what the process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

// Ten thousand files in a burst, while the task is busy with the first of them:
// every one of them is told, in few activations, and no descriptor is left.
func TestChanged_Burst(t *testing.T) {
	if r, w, err := os.Pipe(); err == nil { // so that the runtime has what it waits with
		_, _ = r.Close(), w.Close()
	}
	before := descriptors(t)
	dir := t.TempDir()
	s := newStage(t, file.Changed(dir).Wait(20*time.Millisecond, 200*time.Millisecond))
	s.watched(filepath.Join(dir, "first"))
	s.hold.Lock()
	const n = 10_000
	paths := make([]string, n)
	for i := range paths {
		paths[i] = filepath.Join(dir, fmt.Sprintf("%05d", i))
		write(t, paths[i], "")
	}
	s.hold.Unlock()
	lists, events := s.want(paths...)
	t.Logf("%d files: %d activations, %d events", n, lists, events)
	if lists > n/100 {
		t.Errorf("activations: got %d for %d files", lists, n)
	}
	x := s.Explain("x")
	if x.Counts.Refused != 0 || x.Counts.Merged != 0 {
		t.Errorf("counts: got %+v, want none refused and none merged", x.Counts)
	}
	s.stop()
	if after := descriptors(t); after > before {
		t.Errorf("descriptors: got %d, want %d as before", after, before)
	}
}

// A file that is replaced, as editors do it, taken away and made again has
// changed each time; its neighbors do not matter.
func TestChanged_OneFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "service.conf")
	s := newStage(t, file.Changed(path).Wait(10*time.Millisecond, 100*time.Millisecond))
	defer s.stop()
	s.watched(path)
	for _, change := range []func() error{
		func() error { write(t, path+".new", "a"); return os.Rename(path+".new", path) },
		func() error { return os.Remove(path) },
		func() error { return os.WriteFile(path, nil, 0o600) },
	} {
		write(t, filepath.Join(dir, "other"), "x")
		if err := change(); err != nil {
			t.Fatal(err)
		}
		s.want(path)
	}
	for len(s.got) > 0 {
		if c := <-s.got; !slices.Equal(c.Paths, []string{path}) {
			t.Errorf("got %v, want %s alone", c.Paths, path)
		}
	}
}

// A path that is relative is told as the same, however it was written and
// whether it was noticed or found by comparing.
func TestChanged_Relative(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, path := range []string{".", "./", "./a", "a"} {
		s := newStage(t, file.Changed(path).Wait(10*time.Millisecond, 100*time.Millisecond))
		s.watched("a")
		write(t, "a", path)
		if err := os.Remove("a"); err != nil {
			t.Fatal(err)
		}
		s.want("a")
		s.stop()
	}
}

// A directory that goes away is told, and when it is back it is watched again.
func TestChanged_DirectoryGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	path := filepath.Join(dir, "a")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := newStage(t, file.Changed(dir).Wait(10*time.Millisecond, 100*time.Millisecond))
	defer s.stop()
	failed := make(chan error, 10)
	s.Observe(func(e event.Event) {
		if e.Kind == event.SourceFailed {
			failed <- e.Err
		}
	})
	s.watched(path)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-failed:
		t.Logf("told: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("no failure was told")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "b")
	write(t, path, "")
	s.want(path)
}

// Changes that the App cannot store are told again and again, with what has come
// since, and no less.
func TestChanged_NotStorable(t *testing.T) {
	dir := t.TempDir()
	a := app.New(app.WithStore(new(store.Memory)), app.WithLogger(slog.New(slog.DiscardHandler)))
	a.HandleFunc("x", func(context.Context, *tasks.Instance) error { return nil })
	if _, err := a.Register(tasks.Registration{Name: "x", Trigger: file.Changed(dir).Wait(time.Millisecond, time.Millisecond)}); err != nil {
		t.Fatal(err)
	}
	told := make(chan event.Event, 1000)
	a.Observe(func(e event.Event) { told <- e })
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for failures := 0; failures < 2; {
		if failures == 0 {
			write(t, filepath.Join(dir, "a"), "") // until it is watched
		}
		select {
		case e := <-told:
			switch {
			case e.Kind == event.SourceFailed && errors.Is(e.Err, app.ErrNotDurable):
				failures++
			case e.Kind == event.Exhausted:
				t.Fatal("told: the source has come to its end")
			}
		case <-time.After(50 * time.Millisecond):
		}
	}
	if _, err := a.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func ExampleChanged() {
	dir, err := os.MkdirTemp("", "spool")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	a := app.New()
	a.Handle("import", tasks.Typed(func(_ context.Context, _ *tasks.Instance, c file.Changes) error {
		for _, path := range c.Paths {
			fmt.Println("import", filepath.Base(path))
		}
		return nil
	}))
	if _, err := a.Register(tasks.Registration{Name: "import", Trigger: file.Changed(dir)}); err != nil {
		fmt.Println(err)
	}
	// a.Run(ctx)

	// Output:
}

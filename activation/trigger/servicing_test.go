package trigger_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// The first run remembers; a run of another version makes the task due, until an
// activation of it has succeeded; the same version does not.
func TestServicingComplete(t *testing.T) {
	m := trigger.FileMemory(filepath.Join(t.TempDir(), "version"))
	for _, tt := range []struct {
		version string
		fails   bool
		want    []string
	}{
		{version: "v1"},
		{version: "v1"},
		{version: "v2", fails: true, want: []string{"0s {v1 v2}"}},
		{version: "v3", fails: true, want: []string{"0s {v1 v3}"}},
		{version: "v3", want: []string{"0s {v1 v3}"}},
		{version: "v3"},
		{version: "v1", want: []string{"0s {v3 v1}"}}, // taken back
	} {
		play(t, func(s *stage) {
			s.run(trigger.ServicingComplete(tt.version, m), tasks.Typed(func(_ context.Context, _ *tasks.Instance, u trigger.Update) error {
				s.note("%v", u)
				if tt.fails {
					return errors.New("no room")
				}
				return nil
			}).Run)
			synctest.Wait()
			s.heard(tt.want...)
		})
	}
}

// A memory that fails fails the source, which is begun anew.
func TestServicingComplete_Memory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if err := trigger.FileMemory(filepath.Join(dir, "version")).Set("x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Set without the directory: got %v, want ErrNotExist", err)
	}
	path := t.TempDir()
	if _, err := trigger.FileMemory(path).Last(); err == nil {
		t.Error("Last of a directory: got no error")
	}
	for _, tr := range []activation.Trigger{trigger.ServicingComplete("v1", nil)} {
		if _, err := app.New().Register(tasks.Registration{Name: "x", Trigger: tr}); !errors.Is(err, trigger.ErrNoMemory) {
			t.Errorf("Register: got %v, want ErrNoMemory", err)
		}
	}
}

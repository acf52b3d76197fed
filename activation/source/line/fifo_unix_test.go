//go:build linux || darwin

package line_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/activation/source/line"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

func TestConformance_FIFO(t *testing.T) {
	var path string
	send := func(text string) {
		f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return // nobody reads
		}
		defer func() { _ = f.Close() }()
		_, _ = io.WriteString(f, text)
	}
	activationtest.Trigger(t, activationtest.Source{
		New: func(t testing.TB) activation.Trigger {
			path = filepath.Join(directory(t), "pipe")
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
			return line.FIFO(path)
		},
		Provoke:  func(testing.TB) { send("hello\n") },
		Fail:     func(testing.TB) { send(strings.Repeat("x", line.MaxLine+1) + "\n") },
		Check:    isHello,
		Lossless: true,
	})
}

// A pipe that is not there yet is a failure of the source, and found later.
func TestConformance_FIFO_MadeLater(t *testing.T) {
	var path string
	activationtest.Trigger(t, activationtest.Source{
		New: func(t testing.TB) activation.Trigger {
			path = filepath.Join(directory(t), "pipe")
			return line.FIFO(path)
		},
		Provoke: func(testing.TB) {
			_ = syscall.Mkfifo(path, 0o600)
			if f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
				_, _ = io.WriteString(f, "hello\n")
				_ = f.Close()
			}
		},
		Check: isHello,
	})
}

// Two who read one pipe would get parts of each other's lines.
func TestFIFO_OneRegistrationForAPath(t *testing.T) {
	a := app.New()
	register := func(name, path string) error {
		_, err := a.Register(tasks.Registration{Name: name, Trigger: line.FIFO(path)})
		return err
	}
	if err := register("a", "/run/poke"); err != nil {
		t.Fatal(err)
	}
	if err := register("b", "/run/./poke"); !errors.Is(err, app.ErrExclusive) {
		t.Errorf("Register of a pipe that is taken: got %v, want %v", err, app.ErrExclusive)
	}
	if err := register("b", "/run/poke2"); err != nil {
		t.Errorf("Register of another: got %v", err)
	}
	a.Unregister("a", true)
	if err := register("a", "/run/poke"); err != nil {
		t.Errorf("Register of a pipe that was given up: got %v", err)
	}
}

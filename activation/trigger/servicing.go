package trigger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/bgloop/bgloop/activation"
)

// Errors of Arm, returned by Register.
var (
	ErrNoVersion = errors.New("trigger: the program does not know its version")
	ErrNoMemory  = errors.New("trigger: nothing to remember the version in")
)

// A Memory remembers one text from one run of the program to the next: a
// store.Cell does, or FileMemory.
type Memory interface {
	// Last returns what was set last; "" if nothing has been.
	Last() (string, error)
	// Set remembers a text.
	Set(text string) error
}

// An Update is the details of ServicingComplete: the version that ran before, and
// the one that runs now.
type Update struct{ From, To string }

type servicing struct {
	version string
	memory  Memory
}

// ServicingComplete makes a task due at the first run of another version of the
// program, to bring up to date what the one before has left. The details are an
// Update. As in Windows it must have been registered by an earlier run: the very
// first one has nothing to bring up to date.
//
// The version is remembered once the activation has succeeded; until then the
// task is due at each start. An empty version is that of the program's build
// information, the module's version and the revision; without one Register
// answers ErrNoVersion, and ErrNoMemory without a memory.
func ServicingComplete(version string, m Memory) activation.Trigger {
	if version == "" {
		version = buildVersion()
	}
	return servicing{version, m}
}

func (s servicing) String() string { return "servicing-complete(" + s.version + ")" }

func (s servicing) Arm(p activation.Port) error {
	switch {
	case s.version == "":
		return ErrNoVersion
	case s.memory == nil:
		return ErrNoMemory
	}
	p.Payload()
	p.Go(func(ctx context.Context) error { return s.run(ctx, p) })
	return nil
}

// run fires if another version ran before.
func (s servicing) run(ctx context.Context, p activation.Port) error {
	last, err := s.memory.Last()
	switch {
	case err != nil:
		return fmt.Errorf("trigger: the last version: %w", err)
	case last == s.version:
		return nil
	case last != "":
		slot, err := p.Reserve(ctx)
		if err != nil {
			return nil // the App stops or the registration ends
		}
		r, err := slot.Fire(ctx, Update{last, s.version})
		if err != nil {
			return activation.UnlessOver(err)
		}
		if r.Wait(ctx) != nil {
			return nil // the next start tries again
		}
	}
	return s.memory.Set(s.version)
}

// buildVersion is what the program knows of itself.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var words []string
	if v := info.Main.Version; v != "" && v != "(devel)" {
		words = append(words, v)
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" || s.Key == "vcs.modified" && s.Value == "true" {
			words = append(words, strings.Replace(s.Value, "true", "modified", 1))
		}
	}
	return strings.Join(words, " ")
}

// FileMemory is a Memory in a file, which it replaces as a whole. The directory
// must be there.
func FileMemory(path string) Memory { return fileMemory(path) }

type fileMemory string

func (m fileMemory) Last() (string, error) {
	text, err := os.ReadFile(string(m))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(text), err
}

func (m fileMemory) Set(text string) error {
	f, err := os.CreateTemp(filepath.Dir(string(m)), filepath.Base(string(m))+".*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), string(m))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

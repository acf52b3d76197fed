package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// Errors of Arm, returned by Register.
var (
	ErrNoPath   = errors.New("file: no path")
	ErrInterval = errors.New("file: the time to be quiet is not positive, or longer than the longest wait")
)

// How long a Trigger waits if it is not told otherwise.
const (
	DefaultQuiet   = 100 * time.Millisecond
	DefaultLongest = 2 * time.Second
)

// A Trigger makes a task due when files change. The details are a Changes, which
// an App with a store takes after app.WithDetails(file.Changes{}), or for a task
// that is Volatile.
type Trigger struct {
	paths          []string
	quiet, longest time.Duration
}

// Changed makes a task due when what is at one of the paths has changed: a file,
// which need not be there yet, or the entries of a directory and what they hold,
// but not what is in directories below it. Changes of mode, owner and times
// alone do not count. Of a symbolic link the link counts, and not the file that
// it leads to: of a Kubernetes volume watch the directory, in which a link is
// replaced.
//
// Changes are gathered until nothing has changed for DefaultQuiet, or for
// DefaultLongest since the first; see Wait. They are handed over when there is a
// place in the task's pending list, and gathered on until then: a slow task gets
// fewer and longer lists, and no path is lost. When the system has lost notices,
// or the watch had to begin anew, the directories are compared with how they
// were, and what differs is a change.
//
// Register answers fs.ErrNotExist if neither a path nor its directory is there,
// and ErrNoPath if there is no path. When a directory goes away the source
// fails, as observers are told, and is begun anew with a growing pause. That one
// above it was renamed is not noticed.
func Changed(paths ...string) Trigger {
	return Trigger{slices.Clone(paths), DefaultQuiet, DefaultLongest}
}

// Wait sets how long nothing must have changed before a list of changes is handed
// over, and after how long it is at the latest. What is not 0 < quiet <= longest
// is refused with ErrInterval.
func (t Trigger) Wait(quiet, longest time.Duration) Trigger {
	t.quiet, t.longest = quiet, longest
	return t
}

// String is the paths and the waits, if they are others than the default.
func (t Trigger) String() string {
	text := "file(" + strings.Join(t.paths, ", ")
	if t.quiet != DefaultQuiet || t.longest != DefaultLongest {
		text += fmt.Sprintf(", quiet for %v or after %v", t.quiet, t.longest)
	}
	return text + ")"
}

// Arm is for Register.
func (t Trigger) Arm(p activation.Port) error {
	switch {
	case len(t.paths) == 0:
		return ErrNoPath
	case t.quiet <= 0, t.quiet > t.longest:
		return fmt.Errorf("%w: %v", ErrInterval, t)
	}
	places, err := placesOf(t.paths)
	if err != nil {
		return err
	}
	t.arm(p, places, open)
	return nil
}

// arm gives the watching and the handing over a goroutine each, so that notices
// are taken while the task has no place for them.
func (t Trigger) arm(p activation.Port, places []place, open func() (*watcher, error)) {
	b := newBatch(p, t.quiet, t.longest)
	s := &scan{places: places}
	p.Payload()
	p.Go(func(ctx context.Context) error { return watch(ctx, open, s, b) })
	p.Go(func(ctx context.Context) error { return handOver(ctx, p, s, b) })
}

// handOver makes activations of what was gathered.
func handOver(ctx context.Context, p activation.Port, s *scan, b *batch) error {
	for {
		select {
		case <-b.ripe:
		case <-ctx.Done():
			return nil
		}
		slot, err := p.Reserve(ctx)
		if err != nil {
			return nil // the App stops or the registration ends
		}
		c := b.take()
		if len(c.Paths) == 0 {
			slot.Release()
			continue
		}
		s.note(c.Paths) // before the handler looks
		if _, err = slot.Fire(ctx, c); err != nil {
			b.add(c.Events, c.Rescanned, c.Paths...) // for the next try
			return activation.UnlessOver(err)
		}
	}
}

// A place is a directory to watch, and the one entry that matters, or all.
type place struct{ dir, entry string }

func (l place) concerns(path string) bool {
	dir, entry := filepath.Split(path)
	return filepath.Clean(dir) == l.dir && (l.entry == "" || l.entry == entry)
}

func placesOf(paths []string) (list []place, err error) {
	for _, p := range paths {
		l, err := placeOf(p)
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return list, nil
}

func placeOf(path string) (place, error) {
	if path == "" {
		return place{}, ErrNoPath
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return place{dir: filepath.Clean(path)}, nil
	}
	l := siblingOf(path)
	if _, err := os.Stat(l.dir); err != nil {
		return place{}, fmt.Errorf("file: %w", err)
	}
	return l, nil
}

package file

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/fsnotify/fsnotify"
)

// errGone is how a watch ends whose directory is not there anymore.
var errGone = errors.New("file: the directory is gone")

// A watcher is what fsnotify gives us.
type watcher struct {
	events <-chan fsnotify.Event
	errors <-chan error
	add    func(dir string) error
	close  func() error
}

func open() (*watcher, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	return &watcher{w.Events, w.Errors, w.Add, w.Close}, nil
}

// watch gathers what the system tells until ctx ends.
func watch(ctx context.Context, open func() (*watcher, error), s *scan, b *batch) error {
	w, err := open()
	if err != nil {
		return err
	}
	defer func() { _ = w.close() }()
	dirs := s.dirs()
	for _, dir := range dirs {
		if err := w.add(dir); err != nil {
			return fmt.Errorf("file: %s: %w", dir, err)
		}
	}
	b.add(0, true, s.compare()...) // what has changed since the last watch
	for {
		select {
		case e, open := <-w.events:
			switch {
			case !open:
				return errGone
			case e.Has(fsnotify.Remove|fsnotify.Rename) && slices.Contains(dirs, e.Name):
				return fmt.Errorf("%w: %s", errGone, e.Name)
			case e.Op != fsnotify.Chmod && s.concerns(e.Name):
				b.add(1, false, filepath.Clean(e.Name)) // as what is compared is named
			}
		case err := <-w.errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return fmt.Errorf("file: %w", err)
			}
			b.add(1, true, s.compare()...)
		case <-ctx.Done():
			return nil
		}
	}
}

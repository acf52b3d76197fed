package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fsnotify/fsnotify"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/source"
)

// Exists holds while there is something at path. The directory of path must be
// there: Register answers fs.ErrNotExist if it is not. While it cannot be watched
// the condition does not hold.
func Exists(path string) activation.Condition { return presence{path, true} }

// Missing holds while there is nothing at path, whose directory must be there,
// as for Exists.
func Missing(path string) activation.Condition { return presence{path, false} }

type presence struct {
	path  string
	there bool
}

func (c presence) String() string {
	if c.there {
		return "exists(" + c.path + ")"
	}
	return "missing(" + c.path + ")"
}

func (c presence) Arm(report func(bool), p activation.Port) error {
	if c.path == "" {
		return ErrNoPath
	}
	l := siblingOf(c.path)
	if _, err := os.Stat(l.dir); err != nil {
		return fmt.Errorf("file: %w", err)
	}
	feed := source.NewFeed(nil, func(ctx context.Context, _ activation.Port, tell func(bool)) error {
		return l.follow(ctx, tell)
	})
	return feed.Condition(c.String(), func(there bool) bool { return there == c.there }).Arm(report, p)
}

// follow tells whether the entry is there.
func (l place) follow(ctx context.Context, tell func(bool)) error {
	w, err := open()
	if err != nil {
		return err
	}
	defer func() { _ = w.close() }()
	if err := w.add(l.dir); err != nil {
		return fmt.Errorf("file: %s: %w", l.dir, err)
	}
	is, err := l.there()
	if err != nil {
		return err
	}
	tell(is)
	for {
		select {
		case e, open := <-w.events:
			if !open || e.Has(fsnotify.Remove|fsnotify.Rename) && e.Name == l.dir {
				return fmt.Errorf("%w: %s", errGone, l.dir)
			}
			if !l.concerns(e.Name) {
				continue
			}
		case err := <-w.errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return fmt.Errorf("file: %w", err)
			}
		case <-ctx.Done():
			return nil
		}
		now, err := l.there()
		if err != nil {
			return err
		}
		if now != is {
			is = now
			tell(is)
		}
	}
}

func siblingOf(path string) place {
	path = filepath.Clean(path)
	return place{filepath.Dir(path), filepath.Base(path)}
}

func (l place) there() (bool, error) {
	_, err := os.Lstat(filepath.Join(l.dir, l.entry))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

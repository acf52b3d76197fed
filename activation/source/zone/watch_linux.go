package zone

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/bgloop/bgloop/internal/waitfd"
)

func check() error { return nil }

// what can happen to a file or link in a directory that gives it another
// content.
const changes = syscall.IN_CREATE | syscall.IN_MOVED_TO | syscall.IN_MOVED_FROM | syscall.IN_DELETE | syscall.IN_CLOSE_WRITE

// watch calls look at first, and then each time something in the directory has
// changed.
func watch(ctx context.Context, dir string, look func() error) error {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("zone: inotify: %w", err)
	}
	f, err := waitfd.New(fd, "inotify")
	if err != nil {
		return fmt.Errorf("zone: inotify: %w", err)
	}
	defer func() { _ = f.Close() }()
	if _, err := syscall.InotifyAddWatch(fd, dir, changes|syscall.IN_ONLYDIR|syscall.IN_DELETE_SELF); err != nil {
		return fmt.Errorf("zone: %s: %w", dir, err)
	}
	for {
		if err := look(); err != nil {
			return err
		}
		if _, err := f.Wait(ctx, drain); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return fmt.Errorf("zone: inotify: %w", err)
		}
	}
}

// drain takes what there is to read, and reports whether there was something.
// What it was is not looked at: such a directory seldom changes, and the zone is
// read anew.
func drain(fd int) (bool, error) {
	var b [4096]byte
	for some := false; ; some = true {
		n, err := syscall.Read(fd, b[:])
		switch {
		case errors.Is(err, syscall.EAGAIN):
			return some, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return false, err
		case n <= 0:
			return some, nil
		}
	}
}

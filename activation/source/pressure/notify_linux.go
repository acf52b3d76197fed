package pressure

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/bgloop/bgloop/internal/waitfd"
)

// A fileAlarm tells when a file is written.
type fileAlarm struct{ *waitfd.File }

// notify tells when the file at path is written, by the kernel or anybody.
func notify(path string) (alarm, error) {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("pressure: inotify: %w", err)
	}
	if _, err := syscall.InotifyAddWatch(fd, path, syscall.IN_MODIFY|syscall.IN_DELETE_SELF); err != nil {
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("pressure: inotify: %s: %w", path, err)
	}
	f, err := waitfd.New(fd, "inotify")
	if err != nil {
		return nil, fmt.Errorf("pressure: inotify: %w", err)
	}
	return fileAlarm{f}, nil
}

// Wait implements alarm. Whoever waits reads the file, so a file that is gone
// says so by itself.
func (a fileAlarm) Wait(ctx context.Context) ([]int, error) {
	_, err := a.File.Wait(ctx, func(fd int) (bool, error) {
		buffer := make([]byte, 4<<10)
		for some := false; ; some = true {
			_, err := syscall.Read(fd, buffer)
			switch {
			case errors.Is(err, syscall.EAGAIN):
				return some, nil
			case errors.Is(err, syscall.EINTR):
			case err != nil:
				return false, fmt.Errorf("pressure: inotify: %w", err)
			}
		}
	})
	return nil, err
}

package clock

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// monotonic is CLOCK_MONOTONIC, which nobody can set. It stands still while the
// system is suspended, as the runtime's does.
const monotonic = 1

// farthest keeps the seconds within 32 bits on all systems. To wake up once in
// an hour for nothing costs nothing.
const farthest = time.Hour

var errBubble = errors.New("clock: in a bubble, whose time is not the system's")

// A timerfd is a descriptor that can be read once its time has come. It is read
// by way of the runtime's poller, which takes its wake-ups to the nanosecond.
type timerfd struct {
	file *os.File
	fd   uintptr
}

func openTimerfd() (waker, error) {
	if !Monotonic(time.Now()) {
		return nil, errBubble
	}
	fd, _, errno := syscall.RawSyscall(syscall.SYS_TIMERFD_CREATE, monotonic, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if errno != 0 {
		return nil, fmt.Errorf("clock: timerfd_create: %w", errno)
	}
	return &timerfd{os.NewFile(fd, "timerfd"), fd}, nil
}

func (t *timerfd) set(d time.Duration) {
	d = min(max(d, 1), farthest) // zero would be never
	spec := struct{ interval, value syscall.Timespec }{value: syscall.NsecToTimespec(int64(d))}
	// It fails for a descriptor that is none only.
	_, _, _ = syscall.RawSyscall6(syscall.SYS_TIMERFD_SETTIME, t.fd, 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
}

func (t *timerfd) wait() {
	var count [8]byte
	if _, err := t.file.Read(count[:]); err != nil && !errors.Is(err, os.ErrClosed) {
		time.Sleep(time.Millisecond) // it cannot be polled: look now and then
	}
}

func (t *timerfd) close() { _ = t.file.Close() } // nothing was written

package pressure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
)

// check says whether a gauge can be given thresholds.
func check(path string) error {
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%w: pressure: %s: %w", errors.ErrUnsupported, path, err)
	}
	return syscall.Close(fd)
}

// A pollAlarm is a set of gauges, each with a threshold. A gauge tells by a
// priority event, for which Go's own poller does not wait; nor can that wait for
// the set, since its look at a gauge would take the event away. So Wait holds a
// thread.
type pollAlarm struct {
	set    int // the epoll descriptor
	gauges []int
	r, w   *os.File // a pipe that wakes
	woken  atomic.Bool
}

// wakes is the index of the pipe in the set.
const wakes = -1

func open(list []threshold) (alarm, error) {
	set, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("pressure: epoll: %w", err)
	}
	a := &pollAlarm{set: set}
	if err := a.addPipe(); err != nil {
		_ = a.Close()
		return nil, fmt.Errorf("pressure: pipe: %w", err)
	}
	for i, t := range list {
		if err := a.add(i, t); err != nil {
			_ = a.Close()
			return nil, fmt.Errorf("pressure: %s: %q: %w", t.path, t.line, err)
		}
	}
	return a, nil
}

func (a *pollAlarm) addPipe() (err error) {
	if a.r, a.w, err = os.Pipe(); err != nil {
		return err
	}
	raw, err := a.r.SyscallConn()
	if err != nil {
		return err
	}
	var added error
	err = raw.Control(func(fd uintptr) { added = a.join(int(fd), syscall.EPOLLIN, wakes) })
	return errors.Join(err, added)
}

func (a *pollAlarm) add(index int, t threshold) error {
	fd, err := syscall.Open(t.path, syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	a.gauges = append(a.gauges, fd)
	if _, err := syscall.Write(fd, append([]byte(t.line), 0)); err != nil {
		return err
	}
	return a.join(fd, syscall.EPOLLPRI, index)
}

func (a *pollAlarm) join(fd int, events uint32, index int) error {
	return syscall.EpollCtl(a.set, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: events, Fd: int32(index)})
}

// Wait implements alarm.
func (a *pollAlarm) Wait(ctx context.Context) (which []int, err error) {
	defer context.AfterFunc(ctx, a.Wake)()
	events := make([]syscall.EpollEvent, 1+len(a.gauges))
	n, err := syscall.EpollWait(a.set, events, -1)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, syscall.EINTR):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("pressure: epoll: %w", err)
	}
	for _, e := range events[:n] {
		switch {
		case e.Fd == wakes:
			a.woken.Store(false)
			_, err = a.r.Read(make([]byte, 1))
		case e.Events&syscall.EPOLLERR != 0:
			err = errors.New("pressure: the gauge is gone")
		default:
			which = append(which, int(e.Fd))
		}
		if err != nil {
			return nil, err
		}
	}
	return which, nil
}

// Wake implements alarm.
func (a *pollAlarm) Wake() {
	if !a.woken.Swap(true) {
		_, _ = a.w.Write([]byte{0}) // after Close it fails, and there is nobody to wake
	}
}

// Close takes the thresholds back.
func (a *pollAlarm) Close() error {
	err := syscall.Close(a.set)
	for _, f := range []*os.File{a.r, a.w} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	for _, fd := range a.gauges {
		err = errors.Join(err, syscall.Close(fd))
	}
	return err
}

package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/bgloop/bgloop/internal/waitfd"
)

// atOnce is how many of those that are ready are asked for at once.
const atOnce = 64

// A watch tells which of many sockets are ready, by an epoll instance.
type watch struct {
	ep     *waitfd.File
	fd     int // of ep; valid until it is closed
	events [atOnce]syscall.EpollEvent
	ready  []uint64
}

// newWatch watches a listener. The error is an errors.ErrUnsupported for one
// that is not the system's own.
func newWatch(ln net.Listener) (*watch, error) {
	c, ok := ln.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("socket: epoll: %w", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // or the runtime would not wait for it
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("socket: epoll: %w", err)
	}
	ep, err := waitfd.New(fd, "epoll")
	if err != nil {
		return nil, fmt.Errorf("socket: epoll: %w", err)
	}
	w := &watch{ep: ep, fd: fd}
	if err := w.control(c, syscall.EPOLL_CTL_ADD, syscall.EPOLLIN, theListener); err != nil {
		w.close()
		return nil, fmt.Errorf("socket: %w", err)
	}
	return w, nil
}

// control changes what is watched of a socket, which is given a number.
func (w *watch) control(c syscall.Conn, op int, events uint32, n uint64) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = syscall.EpollCtl(w.fd, op, int(fd), &syscall.EpollEvent{
			Events: events, Fd: int32(uint32(n)), Pad: int32(uint32(n >> 32)),
		})
	})
	return errors.Join(err, failed)
}

func (w *watch) add(conn net.Conn, n uint64) error {
	c, _ := conn.(syscall.Conn)
	return w.control(c, syscall.EPOLL_CTL_ADD, syscall.EPOLLIN|syscall.EPOLLRDHUP, n)
}

func (w *watch) remove(conn net.Conn) {
	c, _ := conn.(syscall.Conn)
	_ = w.control(c, syscall.EPOLL_CTL_DEL, 0, 0) // one that was closed is gone already
}

// wait returns the numbers of some sockets that are ready; none if it was woken.
// They stay ready until something is done about them.
func (w *watch) wait(ctx context.Context) ([]uint64, error) {
	w.ready = w.ready[:0]
	_, err := w.ep.Wait(ctx, func(fd int) (bool, error) {
		n, err := syscall.EpollWait(fd, w.events[:], 0)
		if err != nil {
			return errors.Is(err, syscall.EINTR), ignoreInterrupt(err)
		}
		for _, e := range w.events[:n] {
			w.ready = append(w.ready, uint64(uint32(e.Fd))|uint64(uint32(e.Pad))<<32)
		}
		return n > 0, nil
	})
	return w.ready, err
}

func ignoreInterrupt(err error) error {
	if errors.Is(err, syscall.EINTR) {
		return nil
	}
	return err
}

func (w *watch) wake()  { w.ep.Wake() }
func (w *watch) close() { _ = w.ep.Close() }

// watchable reports whether a connection is the system's own.
func watchable(conn net.Conn) bool { _, ok := conn.(syscall.Conn); return ok }

// peek reports whether a connection has data, and whether it is open, without
// taking anything from it.
func peek(conn net.Conn) (data, open bool) {
	c, _ := conn.(syscall.Conn)
	raw, err := c.SyscallConn()
	if err != nil {
		return false, false
	}
	var n int
	var failed error
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, failed = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	switch {
	case err != nil:
		return false, false
	case errors.Is(failed, syscall.EAGAIN), errors.Is(failed, syscall.EINTR):
		return false, true
	}
	return n > 0, failed == nil && n > 0
}

// Package waitfd waits for a file descriptor without holding a thread, and can
// be woken. It is for sources that listen to the system; it starts no goroutine
// that outlives a call.
package waitfd

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// A File is a descriptor that is waited for. One goroutine at a time may call
// Wait; the others may be called from any.
type File struct {
	file  *os.File
	raw   syscall.RawConn
	woken atomic.Bool
}

// New takes over a descriptor that does not block. The error is os.ErrNoDeadline
// if the system cannot wait for it, which is closed then.
func New(fd int, name string) (*File, error) {
	file := os.NewFile(uintptr(fd), name)
	raw, err := file.SyscallConn()
	if err == nil {
		err = file.SetReadDeadline(time.Time{})
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &File{file: file, raw: raw}, nil
}

// Wait calls try now, and again whenever the descriptor can be read, until try
// returns true or an error; woken is whether Wake was called before that, since
// the last Wait that said so. When ctx ends, the error is ctx's.
func (f *File) Wait(ctx context.Context, try func(fd int) (bool, error)) (woken bool, err error) {
	defer context.AfterFunc(ctx, f.interrupt)()
	if err := f.file.SetReadDeadline(time.Time{}); err != nil {
		return false, err
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if f.woken.Swap(false) {
		return true, nil
	}
	var tried error
	err = f.raw.Read(func(fd uintptr) bool {
		var done bool
		done, tried = try(int(fd))
		return done || tried != nil
	})
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return f.woken.Swap(false), nil
	}
	return false, errors.Join(err, tried)
}

// Wake makes a Wait that waits, or the next one, return.
func (f *File) Wake() {
	f.woken.Store(true)
	f.interrupt()
}

// interrupt ends a Wait: its deadline has been.
func (f *File) interrupt() { _ = f.file.SetReadDeadline(time.Unix(1, 0)) }

// Close closes the descriptor. No Wait may be under way.
func (f *File) Close() error { return f.file.Close() }

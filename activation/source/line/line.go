// Package line makes a task due by each line that is written to a socket or to a
// named pipe, as by a shell:
//
//	echo now > /run/service/poke
//	echo now | nc -U /run/service/sock
//
// Nothing is answered. A line is read when there is room for it and handed over
// when there is a place for it in the task's pending list; until then its writer
// waits. What was read and not handed over when the registration ends, up to
// MaxLine of each pipe or connection, is lost.
package line

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// MaxLine is how long a line may be, in bytes, its end included.
const MaxLine = 64 << 10

// Clients is how many connections to one socket are read at a time. The others
// wait in the system's queue until one of these is closed.
const Clients = 8

var (
	// ErrTooLong is told as an event for a line that is longer than MaxLine.
	// The line is left out; so is the rest of the connection that it came on.
	ErrTooLong = errors.New("line: line is too long")

	// ErrListener is returned by Register for a listener that is nil, or whose
	// Accept cannot be interrupted since it has no SetDeadline; it is an
	// errors.ErrUnsupported.
	ErrListener = fmt.Errorf("line: listener is nil or has no SetDeadline: %w", errors.ErrUnsupported)

	// ErrFIFO is returned by Register where there are no named pipes to be
	// waited for, and for an empty path; it is an errors.ErrUnsupported.
	ErrFIFO = fmt.Errorf("line: no named pipe: %w", errors.ErrUnsupported)
)

// Socket makes a task due for each line of each connection to ln, which stays
// its caller's. The details are a string, without the line's end; what follows
// the last end of line is a line too, unless it is empty. Connections are closed
// when the registration ends. Keep is Every(1) unless the registration says
// otherwise. One registration at a time goes by a listener; one that will not do
// is refused with ErrListener.
func Socket(ln net.Listener) activation.Trigger { return socket{ln} }

type socket struct{ ln net.Listener }

// isNil reports whether there is no listener, as where an error was overlooked.
func isNil(ln net.Listener) bool {
	v := reflect.ValueOf(ln)
	return ln == nil || v.Kind() == reflect.Pointer && v.IsNil()
}

// deadliner is what can be told to give up.
type deadliner interface{ SetDeadline(time.Time) error }

func (s socket) String() string {
	if isNil(s.ln) {
		return "line(nil)"
	}
	return fmt.Sprintf("line(%s %v)", s.ln.Addr().Network(), s.ln.Addr())
}

func (s socket) Arm(p activation.Port) error {
	d, ok := s.ln.(deadliner)
	if !ok || isNil(s.ln) {
		return ErrListener
	}
	p.Payload()
	p.Exclusive(s.ln)
	turn := make(chan struct{}, 1) // holds one token while somebody accepts
	accept := func(ctx context.Context) (net.Conn, error) {
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		defer func() { <-turn }()
		defer interruptible(ctx, d)()
		return s.ln.Accept()
	}
	for range Clients {
		p.Go(func(ctx context.Context) error { return s.serve(ctx, p, accept) })
	}
	return nil
}

// serve reads one connection after the other.
func (s socket) serve(ctx context.Context, p activation.Port, accept func(context.Context) (net.Conn, error)) error {
	for {
		c, err := accept(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			if err == nil {
				_ = c.Close()
			}
			return nil
		case err != nil:
			return err
		}
		if err := s.read(ctx, p, c); ctx.Err() != nil || errors.Is(err, ErrTooLong) {
			return err
		}
	}
}

// read reads one connection. That one breaks is its writer's affair.
func (s socket) read(ctx context.Context, p activation.Port, c net.Conn) error {
	defer func() { _ = c.Close() }()
	defer interruptible(ctx, c)()
	return pass(ctx, p, bufio.NewReaderSize(c, MaxLine))
}

// interruptible makes what waits for d fail when ctx ends, until restore is
// called. One at a time may do so for one ctx.
func interruptible(ctx context.Context, d deadliner) (restore func()) {
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		_ = d.SetDeadline(time.Unix(1, 0))
	})
	return func() {
		if !stop() {
			<-interrupted
			_ = d.SetDeadline(time.Time{})
		}
	}
}

// pass makes firings of lines until there are no more.
func pass(ctx context.Context, p activation.Port, r *bufio.Reader) error {
	for {
		text, err := next(r)
		if err != nil && (text == "" || !errors.Is(err, io.EOF)) {
			return err
		}
		slot, reserved := p.Reserve(ctx)
		if reserved != nil {
			return nil // the App stops or the registration ends
		}
		if _, fired := slot.Fire(ctx, text); fired != nil {
			return activation.UnlessOver(fired)
		}
		if err != nil {
			return err
		}
	}
}

// next reads a line. With io.EOF it may be one without an end.
func next(r *bufio.Reader) (string, error) {
	b, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.ReadSlice('\n')
		}
		return "", ErrTooLong
	}
	b = bytes.TrimSuffix(b, []byte("\n"))
	return string(bytes.TrimSuffix(b, []byte("\r"))), err
}

// FIFO makes a task due for each line that is written to the named pipe at path,
// by whatever process. The details are a string, without the line's end. The
// pipe is made by others; one that is not there, or is no pipe, is told as an
// event and looked for again after a pause. It is opened for writing as well, so
// that it has no end when its last writer goes; nor is it noticed that another
// pipe takes its name. One registration at a time goes by a path: two would get
// parts of each other's lines. Keep is Every(1) unless the
// registration says otherwise. Systems without such pipes refuse it with
// ErrFIFO.
func FIFO(path string) activation.Trigger { return fifo(path) }

type fifo string

func (f fifo) String() string { return "line(fifo " + string(f) + ")" }

func (f fifo) Arm(p activation.Port) error {
	if f == "" || !hasFIFOs {
		return fmt.Errorf("%w: %q", ErrFIFO, string(f))
	}
	p.Payload()
	p.Exclusive(fifo(filepath.Clean(string(f))))
	t := &tube{path: string(f)}
	p.Go(func(ctx context.Context) error { return t.run(ctx, p) })
	p.OnDisarm(t.close)
	return nil
}

// A tube is the open pipe of one registration. It stays open when a line was too
// long, so that those after it are not lost.
type tube struct {
	path string

	mu   sync.Mutex // guards the following; held while the source runs
	file *os.File
	r    *bufio.Reader
}

func (t *tube) run(ctx context.Context, p activation.Port) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.open(); err != nil {
		return fmt.Errorf("line: %w", err)
	}
	defer interruptible(ctx, t.file)()
	err := pass(ctx, p, t.r)
	switch {
	case ctx.Err() != nil:
		t.shut()
		return nil
	case !errors.Is(err, ErrTooLong):
		t.shut()
	}
	return err
}

func (t *tube) open() error {
	if t.file != nil {
		return nil
	}
	info, err := os.Stat(t.path)
	if err != nil {
		return err
	}
	if info.Mode()&os.ModeNamedPipe == 0 {
		return &os.PathError{Op: "open", Path: t.path, Err: errors.New("is no named pipe")}
	}
	if t.file, err = openFIFO(t.path); err != nil {
		t.file = nil
		return err
	}
	t.r = bufio.NewReaderSize(t.file, MaxLine)
	return nil
}

// close closes what the source has left open. It waits for the source, which has
// been told to end.
func (t *tube) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shut()
}

func (t *tube) shut() {
	if t.file != nil {
		_ = t.file.Close()
		t.file, t.r = nil, nil
	}
}

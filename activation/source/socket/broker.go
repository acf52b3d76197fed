package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// A broker owns the connections that were given back to one registration.
type broker struct {
	port activation.Port
	ln   listener

	mu      sync.Mutex // guards the following
	closed  bool
	blind   bool // the listener cannot be watched, and so nothing is
	idle    map[uint64]*resting
	expired []uint64
	last    uint64 // the number of the connection that was given back last
	watch   *watch // while the source runs, and the system can watch
}

// A resting connection waits for something to happen.
type resting struct {
	conn  net.Conn
	state any
	stop  func() bool // its keep-alive timer; nil for none
}

// theListener is the number under which the listener is watched.
const theListener = 0

// take takes a connection that is given back.
func (b *broker) take(r *resting, keepAlive time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return fmt.Errorf("%w: the connection is the handler's to close", activation.ErrUnbound)
	case b.blind || !watchable(r.conn):
		return fmt.Errorf("%w: %T", ErrWatch, r.conn)
	}
	b.last++
	n := b.last
	if b.watch != nil {
		if err := b.watch.add(r.conn, n); err != nil {
			return fmt.Errorf("socket: %w", err)
		}
	}
	b.idle[n] = r
	if keepAlive > 0 {
		r.stop = b.port.After(keepAlive, func() { b.expire(n) })
	}
	return nil
}

func (b *broker) expire(n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.idle[n] == nil {
		return
	}
	b.expired = append(b.expired, n)
	if b.watch != nil {
		b.watch.wake()
	}
}

// give gives a connection up, to whoever asks; nil if it is not there anymore.
func (b *broker) give(n uint64) *resting {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.idle[n]
	if r == nil {
		return nil
	}
	delete(b.idle, n)
	if r.stop != nil {
		r.stop()
	}
	if b.watch != nil {
		b.watch.remove(r.conn)
	}
	return r
}

// close closes what nobody will hear of anymore.
func (b *broker) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, r := range b.idle {
		_ = r.conn.Close()
	}
	clear(b.idle)
}

// run is the source. It takes a place only for something that has happened,
// where the system tells of that before it is taken.
func (b *broker) run(ctx context.Context) error {
	defer b.interruptible(ctx)()
	err := b.open()
	if errors.Is(err, errors.ErrUnsupported) {
		b.mu.Lock()
		b.blind = true
		b.mu.Unlock()
		return b.acceptOnly(ctx)
	}
	if errors.Is(err, net.ErrClosed) {
		return nil // none will arrive
	}
	if err != nil {
		return err
	}
	defer b.shut()
	for {
		ready, err := b.watch.wait(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("socket: %w", err)
		}
		for _, n := range append(b.due(), ready...) {
			if done, err := b.serve(ctx, n, !slices.Contains(ready, n)); done {
				return err
			}
		}
	}
}

// interruptible sees to it that Accept returns when ctx ends, and can be called
// again after that.
func (b *broker) interruptible(ctx context.Context) (restore func()) {
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		_ = b.ln.SetDeadline(time.Unix(1, 0))
	})
	return func() {
		if !stop() {
			<-interrupted
			_ = b.ln.SetDeadline(time.Time{})
		}
	}
}

// open begins to watch the listener and all that rests.
func (b *broker) open() error {
	w, err := newWatch(b.ln)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watch = w
	for n, r := range b.idle {
		if err := w.add(r.conn, n); errors.Is(err, net.ErrClosed) {
			b.expired = append(b.expired, n) // it was closed meanwhile: that is an activity
			w.wake()
		} else if err != nil {
			w.close()
			b.watch = nil
			return err
		}
	}
	return nil
}

func (b *broker) shut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watch.close()
	b.watch = nil
}

// due is what has expired since it was asked last.
func (b *broker) due() []uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	due := b.expired
	b.expired = nil
	return due
}

// serve brings a place and what has happened together.
func (b *broker) serve(ctx context.Context, n uint64, expired bool) (done bool, err error) {
	slot, err := b.port.Reserve(ctx)
	if err != nil {
		return true, nil // the App stops or the registration ends
	}
	defer slot.Release()
	if n == theListener {
		return b.accept(ctx, slot)
	}
	r := b.give(n)
	if r == nil {
		return false, nil
	}
	a := &Activity{Reason: KeepAliveTimerExpired, Conn: r.conn, State: r.state, broker: b}
	switch data, open := peek(r.conn); {
	case !open:
		a.Reason = SocketClosed
	case data || !expired:
		a.Reason = SocketActivity
	}
	_, err = slot.Fire(ctx, a)
	return err != nil, activation.UnlessOver(err)
}

// accept makes an activation of the next connection. Whether the listener was
// closed is not asked: then there will be none.
func (b *broker) accept(ctx context.Context, slot activation.Slot) (done bool, err error) {
	conn, err := b.ln.Accept()
	switch {
	case err != nil && (ctx.Err() != nil || errors.Is(err, net.ErrClosed)):
		return true, nil
	case err != nil:
		return true, err
	}
	_, err = slot.Fire(ctx, &Activity{Reason: ConnectionAccepted, Conn: conn, broker: b})
	return err != nil, activation.UnlessOver(err)
}

// acceptOnly is run where nothing can be watched.
func (b *broker) acceptOnly(ctx context.Context) error {
	for {
		if done, err := b.serve(ctx, theListener, false); done {
			return err
		}
	}
}

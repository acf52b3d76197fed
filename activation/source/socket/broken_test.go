package socket_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/source/socket"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A faulty listener fails to accept while it is told to.
type faulty struct {
	*net.TCPListener
	fails atomic.Bool
}

func (f *faulty) Accept() (net.Conn, error) {
	if f.fails.Load() {
		return nil, errors.New("no descriptor is left")
	}
	return f.TCPListener.Accept()
}

// A connection that breaks while the source is in its pause after a failure keeps
// it from nothing: when it goes on, that is an activity like any other.
func TestGiveBack_WhileAcceptingFails(t *testing.T) {
	needWatch(t)
	tcp, _ := listen(t).(*net.TCPListener)
	ln := &faulty{TCPListener: tcp}
	h := serveOn(t, ln, func(*socket.Activity) error { return nil })
	failed := make(chan error, 10) // more than come
	h.Observe(func(e event.Event) {
		if e.Kind == event.SourceFailed {
			failed <- e.Err
		}
	})
	h.dial()
	first := h.want(socket.ConnectionAccepted)
	ln.fails.Store(true)
	h.dial()
	t.Log(<-failed)
	if err := errors.Join(first.Conn.Close(), first.GiveBack(0)); err != nil {
		t.Fatal(err)
	}
	ln.fails.Store(false)
	reasons := map[socket.Reason]int{}
	for n := 0; n < 2; {
		select {
		case a := <-h.seen:
			reasons[a.Reason]++
			_ = a.Close()
			n++
		default:
			h.clock.Advance(time.Minute) // the pause, which may not have begun when the failure is told
			runtime.Gosched()
		}
	}
	if reasons[socket.ConnectionAccepted] != 1 || reasons[socket.SocketClosed] != 1 {
		t.Errorf("activities: got %v, want the connection that waited, and the one that broke", reasons)
	}
}

// interruptible is a listener that is not the system's own.
type interruptible struct {
	net.Listener
	tcp *net.TCPListener
}

func (i interruptible) SetDeadline(at time.Time) error { return i.tcp.SetDeadline(at) }

// Where the listener cannot be watched connections are accepted all the same, and
// none is taken back that nobody would hear of.
func TestGiveBack_ListenerThatCannotBeWatched(t *testing.T) {
	tcp, _ := listen(t).(*net.TCPListener)
	h := serveOn(t, interruptible{tcp, tcp}, func(*socket.Activity) error { return nil })
	for range 2 {
		h.dial()
		a := h.want(socket.ConnectionAccepted)
		if err := a.GiveBack(time.Minute); !errors.Is(err, socket.ErrWatch) {
			t.Errorf("GiveBack: got %v, want ErrWatch", err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A listener that was closed before the App starts brings nothing, and is not
// tried again and again.
func TestOn_ClosedListener(t *testing.T) {
	ln := listen(t)
	a := app.New(app.WithClock(clock.NewVirtual(time.Time{})), app.WithLogger(slog.New(slog.DiscardHandler)))
	ended := make(chan event.Event, 10) // more than there are
	a.Observe(func(e event.Event) {
		if e.Kind == event.SourceFailed || e.Kind == event.Exhausted {
			ended <- e
		}
	})
	a.HandleFunc("x", func(context.Context, *tasks.Instance) error { return nil })
	if _, err := a.Register(tasks.Registration{Name: "x", Trigger: socket.On(ln)}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(ln.Close(), a.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	if e := <-ended; e.Kind != event.Exhausted {
		t.Errorf("told: got %v, %v, want that it is exhausted", e.Kind, e.Err)
	}
	if _, err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// A keep-alive time may be as long as there are durations, or none.
func TestGiveBack_ForEver(t *testing.T) {
	needWatch(t)
	for _, keepAlive := range []time.Duration{0, -1, math.MinInt64, math.MaxInt64} {
		h := serve(t, func(a *socket.Activity) error {
			if a.Reason == socket.ConnectionAccepted {
				return a.GiveBack(keepAlive)
			}
			return a.Close()
		})
		c := h.dial()
		h.want(socket.ConnectionAccepted)
		h.idle()
		h.clock.Advance(10 * 365 * 24 * time.Hour)
		h.idle()
		if len(h.seen) > 0 {
			t.Errorf("%v: got %v", keepAlive, <-h.seen)
		}
		if _, err := io.WriteString(c, "x"); err != nil {
			t.Fatal(err)
		}
		h.want(socket.SocketActivity)
	}
}

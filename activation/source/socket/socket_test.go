package socket_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/activation/source/socket"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// TestMain lets the test's own program be the clients, in a process of their
// own.
func TestMain(m *testing.M) {
	if address := os.Getenv("BGLOOP_SOCKET_CLIENTS"); address != "" {
		clients(address)
		return
	}
	os.Exit(m.Run())
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

func TestConformance(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			var ln net.Listener
			activationtest.Trigger(t, activationtest.Source{
				New: func(t testing.TB) activation.Trigger {
					address := "127.0.0.1:0"
					if network == "unix" {
						dir, err := os.MkdirTemp("", "")
						if err != nil {
							t.Fatal(err)
						}
						t.Cleanup(func() { _ = os.RemoveAll(dir) })
						address = filepath.Join(dir, "s")
					}
					made, err := net.Listen(network, address)
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = made.Close() })
					ln = made // the newest is the one that is provoked
					return socket.On(made)
				},
				Provoke: func(t testing.TB) {
					c, err := net.Dial(ln.Addr().Network(), ln.Addr().String())
					if err != nil {
						t.Error(err)
						return
					}
					_ = c.Close()
				},
				Check: func(t testing.TB, details any) {
					if a, ok := details.(*socket.Activity); !ok || a.Reason != socket.ConnectionAccepted {
						t.Errorf("details: got %v", details)
					}
				},
				Lossless: true,
			})
		})
	}
}

// Ten thousand connections of another process, as fast as they come: none is
// lost, and none leaves a descriptor or a goroutine.
func TestTenThousandConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	ln := listen(t)
	goroutines, files := runtime.NumGoroutine(), descriptors()
	a := app.New(app.WithLogger(slog.New(slog.DiscardHandler)))
	var seen sync.Map
	var accepted atomic.Int64
	a.Handle("serve", tasks.Typed(func(_ context.Context, _ *tasks.Instance, s *socket.Activity) error {
		defer func() { _ = s.Close() }()
		accepted.Add(1)
		line, err := bufio.NewReader(s.Conn).ReadString('\n')
		if err != nil {
			return err
		}
		if _, again := seen.LoadOrStore(line, true); again {
			t.Errorf("%q came twice", line)
		}
		_, err = io.WriteString(s.Conn, line)
		return err
	}))
	if _, err := a.Register(tasks.Registration{Name: "serve", Trigger: socket.On(ln), Overlap: tasks.Parallel(64)}); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BGLOOP_SOCKET_CLIENTS="+ln.Addr().String())
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != fmt.Sprint(connections) {
		t.Errorf("clients: got %q, %v, want %d answers", out, err, connections)
	}
	if err := a.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := accepted.Load(); n != connections {
		t.Errorf("activations: got %d, want %d", n, connections)
	}
	if _, err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	for patience := time.Now(); runtime.NumGoroutine() > goroutines || descriptors() > files+1; runtime.Gosched() { // 1: the runtime's epoll
		if time.Since(patience) > 10*time.Second {
			t.Fatalf("left: %d goroutines, %d descriptors", runtime.NumGoroutine()-goroutines, descriptors()-files)
		}
	}
}

const connections = 10_000

// clients makes the connections, some at a time, and prints how many were
// answered.
func clients(address string) {
	var answered atomic.Int64
	var all sync.WaitGroup
	numbers := make(chan int)
	for range 200 {
		all.Go(func() {
			for n := range numbers {
				if err := client(address, n); err != nil {
					fmt.Println(err)
					continue
				}
				answered.Add(1)
			}
		})
	}
	for n := range connections {
		numbers <- n
	}
	close(numbers)
	all.Wait()
	fmt.Println(answered.Load())
}

func client(address string, n int) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if _, err := fmt.Fprintln(c, n); err != nil {
		return err
	}
	answer, err := io.ReadAll(c)
	if err == nil && string(answer) != fmt.Sprintln(n) {
		err = fmt.Errorf("answer to %d: got %q", n, answer)
	}
	return err
}

// descriptors is how many are open; 0 where that cannot be known.
func descriptors() int {
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list)
}

// A house serves one listener with a handler, on a virtual clock.
type house struct {
	*app.App
	t     *testing.T
	clock *clock.Virtual
	ln    net.Listener
	seen  chan *socket.Activity
}

// serve gives each activity to does, and then tells of it.
func serve(t *testing.T, does func(*socket.Activity) error) *house {
	t.Helper()
	return serveOn(t, listen(t), does)
}

func serveOn(t *testing.T, ln net.Listener, does func(*socket.Activity) error) *house {
	t.Helper()
	h := &house{t: t, clock: clock.NewVirtual(time.Time{}), ln: ln, seen: make(chan *socket.Activity, 100)} // more than come
	h.App = app.New(app.WithClock(h.clock), app.WithLogger(slog.New(slog.DiscardHandler)))
	h.Handle("serve", tasks.Typed(func(_ context.Context, _ *tasks.Instance, a *socket.Activity) error {
		err := does(a)
		h.seen <- a
		return err
	}))
	if _, err := h.Register(tasks.Registration{Name: "serve", Trigger: socket.On(h.ln)}); err != nil {
		t.Fatal(err)
	}
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = h.Stop(context.Background()) })
	return h
}

func (h *house) dial() net.Conn {
	h.t.Helper()
	c, err := net.Dial("tcp", h.ln.Addr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (h *house) want(r socket.Reason) *socket.Activity {
	h.t.Helper()
	a := <-h.seen
	if a.Reason != r {
		h.t.Fatalf("reason: got %v, want %v", a.Reason, r)
	}
	return a
}

func needWatch(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("connections cannot be watched here")
	}
}

// A connection that was given back activates the task when it has data, as
// often as that happens, and when the other side has closed it. What the
// handler left with it comes back.
func TestGiveBack(t *testing.T) {
	needWatch(t)
	h := serve(t, func(a *socket.Activity) error {
		switch a.Reason {
		case socket.SocketActivity:
			b := make([]byte, 100)
			n, err := a.Conn.Read(b)
			if err != nil {
				return err
			}
			text, _ := a.State.(string)
			a.State = text + string(b[:n])
		case socket.SocketClosed:
			return a.Close()
		default:
		}
		return a.GiveBack(0)
	})
	c, idle := h.dial(), h.dial()
	h.want(socket.ConnectionAccepted)
	h.want(socket.ConnectionAccepted)
	for i, word := range []string{"one ", "two ", "three"} {
		if _, err := io.WriteString(c, word); err != nil {
			t.Fatal(err)
		}
		if got, want := h.want(socket.SocketActivity).State, "one two three"[:4*(i+1)+i/2]; got != want {
			t.Errorf("state: got %q, want %q", got, want)
		}
	}
	_ = c.Close()
	if got := h.want(socket.SocketClosed).State; got != "one two three" {
		t.Errorf("state: got %q", got)
	}
	if _, err := h.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := idle.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the connection that rested: got %v, want it closed by the end of the App", err)
	}
}

// When nothing comes for as long as was said, that is told; data in time keeps
// it from being.
func TestGiveBack_KeepAlive(t *testing.T) {
	needWatch(t)
	h := serve(t, func(a *socket.Activity) error {
		switch a.Reason {
		case socket.SocketActivity:
			if _, err := a.Conn.Read(make([]byte, 100)); err != nil {
				return err
			}
		case socket.SocketClosed: // given back, it would be told again and again
			return a.Close()
		default:
		}
		return a.GiveBack(time.Minute)
	})
	c := h.dial()
	h.want(socket.ConnectionAccepted)
	h.idle()
	h.clock.Advance(59 * time.Second)
	if _, err := io.WriteString(c, "x"); err != nil {
		t.Fatal(err)
	}
	h.want(socket.SocketActivity)
	h.idle()
	h.clock.Advance(59 * time.Second)
	h.idle()
	if len(h.seen) > 0 {
		t.Fatalf("got %v, though the minute began anew", (<-h.seen).Reason)
	}
	for range 3 {
		h.clock.Advance(time.Minute)
		h.want(socket.KeepAliveTimerExpired)
		h.idle()
	}
}

func (h *house) idle() {
	h.t.Helper()
	if err := h.WaitIdle(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// A connection has one owner.
func TestOwnership(t *testing.T) {
	needWatch(t)
	errs := make(chan error, 4) // as many as are sent
	h := serve(t, func(a *socket.Activity) error {
		if a.Reason == socket.ConnectionAccepted {
			errs <- a.GiveBack(0)
			errs <- a.GiveBack(0)
			errs <- a.Close()
			return nil
		}
		errs <- a.Close()
		return nil
	})
	c := h.dial()
	h.want(socket.ConnectionAccepted)
	if _, err := io.WriteString(c, "x"); err != nil {
		t.Fatal(err)
	}
	h.want(socket.SocketActivity)
	for i, want := range []error{nil, socket.ErrNotOwner, socket.ErrNotOwner, nil} {
		if err := <-errs; !errors.Is(err, want) {
			t.Errorf("call %d: got %v, want %v", i, err, want)
		}
	}
}

// When the registration has ended nobody takes a connection back, and it stays
// the handler's.
func TestGiveBack_AfterUnregister(t *testing.T) {
	needWatch(t)
	h := serve(t, func(a *socket.Activity) error { return nil })
	h.dial()
	a := h.want(socket.ConnectionAccepted)
	h.Unregister("serve", false)
	h.idle()
	if err := a.GiveBack(0); !errors.Is(err, activation.ErrUnbound) {
		t.Errorf("GiveBack: got %v, want %v", err, activation.ErrUnbound)
	}
	if err := a.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// A connection that is not the system's own cannot be given back, and a
// listener that cannot be interrupted is refused.
func TestErrors(t *testing.T) {
	h := serve(t, func(a *socket.Activity) error {
		defer func() { _ = a.Close() }()
		a.Conn = struct{ net.Conn }{a.Conn}
		return a.GiveBack(0)
	})
	task, _ := h.Task("serve")
	r := make(chan error, 1) // a slot: the story may have ended
	task.OnCompleted(func(e event.Event) { r <- e.Err })
	h.dial()
	if err := <-r; !errors.Is(err, socket.ErrWatch) || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("GiveBack: got %v, want %v", err, socket.ErrWatch)
	}
	for _, ln := range []net.Listener{nil, (*net.TCPListener)(nil), struct{ net.Listener }{h.ln}} {
		if _, err := app.New().Register(tasks.Registration{Name: "x", Trigger: socket.On(ln)}); !errors.Is(err, socket.ErrListener) {
			t.Errorf("Register: got %v, want %v", err, socket.ErrListener)
		}
	}
}

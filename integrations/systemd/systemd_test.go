package systemd_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/source/line"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/integrations/systemd"
	"github.com/bgloop/bgloop/tasks"
)

// TestMain lets the test's own program be a service that systemd starts.
func TestMain(m *testing.M) {
	if os.Getenv("BGLOOP_SERVICE") != "" {
		if err := service(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// manager is the other side of NOTIFY_SOCKET.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return c
}

const alive = "WATCHDOG=1"

// want reads the next notice. One that the service is alive may have been on its
// way, however little time has gone by since.
func want(t *testing.T, c *net.UnixConn, state string) {
	t.Helper()
	b := make([]byte, 1000)
	for {
		n, err := c.Read(b)
		if err != nil {
			t.Error(err)
			return
		}
		switch got := string(b[:n]); {
		case got == state || strings.HasPrefix(got, state+"\n"):
			return
		case got != alive:
			t.Errorf("notice: got %q, want %q", got, state)
			return
		}
	}
}

// systemd hears that the App runs, that it lives, that it reloads, what it does
// and that it stops.
func TestNotices(t *testing.T) {
	m := manager(t)
	t.Setenv("WATCHDOG_USEC", "2000000")
	t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))
	c := clock.NewVirtual(time.Time{})
	a := app.New(app.WithClock(c), app.WithLogger(slog.New(slog.DiscardHandler)))
	if err := systemd.Attach(a); err != nil {
		t.Fatal(err)
	}
	reload := trigger.NewApplication[string]()
	a.Handle("reload", systemd.Reloading(tasks.HandlerFunc(func(context.Context, *tasks.Instance) error { return systemd.Status("reads\nSTOPPING=1") })))
	if _, err := a.Register(tasks.Registration{Name: "reload", Trigger: reload}); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, m, "READY=1")
	want(t, m, alive)
	for range 3 {
		fed := make(chan struct{})
		go func() { defer close(fed); want(t, m, alive) }()
		for waiting := true; waiting; {
			select {
			case <-fed:
				waiting = false
			default:
				if _, armed := c.Next(); armed {
					c.Advance(100 * time.Millisecond)
				}
			}
		}
	}
	if err := a.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := reload.Request(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"RELOADING=1", "STATUS=reads STOPPING=1", "READY=1"} {
		want(t, m, state)
	}
	if _, err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	want(t, m, "STOPPING=1")
}

// Without systemd nothing is registered.
func TestAttach_WithoutSystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	a := app.New()
	if err := systemd.Attach(a); err != nil {
		t.Fatal(err)
	}
	if a.Group("systemd").IsRegistered("notify") {
		t.Error("registered, though there is nobody to notify")
	}
}

// service is a program whose socket is systemd's: it prints one line, and stops.
func service() error {
	all, err := systemd.Listeners()
	if err != nil || len(all["pokes"]) != 1 {
		return fmt.Errorf("listeners: got %v, %w", all, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	a := app.New()
	a.Handle("poke", tasks.Typed(func(_ context.Context, _ *tasks.Instance, text string) error {
		fmt.Println("got", text)
		stop()
		return nil
	}))
	if _, err := a.Register(tasks.Registration{Name: "poke", Trigger: line.Socket(all["pokes"][0])}); err != nil {
		return err
	}
	return a.Run(ctx)
}

// A connection that came before the service was started is served by it.
func TestListeners(t *testing.T) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	c, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	f, err := ln.File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0"`, os.Args[0])
	cmd.ExtraFiles = []*os.File{f} // descriptor 3, the first that systemd hands over
	cmd.Env = append(os.Environ(), "BGLOOP_SERVICE=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=pokes")
	out, err := cmd.CombinedOutput()
	text, _ := bufio.NewReader(strings.NewReader(string(out))).ReadString('\n')
	if err != nil || text != "got hello\n" {
		t.Errorf("service: got %q, %v", out, err)
	}
}

package line_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/activation/source/line"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// directory has a path short enough for a socket.
func directory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("unix", filepath.Join(directory(t), "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

func isHello(t testing.TB, details any) {
	if details != "hello" {
		t.Errorf("details: got %q, want hello", details)
	}
}

func TestConformance_Socket(t *testing.T) {
	var ln net.Listener
	send := func(t testing.TB, text string) {
		c, err := net.Dial("unix", ln.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.Close() }()
		_, _ = io.WriteString(c, text) // an end of the registration breaks it
	}
	activationtest.Trigger(t, activationtest.Source{
		New:      func(t testing.TB) activation.Trigger { ln = listen(t); return line.Socket(ln) },
		Provoke:  func(t testing.TB) { send(t, "hello\r\n") },
		Fail:     func(t testing.TB) { send(t, strings.Repeat("x", line.MaxLine+1)) },
		Check:    isHello,
		Lossless: true,
	})
}

// One connection brings many lines, and its last needs no end.
func TestSocket_Lines(t *testing.T) {
	ln := listen(t)
	a := app.New()
	got := make(chan string)
	a.Handle("x", tasks.Typed(func(_ context.Context, _ *tasks.Instance, text string) error { got <- text; return nil }))
	if _, err := a.Register(tasks.Registration{Name: "x", Trigger: line.Socket(ln)}); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	longest := strings.Repeat("y", line.MaxLine-1)
	go func() {
		_, _ = io.WriteString(c, "one\n\ntwo\r\n"+longest+"\nend")
		_ = c.Close()
	}()
	for _, want := range []string{"one", "", "two", longest, "end"} {
		if text := <-got; text != want {
			t.Errorf("line: got %.20q, want %.20q", text, want)
		}
	}
	if _, err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// What cannot be read from is refused by Register.
func TestRegister_Errors(t *testing.T) {
	for _, c := range []struct {
		trigger activation.Trigger
		want    error
	}{
		{line.Socket(nil), line.ErrListener},
		{line.Socket((*net.UnixListener)(nil)), line.ErrListener},
		{line.Socket(struct{ net.Listener }{listen(t)}), errors.ErrUnsupported},
		{line.FIFO(""), line.ErrFIFO},
	} {
		if _, err := app.New().Register(tasks.Registration{Name: "x", Trigger: c.trigger}); !errors.Is(err, c.want) {
			t.Errorf("Register of %v: got %v, want %v", c.trigger, err, c.want)
		}
	}
}

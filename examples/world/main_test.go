//go:build unix

package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestMain lets the test's own program be the service.
func TestMain(m *testing.M) {
	if os.Getenv("BGLOOP_WORLD") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// The service does what each part of the world outside asks for, and ends when
// it is told to.
func TestWorld(t *testing.T) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	// A SIGHUP that comes before the service listens to it is to do nothing.
	cmd := exec.Command("/bin/sh", "-c", `trap "" HUP; exec "$0" "$1"`, os.Args[0], dir)
	cmd.Env = append(os.Environ(), "BGLOOP_WORLD=1")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	out := bufio.NewReader(pipe)
	want := func(line string) string {
		t.Helper()
		got, err := out.ReadString('\n')
		if err != nil || !strings.HasPrefix(got, line) {
			t.Fatalf("output: got %q, %v, want %q", got, err, line)
		}
		return strings.TrimSpace(strings.TrimPrefix(got, line))
	}
	address := want("listens ")
	want("start")

	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/deploy", strings.NewReader("version 7"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Prefer", "wait")
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	if a.StatusCode != http.StatusOK {
		t.Errorf("deploy: got status %d", a.StatusCode)
	}
	want("deploy version 7")

	c := dial(t, filepath.Join(dir, "lines"))
	say(t, c, "hello\n")
	want("line hello")

	c = dial(t, filepath.Join(dir, "echo"))
	for _, word := range []string{"one", "two"} {
		say(t, c, word)
		b := make([]byte, len(word))
		if _, err := io.ReadFull(c, b); err != nil || string(b) != word {
			t.Errorf("echo: got %q, %v, want %q", b, err, word)
		}
	}

	received := make(chan struct{})
	go func() {
		for !closed(received) {
			_ = cmd.Process.Signal(syscall.SIGHUP)
			runtime.Gosched()
		}
	}()
	want("reload hangup")
	close(received)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the end of the service: %v", err)
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func dial(t *testing.T, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func say(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

//go:build unix

package app_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// asMetronome makes this test binary a program that tells of a task that is due
// every beat, until its standard input ends.
const (
	asMetronome = "BGLOOP_TEST_METRONOME"
	beat        = 20 * time.Millisecond
)

func TestMetronome(t *testing.T) {
	if os.Getenv(asMetronome) == "" {
		t.Skip("it is run by TestStoppedProcess")
	}
	a := app.New(app.WithLogger(quiet()))
	a.HandleFunc("t", nothing)
	a.Observe(func(e event.Event) {
		switch e.Kind {
		case event.Fired, event.Merged, event.Missed:
			fmt.Printf("%s %d %d\n", e.Kind, e.Due.UnixNano(), e.N)
		case event.ClockJumped, event.Faulted:
			fmt.Println(e)
		}
	})
	if _, err := a.Register(tasks.Registration{Name: "t", Trigger: trigger.Every(beat)}); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	if _, err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	fmt.Println("stopped")
}

// A metronome is such a program, running.
type metronome struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  *bufio.Scanner
	in   io.Closer
	read []string
}

func startMetronome(t *testing.T) *metronome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a safety net
	t.Cleanup(cancel)
	m := &metronome{t: t, cmd: exec.CommandContext(ctx, os.Args[0], "-test.run=^TestMetronome$")}
	m.cmd.Env = append(os.Environ(), asMetronome+"=1", "GORACE=atexit_sleep_ms=0")
	m.cmd.Stderr = os.Stderr
	out, err := m.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if m.in, err = m.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	m.out = bufio.NewScanner(out)
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return m
}

// A beating is one line: due times up to at, of which n were missed.
type beating struct {
	kind string
	at   time.Time
	n    int
}

func (m *metronome) next() beating {
	m.t.Helper()
	if !m.out.Scan() {
		m.t.Fatalf("it has ended:\n%s", strings.Join(m.read, "\n"))
	}
	m.read = append(m.read, m.out.Text())
	var b beating
	var nanos int64
	if _, err := fmt.Sscan(m.out.Text(), &b.kind, &nanos, &b.n); err != nil {
		m.t.Fatalf("%s: %v", m.out.Text(), err)
	}
	b.at = time.Unix(0, nanos)
	return b
}

// until reads lines up to a firing that was due at the given time or later.
func (m *metronome) until(at time.Time) (all []beating) {
	m.t.Helper()
	for {
		b := m.next()
		all = append(all, b)
		if b.kind != "missed" && !b.at.Before(at) {
			return all
		}
	}
}

func (m *metronome) end() {
	m.t.Helper()
	_ = m.in.Close()
	for m.out.Scan() {
		m.read = append(m.read, m.out.Text())
	}
	if err := m.cmd.Wait(); err != nil || !strings.Contains(strings.Join(m.read, "\n"), "stopped") {
		m.t.Errorf("%v:\n%s", err, strings.Join(m.read, "\n"))
	}
}

// A process that is stopped, and goes on after dozens of due times have passed,
// fires once for them all, tells how many it has missed, and is in step again.
// How long it is stopped is told by another one that is not.
func TestStoppedProcess(t *testing.T) {
	t.Parallel()
	m, other := startMetronome(t), startMetronome(t)
	seen := m.until(time.Now())
	if err := m.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(m.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("it has not stopped: %v, %v", err, status)
	}
	const beats = 25
	from := time.Now()
	to := from.Add(beats * beat)
	other.until(to)
	if err := m.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	seen = append(seen, m.until(to.Add(5*beat))...)

	for seen[0].kind == "missed" { // it began slowly
		seen = seen[1:]
	}
	missed := 0
	for i := range seen[1:] {
		before, b := seen[i], seen[i+1]
		if b.kind == "missed" {
			missed = b.n
			if before.at.Before(from) && b.at.After(to.Add(-beat)) && b.n < beats-2 {
				t.Errorf("it was stopped for %d beats and tells of %d", beats, b.n)
			}
			continue
		}
		if before.kind == "missed" {
			before = seen[i-1]
		}
		if passed := int(b.at.Sub(before.at) / beat); passed != missed+1 {
			t.Errorf("%d beats from one firing to the next, and %d missed", passed, missed)
		}
		if b.at.After(from) && b.at.Before(to.Add(-beat)) {
			t.Errorf("a firing of its own for %v, when it was stopped", b.at)
		}
		missed = 0
	}
	if t.Failed() {
		t.Log(strings.Join(m.read, "\n"))
	}
	m.end()
	other.end()
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asProgram makes this test binary run main, in a process of its own. So the
// program is built once, and with the race detector if the tests are.
const asProgram = "SPM_RUN_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A program is a running process.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *bufio.Scanner
	read   []string
	stderr strings.Builder
}

// start runs the program on input; nil is the null device.
func start(t *testing.T, input io.Reader, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a safety net: nothing here takes a second
	t.Cleanup(cancel)
	p := &program{t: t, cmd: exec.CommandContext(ctx, os.Args[0], args...)}
	p.cmd.Env = append(os.Environ(), asProgram+"=1", "GORACE=atexit_sleep_ms=0")
	p.cmd.Stdin, p.cmd.Stderr = input, &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// interactive runs the program on an input that stays open.
func interactive(t *testing.T, args ...string) (*program, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(); _ = w.Close() })
	return start(t, r, args...), w
}

func closeInput(t *testing.T, w io.Closer) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// await reads the output up to a line that contains text.
func (p *program) await(text string) {
	p.t.Helper()
	for p.out.Scan() {
		p.read = append(p.read, p.out.Text())
		if strings.Contains(p.out.Text(), text) {
			return
		}
	}
	p.t.Fatalf("no line with %q; stderr:\n%s\nstdout:\n%s", text, p.stderr.String(), strings.Join(p.read, "\n"))
}

// end reads the rest of the output and checks the exit code.
func (p *program) end(code int) (stdout string) {
	p.t.Helper()
	for p.out.Scan() {
		p.read = append(p.read, p.out.Text())
	}
	stdout = strings.Join(p.read, "\n")
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Fatalf("exit code: got %d, want %d; stderr:\n%s\nstdout:\n%s", got, code, p.stderr.String(), stdout)
	}
	if code == 0 && !strings.Contains(stdout, "stopped in ") {
		p.t.Errorf("no stop report:\n%s", stdout)
	}
	return stdout
}

func (p *program) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

func noSignalsOnWindows(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send another a signal")
	}
}

func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
}

// TestNoLineIsLost: far more lines than may wait, one beyond what a
// bufio.Scanner takes, and a last one without an end.
func TestNoLineIsLost(t *testing.T) {
	t.Parallel()
	const n = 1000
	input := strings.Repeat("two words\n", n) + strings.Repeat("long ", 100_000) + "\r\nthe last one"
	out := start(t, strings.NewReader(input)).end(0)
	at := 0
	for i := range n + 2 {
		words := 2
		switch i {
		case n:
			words = 100_000
		case n + 1:
			words = 3
		}
		line := fmt.Sprintf("line     %d: %d words\n", i+1, words)
		next := strings.Index(out[at:], line)
		if next < 0 {
			t.Fatalf("no %q after\n%s", line, out[:at])
		}
		at += next
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(file, []byte("one\nand two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, _ := interactive(t, file) // standard input is not read
	p.await("line     1: 1 words")
	p.await("line     2: 2 words")
	p.end(0)
}

func TestEmptyInputEnds(t *testing.T) {
	t.Parallel()
	for name, input := range map[string]io.Reader{"null device": nil, "pipe": strings.NewReader("")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out := start(t, input).end(0); strings.Contains(out, "line ") {
				t.Errorf("a line of nothing:\n%s", out)
			}
		})
	}
}

func TestPublishIsCanceledAtItsLimit(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "-limit", "250ms") // half of what it wants, and time enough to begin
	p.await("publish  is canceled: ExecutionTimeExceeded")
	p.await("publish  ended: ")
	p.end(0)
}

func TestPublishReportsProgress(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "-limit", "1h")
	p.await("publish  0 %")
	p.await("publish  100 %")
	if out := p.end(0); strings.Contains(out, "canceled") {
		t.Errorf("canceled within its limit:\n%s", out)
	}
}

func TestTallyComesInTime(t *testing.T) {
	t.Parallel()
	p, w := interactive(t, "-every", "1ms")
	write(t, w, "one two\nthree\n")
	p.await("line     2: ")
	p.await("tally    2 lines, 3 words")
	closeInput(t, w)
	p.end(0)
}

func TestArchiveWaitsForItsFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "place")
	p, w := interactive(t, "-until", file)
	p.await("archive  is latched")
	write(t, w, "one two\n")
	closeInput(t, w)
	p.await("publish  ended: ") // the archive alone keeps the program from ending
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.await("archive  1 lines, 2 words")
	p.end(0)
}

func TestHangupRotates(t *testing.T) {
	t.Parallel()
	noSignalsOnWindows(t)
	p, w := interactive(t)
	write(t, w, "one two\n")
	p.await("line     1: 2 words")
	p.signal(syscall.SIGHUP)
	p.await("rotate   1 lines, 2 words")
	write(t, w, "three\n")
	p.await("line     1: 1 words")
	closeInput(t, w)
	p.end(0)
}

func TestSignalsStop(t *testing.T) {
	t.Parallel()
	noSignalsOnWindows(t)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			p, w := interactive(t, "-until", filepath.Join(t.TempDir(), "never"))
			write(t, w, "one\n")
			p.await("line     1: ")
			p.signal(s)
			p.await("archive  ended: tasks: canceled: Terminating")
			p.end(0)
		})
	}
}

func TestBadArguments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no such file", []string{filepath.Join(dir, "none")}, 1, "spm: open "},
		{"directory", []string{dir}, 1, "spm: read "},
		{"no such flag", []string{"-nope"}, 2, "usage: spm "},
		{"bad duration", []string{"-limit", "soon"}, 2, "usage: spm "},
		{"two files", []string{"a", "b"}, 2, "usage: spm "},
		{"interval of zero", []string{"-every", "0"}, 1, "spm: trigger: interval is not positive"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := start(t, nil, tt.args...)
			p.end(tt.code)
			if got := p.stderr.String(); !strings.Contains(got, tt.want) {
				t.Errorf("stderr: got %q, want %q", got, tt.want)
			}
		})
	}
}

//go:build linux

package pressure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// A handAlarm is rung by hand.
type handAlarm struct {
	rung  chan []int
	woken chan struct{}
	lines *[]string
}

func (a handAlarm) Wait(ctx context.Context) ([]int, error) {
	select {
	case which := <-a.rung:
		return which, nil
	case <-a.woken:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a handAlarm) Wake() { a.woken <- struct{}{} }

func (a handAlarm) Close() error { close(a.rung); return nil }

func (a handAlarm) open(list []threshold) (alarm, error) {
	for _, t := range list {
		*a.lines = append(*a.lines, t.line)
	}
	return a, nil
}

// The cost rises when the kernel says so, and falls when the gauges do, which
// are read every ten seconds while it is not low, and never else.
func TestMeter_Follows(t *testing.T) {
	dir := t.TempDir()
	set := func(r Resource, avg10 float64) {
		t.Helper()
		text := fmt.Sprintf("some avg10=%.2f avg60=0.00 avg300=0.00 total=1\n", avg10)
		if err := os.WriteFile(filepath.Join(dir, string(r)+".pressure"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set(CPU, 0)
	set(IO, 0)
	synctest.Test(t, func(t *testing.T) {
		a := app.New()
		start := a.Clock().Now()
		h := handAlarm{make(chan []int), make(chan struct{}), new([]string)}
		m := newMeter(20, 60, []Gauge{Cgroup(dir, CPU), Cgroup(dir, IO)}, h.open)
		var told []string
		a.Handle("x", tasks.Typed(func(_ context.Context, _ *tasks.Instance, c Cost) error {
			told = append(told, fmt.Sprint(a.Clock().Now().Sub(start), " ", c))
			return nil
		}))
		if _, err := a.Register(tasks.Registration{Name: "x", Trigger: m.Changed()}); err != nil {
			t.Fatal(err)
		}
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if want := []string{"some 400000 2000000", "some 1200000 2000000", "some 400000 2000000", "some 1200000 2000000"}; !slices.Equal(*h.lines, want) {
			t.Errorf("thresholds: got %q, want %q", *h.lines, want)
		}
		set(CPU, 100)
		time.Sleep(time.Hour) // nobody reads while it is low
		h.rung <- []int{2}    // io, medium
		synctest.Wait()
		set(CPU, 0)
		set(IO, 61)
		time.Sleep(9 * time.Second)
		h.rung <- []int{2} // keeps on, and puts the reading off by nothing
		time.Sleep(time.Second)
		synctest.Wait()
		set(IO, 20)
		time.Sleep(5 * time.Second)
		h.rung <- []int{1, 0} // both at once: the higher
		time.Sleep(5 * time.Second)
		synctest.Wait()
		set(IO, 19.99)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		set(IO, 99)
		time.Sleep(time.Hour)
		synctest.Wait()
		if want := []string{"1h0m0s medium", "1h0m10s high", "1h0m20s medium", "1h0m30s low"}; !slices.Equal(told, want) {
			t.Errorf("got %q, want %q", told, want)
		}
		if _, err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// The kernel tells of its own files as of any other. The file of a control group
// that says whether a process is in it stands for memory.events, which not every
// machine has.
func TestNotify_Kernel(t *testing.T) {
	own, err := OwnCgroup()
	if err != nil {
		t.Skip(err)
	}
	group := filepath.Join(own, fmt.Sprintf("bgloop-test-%d", os.Getpid()))
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Skipf("no leave to make a control group: %v", err)
	}
	defer func() {
		if err := os.Remove(group); err != nil {
			t.Error(err)
		}
	}()
	a, err := notify(filepath.Join(group, "cgroup.events"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	child := exec.Command("sleep", "1000")
	if err := child.Start(); err != nil {
		t.Skip(err)
	}
	refused := os.WriteFile(filepath.Join(group, "cgroup.procs"), fmt.Append(nil, child.Process.Pid), 0)
	if refused == nil {
		_, err = a.Wait(t.Context())
	}
	_ = child.Process.Kill()
	_ = child.Wait()
	if refused != nil {
		t.Skipf("no leave to move a process into it: %v", refused)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Wait(t.Context()); err != nil { // it is empty again
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait with an ended ctx: got %v", err)
	}
}

// Where a process finds the group that it is in.
func TestOwnCgroup(t *testing.T) {
	root := t.TempDir()
	list := filepath.Join(root, "cgroup")
	for _, tt := range []struct{ text, procs, want string }{
		{"0::/a/b\n", "a/b", "a/b"},
		{"4:memory:/x\n0::/\n", "unified", "unified"},
		{"4:memory:/x\n", ".", ""},
		{"0::/c\n", "d", ""},
	} {
		_ = os.MkdirAll(filepath.Join(root, tt.procs), 0o755)
		if err := errors.Join(
			os.WriteFile(list, []byte(tt.text), 0o600),
			os.WriteFile(filepath.Join(root, tt.procs, "cgroup.procs"), nil, 0o600),
		); err != nil {
			t.Fatal(err)
		}
		got, err := ownCgroup(list, root)
		if tt.want == "" {
			if !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%q: got %q, %v, want ErrUnsupported", tt.text, got, err)
			}
		} else if want := filepath.Join(root, tt.want); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", tt.text, got, err, want)
		}
		_ = os.Remove(filepath.Join(root, tt.procs, "cgroup.procs"))
	}
}

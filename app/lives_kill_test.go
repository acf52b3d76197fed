package app_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// These are set for the process that TestKilledProcessLosesNoActivation kills:
// the file of its log, and the number of the first job that it fires; zero if it
// is to do only what is left.
const (
	childLog   = "BGLOOP_APP_CHILD_LOG"
	childFirst = "BGLOOP_APP_CHILD_FIRST"
)

// TestChild is that process. It says which jobs were allowed and which are done.
func TestChild(t *testing.T) {
	path := os.Getenv(childLog)
	if path == "" {
		t.Skip("this is for a process of its own")
	}
	first := 0
	_, _ = fmt.Sscan(os.Getenv(childFirst), &first)
	log, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	a := app.New(app.WithStore(log), app.WithLogger(quiet()))
	a.HandleFunc("work", func(_ context.Context, in *tasks.Instance) error {
		if err := in.Sleep(time.Millisecond); err != nil {
			return err
		}
		fmt.Println("done", in.Details(), in.Activation(), in.Attempt())
		return nil
	})
	work, err := a.Register(tasks.Registration{
		Name: "work", Trigger: never(""), Keep: tasks.Every(1 << 20), Overlap: tasks.Parallel(4),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := first; first > 0; n++ {
		r, err := work.Fire(t.Context(), n)
		if err != nil || r.Result != activation.Allowed {
			t.Fatal(r.Result, err)
		}
		fmt.Println("allowed", n, r.ID)
	}
	for a.Explain("work").Pending != nil || a.Snapshot().Active > 0 {
		if err := a.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println("idle")
}

// A process that is killed has lost no activation that it had answered for, and
// each has the same ID in the next.
func TestKilledProcessLosesNoActivation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	allowed, done := map[int]uint64{}, map[int]uint64{}
	live := func(first, lines int) {
		child := exec.Command(os.Args[0], "-test.run=^TestChild$") //nolint:gosec,noctx // ourselves, and killed
		child.Env = append(os.Environ(), childLog+"="+path, fmt.Sprint(childFirst, "=", first))
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		heard, idle := 0, false
		for said := bufio.NewScanner(out); said.Scan(); heard++ {
			var (
				n, attempt int
				id         uint64
			)
			line := said.Text()
			if _, err := fmt.Sscanf(line, "allowed %d %d", &n, &id); err == nil {
				allowed[n] = id
			}
			if _, err := fmt.Sscanf(line, "done %d %d %d", &n, &id, &attempt); err == nil {
				if was := done[n]; was != 0 && was != id {
					t.Errorf("job %d was activation %d, and is %d", n, was, id)
				}
				done[n] = id
			}
			idle = idle || strings.HasPrefix(line, "idle")
			if heard == lines || idle {
				_ = child.Process.Kill() // what it has said before is read all the same
			}
		}
		_ = child.Wait()
		if first == 0 && !idle {
			t.Error("the last child did not come to rest")
		}
	}
	for round := 1; round <= 5; round++ {
		live(round*1_000_000, 20*round)
	}
	live(0, -1)
	for n, id := range allowed {
		if done[n] != id {
			t.Errorf("job %d was allowed as activation %d, and is lost: done as %d", n, id, done[n])
		}
	}
	if len(allowed) < 100 {
		t.Errorf("only %d jobs were allowed", len(allowed))
	}
	t.Logf("%d jobs allowed, %d done", len(allowed), len(done))
}

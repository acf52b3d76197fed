//go:build linux

package power

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// The kernel's broadcasts reach us, those of the right subsystem only, and a
// Wake and the end of ctx end the waiting.
func TestUevents_Kernel(t *testing.T) {
	const device = "/sys/class/mem/null/uevent"
	provoke := func() error { return os.WriteFile(device, []byte("change"), 0) }
	if err := provoke(); err != nil {
		t.Skipf("no leave to make the kernel send an event: %v", err)
	}
	other, err := listen("power_supply")
	if err != nil {
		t.Skipf("no leave to hear the kernel's events: %v", err)
	}
	defer func() { _ = other.Close() }()
	mem, err := listen("mem")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mem.Close() }()
	for range 3 {
		if err := provoke(); err != nil {
			t.Fatal(err)
		}
		if err := mem.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	other.Wake()
	if woken, err := other.File.Wait(t.Context(), other.receive); !woken || err != nil {
		t.Errorf("Wait of another subsystem: got %v, %v, want to be woken", woken, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := other.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait with an ended ctx: got %v", err)
	}
}

// A handBell rings by hand.
type handBell struct{ rung chan struct{} }

func (b handBell) Wait(ctx context.Context) error {
	select {
	case <-b.rung:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b handBell) Wake() { b.rung <- struct{}{} }

func (b handBell) Close() error { close(b.rung); return nil }

// The supplies are read when the bell rings, and a battery once a minute.
func TestFollow(t *testing.T) {
	root := t.TempDir()
	set := func(status, capacity string) {
		t.Helper()
		dir := filepath.Join(root, "BAT0")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"type": "Battery", "status": status, "capacity": capacity} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	synctest.Test(t, func(t *testing.T) {
		b := handBell{make(chan struct{})}
		a := app.New()
		m := Of(follow(root, func() (bell, error) { return b, nil }))
		var mu sync.Mutex // guards the following
		var told []string
		a.Handle("x", tasks.Typed(func(_ context.Context, _ *tasks.Instance, s State) error {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, s.String())
			return nil
		}))
		heard := func(want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(told, want) {
				t.Errorf("got %q, want %q", told, want)
			}
		}
		if _, err := a.Register(tasks.Registration{Name: "x", Trigger: m.Changed()}); err != nil {
			t.Fatal(err)
		}
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		set("Discharging", "90")
		time.Sleep(time.Hour) // nobody asks for batteries that are not there
		b.Wake()
		synctest.Wait()
		set("Discharging", "89")
		time.Sleep(recheck - time.Nanosecond)
		heard("on battery, 90%")
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		set("Charging", "89")
		b.Wake()
		synctest.Wait()
		b.Wake() // for nothing
		heard("on battery, 90%", "on battery, 89%", "on line, 89%")
		if _, err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

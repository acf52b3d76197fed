package app_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/tasks"
)

// An App on a precise clock leaves no descriptor behind when it has stopped,
// though its next alarm was far away.
func TestNoDescriptorAfterStop(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no timerfd")
	}
	a := app.New(app.WithClock(clock.Precise()), app.WithLogger(quiet()))
	ran := make(chan bool)
	a.HandleFunc("often", func(ctx context.Context, _ *tasks.Instance) error {
		select {
		case ran <- true:
		case <-ctx.Done(): // nobody asks anymore
		}
		return nil
	})
	for name, d := range map[string]time.Duration{"often": time.Millisecond, "rarely": time.Hour} {
		if _, err := a.Register(tasks.Registration{Name: name, Trigger: trigger.Every(d)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		<-ran
	}
	for timerfds(t) != 1 { // between two alarms there may be none
		runtime.Gosched()
	}
	if _, err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	for timerfds(t) > 0 { // its goroutine is about to let go of it
		runtime.Gosched()
	}
}

// timerfds is how many of them this process has open.
func timerfds(t *testing.T) (n int) {
	t.Helper()
	list, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		if to, err := os.Readlink(name); err == nil && strings.Contains(to, "timerfd") {
			n++
		}
	}
	return n
}

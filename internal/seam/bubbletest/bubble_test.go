package bubbletest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/seam/bubbletest"
	"github.com/bgloop/bgloop/internal/seam/seamtest"
	"github.com/bgloop/bgloop/tasks"
)

var start = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func TestBubbleIsADriver(t *testing.T) {
	for _, tt := range []struct {
		name   string
		serial bool
		opts   []bubbletest.Option
	}{
		{"serial", true, nil},
		{"seeded", false, []bubbletest.Option{bubbletest.WithChooser(seeded(1))}},
		{"batch", false, []bubbletest.Option{bubbletest.WithBatch()}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seamtest.Exercise(t, func(t *testing.T, story func(*testing.T, seamtest.Host)) {
				synctest.Test(t, func(t *testing.T) {
					b := bubbletest.New(start, tt.opts...)
					defer synctest.Wait()
					defer b.Close()
					story(t, seamtest.Host{Driver: b, Settle: b.Idle, Serial: tt.serial})
				})
			})
		})
	}
}

// seeded chooses by a seed.
func seeded(seed uint64) func(time.Duration, int) int {
	return func(_ time.Duration, n int) int {
		seed = seed*6364136223846793005 + 1442695040888963407
		return int(seed >> 33 % uint64(n))
	}
}

// service is a user's: its handlers wait natively, have goroutines of their
// own, and channels between them.
func service(opts ...app.Option) *app.App {
	a := app.New(opts...)
	a.HandleFunc("native", func(context.Context, *tasks.Instance) error {
		parts := make(chan int)
		for i := range 3 {
			go func() {
				time.Sleep(time.Duration(1+i) * time.Second)
				parts <- i
			}()
		}
		for range 3 {
			<-parts
		}
		return nil
	})
	a.HandleFunc("tame", func(_ context.Context, in *tasks.Instance) error {
		return in.Await(func(ctx context.Context) error {
			select {
			case <-time.After(11 * time.Second):
			case <-ctx.Done():
			}
			return in.Sleep(20 * time.Second)
		})
	})
	for i := range 3 {
		for _, name := range []string{"native", "tame"} {
			g := a.Group(fmt.Sprint(name, i))
			g.SetOnBackgroundActivated(a.OnBackgroundActivated)
			if _, err := g.Register(tasks.Registration{Name: name, Trigger: trigger.Every(time.Minute), TimeLimit: 15 * time.Second}); err != nil {
				panic(err)
			}
		}
	}
	return a
}

// life lives an hour of the service in a bubble.
func life(t *testing.T, opts ...bubbletest.Option) (story []string, hash uint64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := bubbletest.New(start, opts...)
		defer synctest.Wait()
		defer b.Close()
		a := service(app.WithClock(b), app.WithDriver(b))
		a.Observe(func(e event.Event) { story = append(story, e.At.Format("15:04:05 ")+e.String()) })
		if err := b.Do(func() { _ = a.Start(context.Background()) }); err != nil {
			t.Error(err)
		}
		b.RunFor(time.Hour)
		if now := b.Now(); !now.Equal(start.Add(time.Hour)) {
			t.Errorf("now: got %v", now)
		}
		if err := b.Do(func() { _, _ = a.Stop(context.Background()) }); err != nil {
			t.Error(err)
		}
		hash = b.Hash()
	})
	return story, hash
}

// Serial turns repeat a life of real goroutines, native waits included.
func TestSerialLifeIsRepeated(t *testing.T) {
	lives := map[uint64]int{}
	var first []string
	runs := 100
	if testing.Short() {
		runs = 10
	}
	for range runs {
		story, hash := life(t, bubbletest.WithChooser(seeded(7)))
		if first == nil {
			first = story
		}
		if !slices.Equal(story, first) {
			t.Fatalf("the story differs:\n%s\n\n%s", strings.Join(story, "\n"), strings.Join(first, "\n"))
		}
		lives[hash]++
	}
	if len(lives) != 1 || len(first) < 1500 {
		t.Errorf("%d lives in %d runs, %d events", len(lives), runs, len(first))
	}
	others := map[uint64]bool{}
	for seed := range uint64(10) {
		_, hash := life(t, bubbletest.WithChooser(seeded(seed)))
		others[hash] = true
	}
	if len(others) != 10 {
		t.Errorf("10 seeds live %d lives", len(others))
	}
}

// TestRacing is what TestRaceIsReported runs in a process of its own.
func TestRacing(t *testing.T) {
	mode := os.Getenv("BGLOOP_RACING")
	if mode == "" {
		t.Skip("only for TestRaceIsReported")
	}
	opts := map[string][]bubbletest.Option{"batch": {bubbletest.WithBatch()}, "serial": nil}[mode]
	synctest.Test(t, func(t *testing.T) {
		b := bubbletest.New(start, opts...)
		defer synctest.Wait()
		defer b.Close()
		a := app.New(app.WithClock(b), app.WithDriver(b))
		count := 0 // which nothing guards
		a.HandleFunc("count", func(_ context.Context, in *tasks.Instance) error {
			for range 10 {
				count++
				if err := in.Sleep(time.Second); err != nil {
					return err
				}
			}
			return nil
		})
		if _, err := a.Register(tasks.Registration{Name: "count", Trigger: trigger.Every(time.Second), Overlap: tasks.Parallel(0)}); err != nil {
			t.Fatal(err)
		}
		if err := b.Do(func() { _ = a.Start(context.Background()) }); err != nil {
			t.Error(err)
		}
		b.RunFor(time.Minute)
		if err := b.Do(func() { _, _ = a.Stop(context.Background()) }); err != nil {
			t.Error(err)
		}
		if count < 400 {
			t.Errorf("count: got %d", count)
		}
	})
}

// A data race of two handlers is reported in a batch, and hidden by turns. It
// builds a test with -race, and is run where BGLOOP_SEEDS is set.
func TestRaceIsReported(t *testing.T) {
	if os.Getenv("BGLOOP_SEEDS") == "" {
		t.Skip("only where BGLOOP_SEEDS is set")
	}
	bin := t.TempDir() + "/racing.test"
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-race", "-c", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Skipf("no race detector here: %v\n%s", err, out)
	}
	for mode, raced := range map[string]bool{"batch": true, "serial": false} {
		cmd := exec.CommandContext(t.Context(), bin, "-test.run", "^TestRacing$")
		cmd.Env = append(os.Environ(), "BGLOOP_RACING="+mode)
		out, err := cmd.CombinedOutput()
		if got := strings.Contains(string(out), "DATA RACE"); got != raced || (err != nil) != raced {
			t.Errorf("%s: race reported: %v, want %v; %v\n%s", mode, got, raced, err, out)
		}
	}
}

package source_test

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/source"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// On the system's clock, a state that flaps a thousand times a second: nothing is
// lost that Keep does not say is lost, the last state counts, and no goroutine is
// left. It takes half a second, or ten with BGLOOP_SOAK set.
func TestFeed_FlapsInRealTime(t *testing.T) {
	changes := 500
	if os.Getenv("BGLOOP_SOAK") != "" {
		changes = 10_000
	}
	before := runtime.NumGoroutine()
	news := make(chan int)
	f := source.NewFeed(nil, func(ctx context.Context, _ activation.Port, tell func(int)) error {
		tell(0)
		for {
			select {
			case n := <-news:
				tell(n)
			case <-ctx.Done():
				return nil
			}
		}
	})
	a := app.New(app.WithLogger(slog.New(slog.DiscardHandler)))
	slow := func(_ context.Context, in *tasks.Instance) error { return in.Sleep(3 * time.Millisecond) }
	a.HandleFunc("x", slow)
	a.HandleFunc("y", slow)
	x, err := a.Register(tasks.Registration{Name: "x", Trigger: f.Trigger("changed", differ)})
	if err != nil {
		t.Fatal(err)
	}
	y, err := a.Register(tasks.Registration{
		Name: "y", Trigger: f.Trigger("up", func(b, n int) bool { return n > b }), Conditions: []activation.Condition{f.Condition("positive", positive)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for x.Explain().Counts.Fired == 0 || y.Explain().Counts.Fired == 0 { // until both hear
		news <- 1
		news <- 0
	}
	news <- 0 // what was told before has been heard
	baseX, baseY := x.Explain().Counts.Fired, y.Explain().Counts.Fired
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := range changes {
		<-tick.C
		news <- 1 - i%2
	}
	news <- 0                                // and so here
	for _, task := range []*app.Task{x, y} { // what sleeps is idle for WaitIdle
		for late := time.After(10 * time.Second); len(task.Explain().Active) > 0 || task == x && len(task.Explain().Pending) > 0; {
			select {
			case <-late:
				t.Fatalf("%s does not come to rest", task.Name())
			default:
				runtime.Gosched()
			}
		}
	}
	c := x.Explain().Counts
	t.Logf("%d changes: %+v", changes, c)
	if c.Fired-baseX != uint64(changes) || c.Refused != 0 || c.Succeeded+c.Merged != c.Fired {
		t.Errorf("counts of x: got %+v, want %d firings that started or merged", c, changes)
	}
	c, pending := y.Explain().Counts, uint64(len(y.Explain().Pending))
	ended := c.Succeeded + c.Canceled[activation.ConditionLoss] + c.Merged + pending
	if c.Fired-baseY != uint64(changes/2) || c.Refused != 0 || ended != c.Fired {
		t.Errorf("counts of y: got %+v and %d pending, want %d firings that ended, merged or wait", c, pending, changes/2)
	}
	if unmet := y.Explain().Unmet; len(unmet) != 1 {
		t.Errorf("unmet: got %v, want the condition", unmet)
	}
	if _, err := a.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	for late := time.After(10 * time.Second); runtime.NumGoroutine() > before; {
		select {
		case <-late:
			t.Fatalf("goroutines: got %d, want %d as before", runtime.NumGoroutine(), before)
		default:
			runtime.Gosched()
		}
	}
}

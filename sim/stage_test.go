package sim_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/tasks"
)

// A judge is a testing.TB that writes down how a test of a test ends.
type judge struct {
	testing.TB
	mu     sync.Mutex // guards the following
	failed bool
	text   strings.Builder
}

func (j *judge) Helper()      {}
func (j *judge) Name() string { return "TestService/sync" }

func (j *judge) Logf(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	fmt.Fprintf(&j.text, format+"\n", args...)
}

func (j *judge) Errorf(format string, args ...any) {
	j.Logf(format, args...)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.failed = true
}

func (j *judge) Fatalf(format string, args ...any) {
	j.Errorf(format, args...)
	panic(j)
}

// verdict runs f as a test, and returns whether it failed and what it printed.
func verdict(t *testing.T, f func(t testing.TB)) (failed bool, text string) {
	t.Helper()
	j := &judge{TB: t}
	defer func() {
		if v := recover(); v != nil && v != any(j) {
			panic(v)
		}
		failed, text = j.failed, j.text.String()
	}()
	f(j)
	return
}

// says fails t if a text does not contain each of the parts, in order.
func says(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, p := range parts {
		_, after, ok := strings.Cut(rest, p)
		if !ok {
			t.Errorf("got\n%s\nwant it to say, in order, %q", text, parts)
			return
		}
		rest = after
	}
}

// never is a trigger that makes nothing due by itself.
type never string

func (n never) String() string            { return "never(" + string(n) + ")" }
func (n never) Arm(activation.Port) error { return nil }

// must fails a life in which the App refuses what it should accept.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// service builds an App with one task that syncs four times an hour.
func service(env sim.Env, handler tasks.HandlerFunc) *app.App {
	a := app.New(env.Options()...)
	a.HandleFunc("sync", handler)
	must(a.Register(tasks.Registration{Name: "sync", Trigger: trigger.Every(15 * time.Minute)}))
	return a
}

// sleeper is a handler that sleeps for d.
func sleeper(d time.Duration) tasks.HandlerFunc {
	return func(_ context.Context, in *tasks.Instance) error { return in.Sleep(d) }
}

// waitForNothing is a scenario that waits for what never comes.
func waitForNothing(s *sim.S) {
	var r activation.Receipt
	s.App(func(env sim.Env) *app.App {
		a := app.New(env.Options()...)
		task := must(a.Register(tasks.Registration{
			Name: "sync", Trigger: never("by hand"), Conditions: []activation.Condition{condition.NewFlag("online", false)},
		}))
		s.Go("fire", func(*sim.Actor) { r = must(task.Fire(context.Background(), nil)) })
		return a
	})
	s.RunFor(time.Second)
	_ = r.Wait(context.Background())
}

// planOf is the plan in the last line of a report.
func planOf(t *testing.T, text string) (plan string) {
	t.Helper()
	_, line, _ := strings.Cut(text, "reproduce: go test -run '^TestService$/^sync$' ")
	if _, err := fmt.Sscanf(line, "-sim.replay=%s", &plan); err != nil {
		t.Fatalf("no plan in %s: %v", text, err)
	}
	return plan
}

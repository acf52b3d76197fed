package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/tasks"
)

// A record stands in for the host's: it notes what it is asked for.
type record struct {
	info  seam.Info
	calls []string
	err   error
}

func (r *record) called(format string, args ...any) error {
	r.calls = append(r.calls, fmt.Sprintf(format, args...))
	return r.err
}

func (r *record) Info() seam.Info           { return r.info }
func (r *record) Details() any              { return r.info.Details }
func (r *record) ID() uint64                { return r.info.Instance }
func (r *record) Key() (group, task string) { return r.info.Group, r.info.Task }
func (r *record) Log() *slog.Logger         { return slog.New(slog.DiscardHandler) }

func (r *record) Take(why string) (*deferral.Deferral, error) { return nil, r.called("take %s", why) }
func (r *record) Progress(n uint64) error                     { return r.called("progress %d", n) }
func (r *record) OnCanceled(f func(activation.Reason)) error {
	f(activation.IdleTask)
	return r.called("canceled")
}
func (r *record) Sleep(d time.Duration) error { return r.called("sleep %v", d) }
func (r *record) Await(f func(context.Context) error) error {
	return errors.Join(f(context.Background()), r.called("await"))
}

func (r *record) Go(f func(context.Context) error) error {
	return errors.Join(f(context.Background()), r.called("go"))
}

// with makes an instance of sync with the given details.
func with(details any) *tasks.Instance {
	return tasks.NewInstance(&record{info: seam.Info{Task: "sync", Details: details}})
}

func ExampleHandlerFunc() {
	var h tasks.Handler = tasks.HandlerFunc(func(_ context.Context, in *tasks.Instance) error {
		fmt.Println("running", in.Name())
		return nil
	})
	fmt.Println(h.Run(context.Background(), with(nil)))
	// Output:
	// running sync
	// <nil>
}

func ExampleMiddleware() {
	var loud tasks.Middleware = func(next tasks.Handler) tasks.Handler {
		return tasks.HandlerFunc(func(ctx context.Context, in *tasks.Instance) error {
			fmt.Println("before", in.Name())
			defer fmt.Println("after", in.Name())
			return next.Run(ctx, in)
		})
	}
	h := loud(tasks.HandlerFunc(func(context.Context, *tasks.Instance) error {
		fmt.Println("the handler")
		return nil
	}))
	_ = h.Run(context.Background(), with(nil))
	// Output:
	// before sync
	// the handler
	// after sync
}

func ExampleTyped() {
	type upload struct{ File string }
	h := tasks.Typed(func(_ context.Context, _ *tasks.Instance, u upload) error {
		fmt.Printf("uploading %q\n", u.File)
		return nil
	})
	ctx := context.Background()
	fmt.Println(h.Run(ctx, with(upload{"a.jpg"})))
	fmt.Println(h.Run(ctx, with(nil)))
	fmt.Println(h.Run(ctx, with("a.jpg")))
	// Output:
	// uploading "a.jpg"
	// <nil>
	// uploading ""
	// <nil>
	// tasks: details have another type: task "sync": got string, want tasks_test.upload
}

func ExampleTypeName() {
	name, entryPoint := tasks.TypeName[*HourlyTask]()
	fmt.Println(name, entryPoint)
	// Output: HourlyTask github.com/bgloop/bgloop/tasks_test.HourlyTask
}

// An HourlyTask is a handler type whose name is that of its task.
type HourlyTask struct{}

func (*HourlyTask) Run(context.Context, *tasks.Instance) error { return nil }

func TestTyped(t *testing.T) {
	boom := errors.New("boom")
	var got error
	asError := tasks.Typed(func(_ context.Context, _ *tasks.Instance, details error) error {
		got = details
		return boom
	})
	tests := []struct {
		name    string
		handler tasks.Handler
		details any
		want    error
	}{
		{"the right type", tasks.Typed(func(_ context.Context, _ *tasks.Instance, n int) error {
			if n != 7 {
				t.Errorf("details: got %d, want 7", n)
			}
			return nil
		}), 7, nil},
		{"another type", tasks.Typed(func(context.Context, *tasks.Instance, int) error {
			t.Error("the handler was called")
			return nil
		}), int64(7), tasks.ErrDetails},
		{"a value where a pointer is wanted", tasks.Typed(func(context.Context, *tasks.Instance, *HourlyTask) error {
			t.Error("the handler was called")
			return nil
		}), HourlyTask{}, tasks.ErrDetails},
		{"no details are the zero value", tasks.Typed(func(_ context.Context, _ *tasks.Instance, p *HourlyTask) error {
			if p != nil {
				t.Errorf("details: got %v, want nil", p)
			}
			return nil
		}), nil, nil},
		{"an interface, and the handler's own error", asError, activation.IdleTask, boom},
		{"an interface that is not met", asError, "text", tasks.ErrDetails},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.handler.Run(context.Background(), with(tt.details)); !errors.Is(err, tt.want) {
				t.Errorf("Run: got %v, want %v", err, tt.want)
			}
		})
	}
	if !errors.Is(got, activation.IdleTask) {
		t.Errorf("details as an interface: got %v, want %v", got, activation.IdleTask)
	}
}

func TestTypeName(t *testing.T) {
	const here = "github.com/bgloop/bgloop/tasks_test"
	name, entryPoint := tasks.TypeName[HourlyTask]()
	if name != "HourlyTask" || entryPoint != here+".HourlyTask" {
		t.Errorf("a value type: got %q, %q", name, entryPoint)
	}
	if n, ep := tasks.TypeName[*HourlyTask](); n != name || ep != entryPoint {
		t.Errorf("a pointer type: got %q, %q, want what the value type has", n, ep)
	}
	if n, ep := tasks.TypeName[tasks.Registration](); n != "Registration" || ep != "github.com/bgloop/bgloop/tasks.Registration" {
		t.Errorf("a type of another package: got %q, %q", n, ep)
	}
}

// TestInstanceIsItsRecord: an Instance adds nothing and loses nothing.
func TestInstanceIsItsRecord(t *testing.T) {
	due := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	r := &record{info: seam.Info{
		Group: "photos", Task: "sync", Registration: 3, Activation: 5, Instance: 8, Attempt: 2,
		Due: due, Details: "x", Merged: 4,
	}}
	in := tasks.NewInstance(r)
	got := fmt.Sprint(in.Group(), in.Name(), in.TaskID(), in.Activation(), in.ID(), in.Attempt(), in.Due().Equal(due), in.Details(), in.Merged())
	if want := fmt.Sprint("photos", "sync", 3, 5, 8, 2, true, "x", 4); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, ok := in.Deadline(); ok {
		t.Error("it has a deadline without a limit")
	}
	r.info.Deadline = due.Add(time.Minute)
	if d, ok := in.Deadline(); !ok || !d.Equal(due.Add(time.Minute)) {
		t.Errorf("Deadline: got %v, %v", d, ok)
	}
	if in.Log() == nil {
		t.Error("it has no logger")
	}
	r.err = tasks.ErrOver
	boom := errors.New("boom")
	fail := func(context.Context) error { return boom }
	in.Progress(40)
	_, taken := in.Deferral("upload")
	for call, err := range map[string]error{
		"Deferral": taken,
		"Canceled": in.Canceled(func(why activation.Reason) {
			if why != activation.IdleTask {
				t.Errorf("Canceled: got %v", why)
			}
		}),
		"Sleep": in.Sleep(time.Second),
	} {
		if !errors.Is(err, tasks.ErrOver) {
			t.Errorf("%s: got %v, want %v", call, err, tasks.ErrOver)
		}
	}
	for call, err := range map[string]error{"Go": in.Go(fail), "Await": in.Await(fail)} {
		if !errors.Is(err, tasks.ErrOver) || !errors.Is(err, boom) {
			t.Errorf("%s: got %v, want both errors", call, err)
		}
	}
	calls := strings.Join(r.calls, ", ")
	for _, call := range []string{"progress 40", "take upload", "canceled", "sleep 1s", "go", "await"} {
		if !strings.Contains(calls, call) {
			t.Errorf("the record was not asked to %s: %s", call, calls)
		}
	}
}

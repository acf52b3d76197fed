package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/tasks"
)

func ExampleCanceled() {
	var err error = &tasks.Canceled{Reason: activation.ExecutionTimeExceeded, Err: io.ErrUnexpectedEOF}
	err = fmt.Errorf("sync: %w", err)

	var c *tasks.Canceled
	fmt.Println(errors.As(err, &c), c.Reason, c.Abandoned)
	fmt.Println(errors.Is(err, context.Canceled), errors.Is(err, io.ErrUnexpectedEOF))
	fmt.Println(err)
	// Output:
	// true activation: canceled: ExecutionTimeExceeded false
	// true true
	// sync: tasks: canceled: ExecutionTimeExceeded
}

func ExamplePanic() {
	var err error = &tasks.Panic{Value: "out of cheese", Stack: []byte("goroutine 7 [running]:")}
	fmt.Println(err)
	// Output:
	// tasks: panic: out of cheese
	// goroutine 7 [running]:
}

func TestCanceledUnwraps(t *testing.T) {
	boom := errors.New("boom")
	tests := []struct {
		name string
		err  *tasks.Canceled
		is   []error
		not  []error
		want string
	}{
		{
			"heeded", &tasks.Canceled{Reason: activation.Abort},
			[]error{activation.Abort, context.Canceled},
			[]error{activation.Terminating, tasks.ErrAbandoned, context.DeadlineExceeded, boom},
			"tasks: canceled: Abort",
		},
		{
			"heeded with an error", &tasks.Canceled{Reason: activation.ConditionLoss, Err: boom},
			[]error{activation.ConditionLoss, context.Canceled, boom},
			[]error{tasks.ErrAbandoned},
			"tasks: canceled: ConditionLoss",
		},
		{
			"abandoned", &tasks.Canceled{Reason: activation.ExecutionTimeExceeded, Abandoned: true},
			[]error{activation.ExecutionTimeExceeded, tasks.ErrAbandoned, context.Canceled},
			[]error{activation.Abort, boom},
			"tasks: canceled: ExecutionTimeExceeded, abandoned",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wrapped := fmt.Errorf("sync: %w", tt.err)
			for _, is := range tt.is {
				if !errors.Is(wrapped, is) {
					t.Errorf("it is not %v", is)
				}
			}
			for _, not := range tt.not {
				if errors.Is(wrapped, not) {
					t.Errorf("it is %v", not)
				}
			}
			var why activation.Reason
			if !errors.As(wrapped, &why) || why != tt.err.Reason {
				t.Errorf("its reason: got %v, want %v", why, tt.err.Reason)
			}
			if got := tt.err.Error(); got != tt.want {
				t.Errorf("Error: got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPanicUnwraps(t *testing.T) {
	boom := errors.New("boom")
	var index runtime.Error
	func() {
		defer func() { index, _ = recover().(runtime.Error) }()
		_ = []int{}[len(t.Name())]
	}()
	tests := []struct {
		name  string
		value any
		is    error // nil: it wraps nothing
	}{
		{"a text", "boom", nil},
		{"an error", boom, boom},
		{"a wrapped error", fmt.Errorf("sync: %w", boom), boom},
		{"a runtime error", index, index},
		{"runtime.Goexit", tasks.ErrGoexit, tasks.ErrGoexit},
		{"nil", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var err error = &tasks.Panic{Value: tt.value, Stack: []byte("the stack")}
			wrapped := fmt.Errorf("sync: %w", err)
			if tt.is != nil && !errors.Is(wrapped, tt.is) {
				t.Errorf("it is not %v", tt.is)
			}
			if tt.is == nil && errors.Unwrap(err) != nil {
				t.Errorf("it wraps %v", errors.Unwrap(err))
			}
			var p *tasks.Panic
			if !errors.As(wrapped, &p) || string(p.Stack) != "the stack" {
				t.Errorf("As: got %v", p)
			}
			if text := err.Error(); !strings.Contains(text, fmt.Sprint(tt.value)) || !strings.Contains(text, "the stack") {
				t.Errorf("Error: %q lacks the value or the stack", text)
			}
		})
	}
}

func TestErrOverIsOne(t *testing.T) {
	if !errors.Is(tasks.ErrOver, deferral.ErrOver) {
		t.Error("tasks and deferral have different words for the same")
	}
}

package taskstest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/tasks"
	"github.com/bgloop/bgloop/tasks/taskstest"
)

var errSoldOut = errors.New("sold out")

// order is a handler that packs for a minute for each piece.
func order(_ context.Context, in *tasks.Instance, pieces int) error {
	if pieces > 60 {
		return errSoldOut
	}
	d, err := in.Deferral("pack")
	if err != nil {
		return err
	}
	return in.Go(func(context.Context) error {
		defer d.Complete()
		return in.Sleep(time.Duration(pieces) * time.Minute)
	})
}

func TestRun(t *testing.T) {
	canceled := func(r activation.Reason) string { return (&tasks.Canceled{Reason: r}).Error() }
	tests := []struct {
		name    string
		handler tasks.Handler
		details any
		opts    []taskstest.Option
		want    string
		takes   time.Duration
	}{
		{"it succeeds when its deferral is complete", tasks.Typed(order), 3, nil, "", 3 * time.Minute},
		{"its error is the outcome", tasks.Typed(order), 61, nil, errSoldOut.Error(), 0},
		{
			"it is canceled", tasks.Typed(order), 3,
			[]taskstest.Option{taskstest.CanceledAfter(time.Minute, activation.ConditionLoss)},
			canceled(activation.ConditionLoss), time.Minute,
		},
		{
			"it is as it would be registered", tasks.Typed(order), 60,
			[]taskstest.Option{taskstest.As(tasks.Registration{Name: "order", TimeLimit: time.Hour - 1})},
			canceled(activation.ExecutionTimeExceeded), time.Hour - 1,
		},
		{
			"it is tried again", tasks.HandlerFunc(func(_ context.Context, in *tasks.Instance) error {
				if in.Attempt() < 3 {
					return errSoldOut
				}
				return nil
			}), nil,
			[]taskstest.Option{taskstest.As(tasks.Registration{Retry: tasks.Retry{Attempts: 3, Backoff: time.Minute, Jitter: -1}})},
			"", 3 * time.Minute,
		},
		{"it panics", tasks.HandlerFunc(func(context.Context, *tasks.Instance) error { panic("oh") }), nil, nil, "oh", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := taskstest.Run(t, tt.handler, tt.details, tt.opts...)
				if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				if took := time.Since(start); took != tt.takes {
					t.Errorf("got %v, want it to take %v", took, tt.takes)
				}
			})
		})
	}
}

// A complaint is a testing.TB that writes down what is wrong with the test.
type complaint struct {
	testing.TB
	text string
}

func (c *complaint) Helper() {}

func (c *complaint) Errorf(format string, args ...any) { c.text += fmt.Sprintf(format, args...) }

func (c *complaint) Fatalf(format string, args ...any) {
	c.Errorf(format, args...)
	panic(c)
}

func TestRun_TellsWhatIsWrong(t *testing.T) {
	deaf := tasks.HandlerFunc(func(context.Context, *tasks.Instance) error {
		time.Sleep(time.Hour)
		return nil
	})
	for _, tt := range []struct {
		name string
		opts []taskstest.Option
		want string
	}{
		{"refused", []taskstest.Option{taskstest.As(tasks.Registration{Keep: tasks.Every(0)})}, tasks.ErrKeep.Error()},
		{
			"deaf to its cancel",
			[]taskstest.Option{
				taskstest.As(tasks.Registration{Name: "deaf"}), taskstest.CanceledAfter(time.Minute, activation.Abort),
			},
			"deaf",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &complaint{TB: t}
				defer func() {
					if v := recover(); v != nil && v != any(c) {
						panic(v)
					}
					if !strings.Contains(c.text, tt.want) {
						t.Errorf("got %q, want it to tell of %q", c.text, tt.want)
					}
					time.Sleep(time.Hour) // the handler ends before the bubble does
				}()
				_ = taskstest.Run(c, deaf, nil, tt.opts...)
			})
		})
	}
}

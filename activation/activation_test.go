package activation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/bgloop/bgloop/activation"
)

// The twelve reasons have the names and the order of Windows'
// BackgroundTaskCancellationReason, whose numbers are one less.
func TestReason_NamesAndNumbers(t *testing.T) {
	windows := []string{
		"Abort", "Terminating", "LoggingOff", "ServicingUpdate", "IdleTask", "Uninstall",
		"ConditionLoss", "SystemPolicy", "QuietHoursEntered", "ExecutionTimeExceeded", "ResourceRevocation", "EnergySaver",
	}
	for i, name := range windows {
		r := activation.Reason(i + 1)
		if r.String() != name || !r.Valid() {
			t.Errorf("reason %d: got %q, valid %v, want %q", i+1, r.String(), r.Valid(), name)
		}
	}
	for r, name := range map[activation.Reason]string{0: "none", 13: "Reason(13)", 255: "Reason(255)"} {
		if r.String() != name || r.Valid() {
			t.Errorf("reason %d: got %q, valid %v, want %q", uint8(r), r.String(), r.Valid(), name)
		}
	}
}

// A reason is an error, so that context.Cause returns it, and a
// context.Canceled, for code that knows nothing of it.
func TestReason_IsAnErrorAndACancellation(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(activation.ConditionLoss)
	cause := context.Cause(ctx)
	var r activation.Reason
	switch {
	case !errors.As(cause, &r) || r != activation.ConditionLoss:
		t.Errorf("cause: got %v", cause)
	case !errors.Is(cause, activation.ConditionLoss) || !errors.Is(cause, context.Canceled):
		t.Errorf("Is: %v is not itself, or no cancellation", cause)
	case errors.Is(cause, activation.Abort) || errors.Is(cause, context.DeadlineExceeded):
		t.Errorf("Is: %v is another", cause)
	case cause.Error() != "activation: canceled: ConditionLoss":
		t.Errorf("Error: got %q", cause.Error())
	}
}

func TestResult_Names(t *testing.T) {
	for r, name := range map[activation.Result]string{
		activation.Allowed: "Allowed", activation.CurrentlyRunning: "CurrentlyRunning",
		activation.DisabledByPolicy: "DisabledByPolicy", activation.UnknownError: "UnknownError", 4: "Result(4)",
	} {
		if r.String() != name {
			t.Errorf("result %d: got %q, want %q", uint8(r), r.String(), name)
		}
	}
	if activation.Result(0) != activation.Allowed {
		t.Error("the zero Result is not Allowed")
	}
}

// Both are written by name.
func TestMarshalText(t *testing.T) {
	got, err := json.Marshal(map[string]any{"reason": activation.EnergySaver, "result": activation.CurrentlyRunning})
	if want := `{"reason":"EnergySaver","result":"CurrentlyRunning"}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// Both are read as they were written, and nothing else is.
func TestUnmarshalText(t *testing.T) {
	type both struct {
		Reason activation.Reason
		Result activation.Result
	}
	want := both{activation.EnergySaver, activation.UnknownError}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got both
	if err := json.Unmarshal(text, &got); err != nil || got != want {
		t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
	}
	for _, wrong := range []string{`{"Reason":"Boredom"}`, `{"Result":"Allowed?"}`} {
		if err := json.Unmarshal([]byte(wrong), &got); err == nil || got != want {
			t.Errorf("%s: got %v, %v, want an error and nothing changed", wrong, got, err)
		}
	}
}

type outcome struct{ err error }

func (o outcome) Wait(context.Context) error { return o.err }

// Wait returns the outcome of what was accepted, and ErrRefused of what was
// not, whatever its waiter says; the zero Receipt is of nothing.
func TestReceipt_Wait(t *testing.T) {
	mine := errors.New("mine")
	for _, tt := range []struct {
		name    string
		receipt activation.Receipt
		want    error
	}{
		{"accepted", activation.NewReceipt(7, activation.Allowed, outcome{nil}), nil},
		{"accepted and failed", activation.NewReceipt(7, activation.Allowed, outcome{mine}), mine},
		{"no place", activation.NewReceipt(0, activation.CurrentlyRunning, outcome{nil}), activation.ErrRefused},
		{"disabled", activation.NewReceipt(0, activation.DisabledByPolicy, nil), activation.ErrRefused},
		{"error", activation.Receipt{Result: activation.UnknownError}, activation.ErrRefused},
		{"zero", activation.Receipt{}, activation.ErrRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // any number of times
				if err := tt.receipt.Wait(context.Background()); !errors.Is(err, tt.want) {
					t.Errorf("Wait: got %v, want %v", err, tt.want)
				}
			}
		})
	}
	if r := activation.NewReceipt(7, activation.Allowed, nil); r.ID != 7 || r.Result != activation.Allowed {
		t.Errorf("NewReceipt: got %+v", r)
	}
}

func TestUnlessOver(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct{ err, want error }{
		{nil, nil}, {broken, broken}, {fmt.Errorf("x: %w", activation.ErrNotRunning), nil}, {activation.ErrUnbound, nil},
	} {
		if got := activation.UnlessOver(tt.err); !errors.Is(got, tt.want) || (got == nil) != (tt.want == nil) {
			t.Errorf("UnlessOver(%v): got %v, want %v", tt.err, got, tt.want)
		}
	}
}

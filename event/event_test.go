package event_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
)

// For a log or a page, an event is a line, or JSON with names and the text of
// its error.
func ExampleEvent() {
	e := event.Event{Kind: event.Ended, Task: "sync", Activation: 7, Instance: 9, Attempt: 2, Reason: activation.ConditionLoss, Err: errors.New("offline")}
	fmt.Println(e)
	data, err := json.Marshal(e)
	if err != nil {
		fmt.Println(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		fmt.Println(err)
	}
	fmt.Println(fields["Kind"], fields["Waits"], fields["Reason"], fields["Err"])
	// Output:
	// sync ended act=7 inst=9 attempt=2 reason=ConditionLoss err="offline"
	// ended nothing ConditionLoss offline
}

// Every kind, and every thing that is waited for, is read as it is written.
func TestUnmarshalText(t *testing.T) {
	for k := event.Registered; k <= event.StoreRecovered; k++ {
		text, _ := k.MarshalText()
		var got event.Kind
		if err := got.UnmarshalText(text); err != nil || got != k {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	for w := event.ForNothing; w <= event.ForStore; w++ {
		text, _ := w.MarshalText()
		got := event.ForCap
		if err := got.UnmarshalText(text); err != nil || got != w {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	k, w := event.Fired, event.ForCap
	if err := k.UnmarshalText(nil); err == nil || k != event.Fired {
		t.Errorf("no kind: got %v, %v, want an error", k, err)
	}
	if err := w.UnmarshalText([]byte("rain")); err == nil || w != event.ForCap {
		t.Errorf("rain: got %v, %v, want an error", w, err)
	}
}

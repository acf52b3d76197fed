package event_test

import (
	"encoding/json"
	"errors"
	"fmt"

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

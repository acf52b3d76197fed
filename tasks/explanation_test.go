package tasks_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// TestExplanationReadsWell: one situation each, and the sentences it is told in.
func TestExplanationReadsWell(t *testing.T) {
	now := time.Date(2026, time.July, 4, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) time.Time { return now.Add(d) }
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	boom := errors.New("no route to host\ngoroutine 7 [running]")
	// waits is one activation that has waited for a minute.
	waits := func(w event.Waits) tasks.PendingActivation {
		return tasks.PendingActivation{Activation: 9, For: w, Since: ago(time.Minute), Merged: 1}
	}
	tests := []struct {
		name   string
		change func(*tasks.Explanation)
		want   string
	}{
		{"unknown", func(x *tasks.Explanation) {
			*x = tasks.Explanation{Group: "photos", Task: "sync", At: now}
		}, `Task "photos/sync" is not registered.`},
		{"has ended", func(x *tasks.Explanation) { x.Registered = false }, `Task "sync" is not registered anymore.`},
		{"one-shot that has ended", func(x *tasks.Explanation) {
			x.Registered, x.Spent = false, true
		}, `Task "sync" is not registered anymore: its trigger fires once, and has.`},
		{"stopping", func(x *tasks.Explanation) {
			x.Stopping = true
		}, `Task "sync" will not run: the app is stopping or has stopped.`},
		{"before Run", func(x *tasks.Explanation) {
			x.Running = false
		}, `Task "sync" has not run: the app does not run yet.`},
		{"nothing happened", func(*tasks.Explanation) {
		}, `Task "sync" is not due: nothing has fired its trigger, event(news).`},
		{"due later", func(x *tasks.Explanation) {
			x.Next = in(90 * time.Second)
		}, `Task "sync" is not due: it is due in 1m30s.`},
		{"due in a time with many digits", func(x *tasks.Explanation) {
			x.Next = in(899_837_877_595)
		}, `Task "sync" is not due: it is due in 14m59.8s.`},
		{"running again", func(x *tasks.Explanation) {
			x.Active = []tasks.ActiveInstance{{Instance: 5, Attempt: 2, State: tasks.StateRunning, Since: ago(1_013_652_921)}}
		}, `Task "sync" is running. Instance 5 (attempt 2) is running, for 1.01s.`},
		{"began a moment ago", func(x *tasks.Explanation) {
			x.Active = []tasks.ActiveInstance{{Instance: 5, Attempt: 1, State: tasks.StateRunning, Since: ago(8_830_866)}}
		}, `Task "sync" is running. Instance 5 is running, for 8.83ms.`},
		{"due later, and a condition does not hold", func(x *tasks.Explanation) {
			x.Next = in(90 * time.Second)
			x.Unmet, x.Unheard = []string{"internet", "power"}, []bool{false, true}
		}, `Task "sync" is not due: it is due in 1m30s. It would wait now, for its conditions: internet.`},
		{"paused", func(x *tasks.Explanation) { x.Paused, x.Next = true, in(time.Minute) }, `Task "sync" is paused.`},
		{"spent", func(x *tasks.Explanation) { x.Spent = true }, `Task "sync" is spent: its trigger fires once, and has.`},
		{"faulted", func(x *tasks.Explanation) {
			x.Faults = []string{"app: schedule is not to be trusted: panic"}
		}, `Task "sync" will not be due in time: its schedule is faulted. Fault: app: schedule is not to be trusted: panic.`},

		{"latched", func(x *tasks.Explanation) {
			x.Pending, x.Unmet = []tasks.PendingActivation{waits(event.ForCondition)}, []string{"internet", "power"}
		}, `Task "sync" is due and waits for its conditions: internet, power; it has waited for 1m0s.`},
		{"latched, and nothing is known", func(x *tasks.Explanation) {
			x.Pending = []tasks.PendingActivation{waits(event.ForCondition)}
			x.Unmet, x.Unheard = []string{"internet", "power"}, []bool{true, false}
		}, `Task "sync" is due and waits for its conditions: internet (has not reported yet), power; it has waited for 1m0s.`},
		{"at a cap", func(x *tasks.Explanation) {
			x.Pending, x.FullCaps = []tasks.PendingActivation{waits(event.ForCap)}, []string{"app", "key db"}
		}, `Task "sync" is due and waits for room under a cap: app, key db; it has waited for 1m0s.`},
		{"behind an active instance", func(x *tasks.Explanation) {
			p := waits(event.ForOverlap)
			p.Merged = 3
			x.Pending = []tasks.PendingActivation{p, p}
			x.Active = []tasks.ActiveInstance{{Instance: 4, State: tasks.StateRunning, Since: ago(time.Minute), Deadline: in(time.Second)}}
			x.Next = in(time.Hour)
		}, `Task "sync" is due and waits for an active instance to end; it has waited for 1m0s and stands for 3 firings.` +
			` Instance 4 is running, for 1m0s, and has 1s left. 1 more activation waits. It is next due in 1h0m0s.`},
		{"due while paused", func(x *tasks.Explanation) {
			x.Pending, x.Paused = []tasks.PendingActivation{waits(event.ForResume)}, true
		}, `Task "sync" is due and waits to be resumed; it has waited for 1m0s.`},
		{"put off", func(x *tasks.Explanation) {
			p := waits(event.ForTime)
			p.Until = in(10 * time.Second)
			x.Pending = []tasks.PendingActivation{p}
		}, `Task "sync" is due and waits until its trigger lets it start, in 10s; it has waited for 1m0s.`},
		{"failed, and tried again", func(x *tasks.Explanation) {
			p := waits(event.ForRetry)
			p.Until, p.Failures, p.Err = in(10*time.Second), 2, boom
			x.Pending = []tasks.PendingActivation{p, p, p}
			x.History = []tasks.Outcome{{State: tasks.StateFailed, Ended: ago(time.Minute), Err: boom}}
		}, `Task "sync" is due and waits for its next attempt, in 10s; it has waited for 1m0s.` +
			` It has failed 2 times, last with: no route to host. 2 more activations wait.` +
			` Its last attempt failed 1m0s ago: no route to host.`},
		{"snoozed", func(x *tasks.Explanation) {
			p := waits(event.ForRetry)
			p.Until = in(4 * time.Minute)
			x.Pending = []tasks.PendingActivation{p}
			x.History = []tasks.Outcome{{State: tasks.StateSucceeded, Ended: ago(time.Minute), Err: tasks.Snooze(5 * time.Minute)}}
		}, `Task "sync" is due and waits for its next attempt, in 4m0s; it has waited for 1m0s.` +
			` Its last attempt asked 1m0s ago to be run again 5m0s later.`},

		{"running", func(x *tasks.Explanation) {
			x.Active = []tasks.ActiveInstance{{Instance: 4, State: tasks.StateDeferred, Since: ago(time.Second)}}
		}, `Task "sync" is running. Instance 4 is deferred, for 1s.`},
		{"canceling", func(x *tasks.Explanation) {
			x.Active = []tasks.ActiveInstance{{
				Instance: 4, State: tasks.StateCanceling, Since: ago(time.Second), Deadline: in(-1), Reason: activation.ExecutionTimeExceeded,
			}}
		}, `Task "sync" is running. Instance 4 is canceling, after 1s, for ExecutionTimeExceeded.`},
		{"holds its slot", func(x *tasks.Explanation) {
			x.Pending = []tasks.PendingActivation{waits(event.ForOverlap)}
			x.Active = []tasks.ActiveInstance{
				{Instance: 4, State: tasks.StateAbandoned, Since: ago(time.Hour), Reason: activation.Abort},
				{Instance: 5, State: tasks.StateFailed, Since: ago(time.Minute)},
			}
		}, `Task "sync" is due and waits for an active instance to end; it has waited for 1m0s.` +
			` Instance 4, started 1h0m0s ago, was abandoned and holds its slot until it ends.` +
			` Instance 5, started 1m0s ago, has failed and holds its slot until its deferrals are completed.`},
		{"replaced", func(x *tasks.Explanation) {
			x.Pending, x.Inherited = []tasks.PendingActivation{waits(event.ForOverlap)}, 1
		}, `Task "sync" is due and waits for an active instance to end; it has waited for 1m0s.` +
			` 1 instance of a registration it replaced has not ended.`},

		{"what came before", func(x *tasks.Explanation) {
			x.History = []tasks.Outcome{
				{State: tasks.StateCanceled, Ended: ago(time.Hour), Reason: activation.ConditionLoss, Err: &tasks.Canceled{Reason: activation.ConditionLoss}},
				{State: tasks.StateFailed, Ended: ago(2 * time.Hour), Err: boom},
			}
			x.Counts = tasks.Counts{Refused: 1, Missed: 4}
		}, `Task "sync" is not due: nothing has fired its trigger, event(news).` +
			` Its last attempt was canceled 1h0m0s ago, for ConditionLoss. 1 firing was refused. 4 due times were missed.`},
		{"all went well", func(x *tasks.Explanation) {
			x.History = []tasks.Outcome{{State: tasks.StateSucceeded, Ended: ago(time.Minute)}}
			x.Counts = tasks.Counts{Fired: 5, Merged: 1, Refused: 2, Missed: 1}
		}, `Task "sync" is not due: nothing has fired its trigger, event(news).` +
			` Its last attempt succeeded 1m0s ago. 2 firings were refused. 1 due time was missed.`},
		{"before the clock was set back", func(x *tasks.Explanation) {
			x.History = []tasks.Outcome{{State: tasks.StateSucceeded, Ended: in(time.Hour)}}
		}, `Task "sync" is not due: nothing has fired its trigger, event(news). Its last attempt succeeded 0s ago.`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := tasks.Explanation{Task: "sync", At: now, Running: true, Registered: true, Trigger: "event(news)", Slots: 1}
			tt.change(&x)
			if got := x.String(); got != tt.want {
				t.Errorf("got:  %s\nwant: %s", got, tt.want)
			}
		})
	}
}

// As JSON it has names where there are numbers inside, and the texts of errors.
func TestExplanationAsJSON(t *testing.T) {
	x := tasks.Explanation{
		Task:    "sync",
		Active:  []tasks.ActiveInstance{{Instance: 3, Attempt: 1, State: tasks.StateCanceling, Reason: activation.ConditionLoss}},
		Pending: []tasks.PendingActivation{{Activation: 9, For: event.ForRetry, Failures: 1, Err: errors.New("no route to host")}},
		History: []tasks.Outcome{{Instance: 2, State: tasks.StateFailed, Err: errors.New("disk full")}, {Instance: 1, State: tasks.StateSucceeded}},
	}
	data, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"State":"canceling"`, `"Reason":"ConditionLoss"`, `"For":"retry"`, `"Err":"no route to host"`,
		`"State":"failed"`, `"Err":"disk full"`, `"State":"succeeded"`,
	} {
		if n := strings.Count(string(data), want); n != 1 {
			t.Errorf("%s: got it %d times, want once, in %s", want, n, data)
		}
	}
	for _, not := range []string{`"Err":{}`, `"Err":null`, `"Err":""`, `"Next"`, `"Until"`, `"Deadline"`} {
		if strings.Contains(string(data), not) {
			t.Errorf("got %s, want none, in %s", not, data)
		}
	}
}

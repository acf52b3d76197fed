package app_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

const whyHead = `# Why has my task not run?

` + "`App.Explain(name)`" + `, or ` + "`Task.Explain()`" + `, says where a task stands: as a struct to look at, and with ` + "`String`" + ` as the
sentences below. ` + "`App.Snapshot()`" + ` says it of all tasks. Each situation here was brought about, and what the App said was
written down, by ` + "`go test ./app -run TestWhyIsFresh -update`" + `; do not edit it.

What stands against a start is looked at in this order, and the first that does is named: the App does not run, the
activation was put off, the task is paused, as many instances are active as may be, a condition does not hold, a cap is
full. If nothing waits, the task was not due.
`

// A riddle is a task that did not run.
type riddle struct {
	title, story, advice string
	tell                 func(w *wonder)
}

// A wonder is the App in which one wonders.
type wonder struct {
	*land
	a    *app.App
	task *app.Task // to be asked instead of by name
}

// sync registers the task that is asked about.
func (w *wonder) sync(r tasks.Registration, h tasks.HandlerFunc) *app.Task {
	r.Name = "sync"
	return w.add(w.a, r, h)
}

var riddles = []riddle{
	{
		"It is not registered", "Nobody has registered a task of this name in the App; groups have names of their own.",
		"Look for an error of Register that was dropped, and for the group it was registered in.",
		func(w *wonder) { w.start(w.a) },
	},
	{
		"The App does not run", "It was registered with `trigger.Every(time.Minute)`, and an hour has passed without Run.",
		"Call Run or Start. Time begins to count for the task then.",
		func(w *wonder) {
			w.sync(tasks.Registration{Trigger: trigger.Every(time.Minute)}, nothing)
			w.pass(time.Hour)
		},
	},
	{
		"It is not due yet", "Its trigger is `trigger.Every(time.Hour)`, and it was registered 20 minutes ago.",
		"`trigger.Every(d).Immediately()` is due at the registration as well.",
		func(w *wonder) {
			w.start(w.a)
			w.sync(tasks.Registration{Trigger: trigger.Every(time.Hour)}, nothing)
			w.pass(20 * time.Minute)
		},
	},
	{
		"Nobody has asked for it", "Its trigger is `trigger.NewApplication[int]()`, and nobody has called Request.",
		"Such a trigger is never due by itself. Was Request called on the object that was registered, and what did it answer?",
		func(w *wonder) {
			w.start(w.a)
			w.sync(tasks.Registration{Trigger: trigger.NewApplication[int]()}, nothing)
			w.pass(time.Hour)
		},
	},
	{
		"Its trigger puts it off", "Its trigger is `trigger.Debounce(trigger.Custom(\"saved\", trigger.Always), time.Minute)`, and the event is raised every 50 seconds.",
		"Debounce starts anew with each firing. Throttle does not.",
		func(w *wonder) {
			w.start(w.a)
			w.sync(tasks.Registration{Trigger: trigger.Debounce(trigger.Custom("saved", trigger.Always), time.Minute)}, nothing)
			for range 4 {
				w.pass(50 * time.Second)
				_, _ = w.a.Raise(context.Background(), "saved", nil)
			}
			w.pass(10 * time.Second)
		},
	},
	{
		"A condition does not hold", "It was due five minutes ago, and the flag `online` is not set.",
		"It starts when the flag is set. Until then further firings become part of this one.",
		func(w *wonder) {
			w.start(w.a)
			w.sync(tasks.Registration{Trigger: trigger.Every(time.Minute), Conditions: conditions(condition.NewFlag("online", false))}, nothing)
			w.pass(6*time.Minute + time.Second)
		},
	},
	{
		"A condition has never reported", "Its condition is a `condition.Func` whose function does not come back.",
		"A condition does not hold before it has said so. Give the function a time limit of its own.",
		func(w *wonder) {
			w.start(w.a)
			w.fire(w.sync(tasks.Registration{
				Conditions: conditions(condition.Func("charged", func(context.Context) bool { w.sleep(24 * time.Hour); return true }, time.Minute)),
			}, nothing), nil)
			w.pass(time.Hour)
		},
	},
	{
		"A cap is full", "Its Key is `disk`, `WithKeyCap(\"disk\", 1)` lets one instance of such tasks be active, and another task's is.",
		"Snapshot says who has the room. Priority lets it go before others that wait.",
		func(w *wonder) {
			w.start(w.a)
			w.fire(w.add(w.a, tasks.Registration{Name: "backup", Key: "disk"}, sleeper(time.Hour)), nil)
			w.fire(w.sync(tasks.Registration{Key: "disk"}, nothing), nil)
			w.pass(10 * time.Minute)
		},
	},
	{
		"It, its group or the App is paused", "The App was paused, and its trigger came three times since.",
		"Resume what was paused: each of the three keeps it from starting. The firings have become one, see Missed.",
		func(w *wonder) {
			w.start(w.a)
			w.sync(tasks.Registration{Trigger: trigger.Every(time.Minute)}, nothing)
			w.a.Pause()
			w.pass(3*time.Minute + time.Second)
		},
	},
	{
		"It waits for its next attempt", "Its handler has failed three times; Retry is `{Attempts: 5, Backoff: time.Minute, Jitter: -1}`.",
		"Cancel ends an activation that waits for another attempt.",
		func(w *wonder) {
			w.start(w.a)
			w.fire(w.sync(tasks.Registration{Retry: tasks.Retry{Attempts: 5, Backoff: time.Minute, Jitter: -1}}, func(context.Context, *tasks.Instance) error {
				return errors.New("connection refused")
			}), nil)
			w.pass(5 * time.Minute)
		},
	},
	{
		"An instance goes on", "Overlap is Wait, and the first instance has run for two hours, without a time limit.",
		"Set a TimeLimit, or `Parallel`, or look at what the handler waits for.",
		func(w *wonder) {
			w.start(w.a)
			w.sync(tasks.Registration{Trigger: trigger.Every(time.Hour)}, sleeper(100*time.Hour))
			w.pass(3*time.Hour + time.Minute)
		},
	},
	{
		"An instance over its time limit does not end", "TimeLimit is a minute and Grace two, and the handler does not look at its context.",
		"When the grace is over the instance is abandoned, and the next one starts. Let the handler heed its ctx.",
		func(w *wonder) {
			w.start(w.a)
			w.sync(tasks.Registration{Trigger: trigger.Every(time.Minute), TimeLimit: time.Minute, Grace: 2 * time.Minute}, func(context.Context, *tasks.Instance) error {
				w.sleep(10 * time.Hour)
				return nil
			})
			w.pass(3*time.Minute + 30*time.Second)
		},
	},
	{
		"An abandoned instance holds its slot", "The same, with OnAbandon HoldSlot, an hour later.",
		"With FreeSlot the next one would start, and two might do the same work at once.",
		func(w *wonder) {
			w.start(w.a)
			w.sync(tasks.Registration{Trigger: trigger.Every(time.Minute), TimeLimit: time.Minute, Grace: 2 * time.Minute, OnAbandon: tasks.HoldSlot}, func(context.Context, *tasks.Instance) error {
				w.sleep(10 * time.Hour)
				return nil
			})
			w.pass(time.Hour + 30*time.Second)
		},
	},
	{
		"Its firings are refused", "Overlap is Skip, and the handler takes longer than the interval of its trigger.",
		"Skip refuses a firing while an instance is active. Wait keeps one for later.",
		func(w *wonder) {
			w.start(w.a)
			w.sync(tasks.Registration{Trigger: trigger.Every(time.Minute), Overlap: tasks.Skip}, sleeper(150*time.Second))
			w.pass(6*time.Minute + time.Second)
		},
	},
	{
		"A deferral is open", "Its handler returned an hour ago, and nobody completes the deferral it took.",
		"An instance is over when all its deferrals are completed. Defer Complete where the work is done.",
		func(w *wonder) {
			w.start(w.a)
			task := w.sync(tasks.Registration{}, func(_ context.Context, in *tasks.Instance) error {
				_, err := in.Deferral("upload")
				return err
			})
			w.fire(task, nil)
			w.pass(time.Minute)
			w.fire(task, nil)
			w.pass(time.Hour)
		},
	},
	{
		"It fires once, and has", "Its trigger is `trigger.After(time.Minute)`. Asked by its `*app.Task`, since the name is free again.",
		"A one-shot is unregistered when its activation is over, whatever the outcome.",
		func(w *wonder) {
			w.start(w.a)
			w.task = w.sync(tasks.Registration{Trigger: trigger.After(time.Minute)}, func(context.Context, *tasks.Instance) error { return errors.New("disk full") })
			w.pass(time.Hour)
		},
	},
	{
		"Its schedule is faulted", "Its schedule is the program's own, and gave a due time that was not after the last.",
		"`Schedule.Next` is pure and goes forward. Apply with one that does, or Replace.",
		func(w *wonder) {
			w.start(w.a)
			w.sync(tasks.Registration{Trigger: open{"moon", func(p activation.Port) { p.Schedule(faulty(1)) }}}, nothing)
			w.pass(time.Hour)
		},
	},
	{
		"Nobody handles it", "It is registered, and there is no handler of its name.",
		"Run warns of it in the log. Handle it, by exactly this name.",
		func(w *wonder) {
			w.start(w.a)
			_ = must(w.a.Register(tasks.Registration{Name: "sync", Trigger: trigger.Every(time.Hour)}))
			w.pass(time.Hour + time.Minute)
		},
	},
	{
		"The App is stopping", "Stop was called ten seconds ago, and an instance takes its time.",
		"An App runs once. Nothing starts anymore.",
		func(w *wonder) {
			w.start(w.a)
			w.fire(w.sync(tasks.Registration{Grace: time.Minute}, func(context.Context, *tasks.Instance) error {
				w.sleep(50 * time.Second)
				return nil
			}), nil)
			w.pass(time.Second)
			w.spawn(func() { _, _ = w.a.Stop(context.Background()) })
			w.pass(10 * time.Second)
		},
	},
}

// What docs/why.md says is what the App says.
func TestWhyIsFresh(t *testing.T) {
	var b strings.Builder
	b.WriteString(whyHead)
	for _, r := range riddles {
		var said [2]string
		ask := func(i int) func(*land) {
			return func(l *land) {
				w := &wonder{land: l, a: l.newApp(app.WithKeyCap("disk", 1))}
				r.tell(w)
				said[i] = w.a.Explain("sync").String()
				if w.task != nil {
					said[i] = w.task.Explain().String()
				}
				_, _ = w.a.Stop(context.Background())
				l.sleep(1000 * time.Hour)
			}
		}
		inLandOfCoroutines(t, 1, ask(0))
		inLandOfGoroutines(t, ask(1))
		if said[0] != said[1] {
			t.Errorf("%s: %q on coroutines, %q on goroutines", r.title, said[0], said[1])
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n> %s\n", r.title, r.story, said[0])
		if r.advice != "" {
			fmt.Fprintf(&b, "\n%s\n", r.advice)
		}
	}
	fresh(t, "why.md", b.String())
}

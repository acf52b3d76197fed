package sim_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/tasks"
)

func berlin() *time.Location {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return loc
}

func ExampleWhatIf() {
	online := condition.NewFlag("online", false)
	from := time.Date(2026, time.January, 1, 0, 0, 0, 0, berlin())
	f, err := sim.WhatIf{
		From: from,
		Days: 365,
		Tasks: []tasks.Registration{
			{Name: "report", Trigger: trigger.Cron("30 2 * * *").In(berlin()).OnFold(trigger.FoldTwice)},
			{Name: "sync", Trigger: trigger.Every(15 * time.Minute), Conditions: []activation.Condition{online}},
			{Name: "crawl", Trigger: trigger.Every(time.Hour), Overlap: tasks.Skip},
		},
		Takes: func(task string, _ time.Time) time.Duration {
			return map[string]time.Duration{"report": 10 * time.Minute, "crawl": 90 * time.Minute}[task]
		},
		Outages: []sim.Outage{{Condition: online.String(), From: from.AddDate(0, 6, 0), For: 24 * time.Hour}},
	}.Forecast()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(f)
	// Output:
	// 2026-01-01 00:00 to 2027-01-01 00:00 Europe/Berlin, at most 3 at once (2026-01-01 02:30)
	//
	// task    due    fired  merged  refused  missed  waited  latched  capped  started  canceled  left  peak  longest   busy
	// report  366    366    0       0        0       0       0        0       366      0         0     1     0s        61h0m0s
	// sync    35040  34945  95      0        0       0       1        0       34945    1         0     1     23h45m0s  0s
	// crawl   8760   4380   0       4380     0       0       0        0       4380     0         1     1     0s        6568h30m0s
	//
	// clock set             zone           by    due near it
	// 2026-03-29 01:00 UTC  Europe/Berlin  +60m  report 0+1
	// 2026-10-25 01:00 UTC  Europe/Berlin  -60m  report 1+1
}

// A year of fifty tasks is asked about in CI by its figures.
func TestWhatIf_YearOfFifty(t *testing.T) {
	if slower > 1 {
		t.Skip("two years, for their figures; others look for races")
	}
	q := sim.WhatIf{From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Days: 365}
	for i := range 50 {
		q.Tasks = append(q.Tasks, tasks.Registration{Name: fmt.Sprint("task-", i), Trigger: trigger.Every(time.Duration(1+i) * time.Hour)})
	}
	f, err := q.Forecast()
	if err != nil {
		t.Fatal(err)
	}
	if last, _ := f.Task("task-49"); last.Fired != 175 || last.Started != last.Due || last.Busy != 175*time.Second || last.Left() != 0 {
		t.Errorf("every 50h: got %+v", last)
	}
	if first, _ := f.Task("task-0"); first.Fired != 8760 || first.Peak != 1 || first.Left() != 1 {
		t.Errorf("every hour: got %+v", first)
	}
	if again, _ := q.Forecast(); f.String() != again.String() || f.Peak < 2 {
		t.Errorf("again:\ngot\n%s\nwant\n%s", again, f)
	}
}

// Groups have caps and handlers of their own, and may use names that others do.
func TestWhatIf_Groups(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	hourly := func(names ...string) (list []tasks.Registration) {
		for _, name := range names {
			list = append(list, tasks.Registration{Name: name, Trigger: trigger.Every(time.Hour)})
		}
		return list
	}
	f, err := sim.WhatIf{
		From: from, Days: 1, Tasks: hourly("send"),
		Groups: []sim.TaskGroup{{ID: "mail", Tasks: hourly("send", "fetch")}, {ID: "logs", Tasks: hourly("send")}},
		Takes: func(task string, _ time.Time) time.Duration {
			return map[string]time.Duration{"mail/send": time.Minute}[task]
		},
		App: []app.Option{app.WithGroupCap("mail", 1)},
	}.Forecast()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		task   string
		capped uint64
		busy   time.Duration
	}{{"send", 0, 0}, {"mail/send", 0, 23 * time.Minute}, {"mail/fetch", 24, 0}, {"logs/send", 0, 0}} {
		if got, ok := f.Task(want.task); !ok || got.Fired != 24 || got.Capped != want.capped || got.Busy != want.busy {
			t.Errorf("%s: got %+v, want %+v", want.task, got, want)
		}
	}
}

func TestWhatIf_Errors(t *testing.T) {
	every := tasks.Registration{Name: "a", Trigger: trigger.Every(time.Hour)}
	for _, tt := range []struct {
		name string
		q    sim.WhatIf
		want error
	}{
		{"no days", sim.WhatIf{Tasks: []tasks.Registration{every}}, sim.ErrNoDays},
		{"no tasks", sim.WhatIf{Days: 1, Groups: []sim.TaskGroup{{ID: "mail"}}}, sim.ErrNoTasks},
		{"no group", sim.WhatIf{Days: 1, Groups: []sim.TaskGroup{{Tasks: []tasks.Registration{every}}}}, sim.ErrNoGroup},
		{"twice in a group", sim.WhatIf{Days: 1, Groups: []sim.TaskGroup{{"mail", []tasks.Registration{every, every}}}}, app.ErrRegistered},
		{"twice", sim.WhatIf{Days: 1, Tasks: []tasks.Registration{every, every}}, app.ErrRegistered},
		{"no trigger", sim.WhatIf{Days: 1, Tasks: []tasks.Registration{{Name: "a"}}}, tasks.ErrNoTrigger},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := tt.q.Forecast(); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// What reaches out into the world is left alone: no function is asked, no
// goroutine of a trigger started, no object bound.
func TestWhatIf_LeavesTheWorldAlone(t *testing.T) {
	asked := func(context.Context) bool { t.Error("the condition's function was asked"); return false }
	orders := trigger.NewApplication[string]()
	f, err := sim.WhatIf{
		From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Days: 2,
		Tasks: []tasks.Registration{
			{Name: "polled", Trigger: trigger.Every(time.Hour), Conditions: []activation.Condition{condition.Func("up", asked, time.Minute)}},
			{Name: "orders", Trigger: orders},
			{Name: "chan", Trigger: trigger.Chan(make(chan int))},
		},
		App: []app.Option{app.WithCap(1)},
	}.Forecast()
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := f.Task("polled"); p.Completed != 47 || p.Latched != 0 {
		t.Errorf("polled: got %+v", p)
	}
	if _, err := orders.Request(t.Context(), "o-1"); !errors.Is(err, activation.ErrUnbound) {
		t.Errorf("orders: got %v, want %v", err, activation.ErrUnbound)
	}
	if _, ok := f.Task("nobody"); ok {
		t.Error("a task that was not asked about")
	}
}

func BenchmarkWhatIf_YearOfFiftyQuarterHours(b *testing.B) {
	q := sim.WhatIf{From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Days: 365}
	for i := range 50 {
		q.Tasks = append(q.Tasks, tasks.Registration{Name: fmt.Sprint("task-", i), Trigger: trigger.Every(15 * time.Minute)})
	}
	b.ReportAllocs()
	for b.Loop() {
		f, err := q.Forecast()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(f.Tasks[0].Fired)*50, "firings/op")
	}
}

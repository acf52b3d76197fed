package trigger_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // for systems without

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

var update = flag.Bool("update", false, "write docs/daylight-saving.md as it comes out now")

const daylightPage = "../../docs/daylight-saving.md"

const daylightHead = `# Daylight saving

What becomes of a task on the days on which clocks are set. The tables are not written by hand: each line is an App
that ran on a virtual clock over the edge. ` + "`go test ./activation/trigger -run TestDaylightSaving -update`" + ` writes them,
and the same test fails when they are no longer what the App does.

There are two clocks, and each trigger goes by one of them.

- **The clock on the wall.** Cron with fixed hours (` + "`30 2 * * *`, `0 9-17 * * *`, also `0 */2 * * *`" + `), Daily, Weekly and
  Monthly. Each of their times is owed once a day. On the day on which the clock jumps over it, OnGap says what is
  done: GapRunAfter (the default) runs at the first instant after the gap, once, even if several times fall in the gap;
  GapSkip leaves it out. On the day on which the clock shows it twice, OnFold says: FoldOnce (the default) runs at the
  first of the two, FoldTwice at both.
- **The time that passes.** Every, After, AfterCompletion, @every, and Cron with an hour of ` + "`*`" + `: ` + "`0 * * * *`" + ` runs
  each time that a clock shows a full hour, which is every hour that passes wherever clocks change by whole hours.
  OnGap and OnFold do not concern them.

TimeWindow and QuietHours hold whenever the clock on the wall shows a time in them. At is an instant, whatever clocks
show. Recurrence rules (integrations/rrule) are as RFC 5545 has it: a time that is jumped over is taken with the offset
before the gap, 02:30 as 03:30, and one that comes twice is the first.
`

// An edge is an hour or so in which a clock is set.
type edge struct {
	place, zone string
	from        time.Time // the local midnight before
	hours       int       // to look at
	what        string
	kinds       []string // of the lines
}

// A line is a trigger as a program writes it, and that trigger.
type daylightLine struct {
	text    string
	trigger activation.Trigger
}

// lines are those for an edge: fixed is a time in it, hour that time's hour.
func (e edge) lines(t testing.TB) (list []daylightLine) {
	loc := zone(t, e.zone)
	for _, k := range e.kinds {
		kind, arg, _ := strings.Cut(k, " ")
		daily := trigger.Daily(arg).In(loc)
		cron := trigger.Cron(arg).In(loc)
		add := func(tr activation.Trigger, format string, args ...any) {
			list = append(list, daylightLine{fmt.Sprintf(format, args...), tr})
		}
		switch kind {
		case "gap":
			add(daily, "`Daily(%q)`", arg)
			add(daily.OnGap(trigger.GapSkip), "`Daily(%q).OnGap(GapSkip)`", arg)
		case "fold":
			add(daily, "`Daily(%q)`", arg)
			add(daily.OnFold(trigger.FoldTwice), "`Daily(%q).OnFold(FoldTwice)`", arg)
		case "crongap":
			add(cron, "`Cron(%q)`", arg)
			add(cron.OnGap(trigger.GapSkip), "`Cron(%q).OnGap(GapSkip)`", arg)
		case "cronfold":
			add(cron, "`Cron(%q)`", arg)
			add(cron.OnFold(trigger.FoldTwice), "`Cron(%q).OnFold(FoldTwice)`", arg)
		case "cron":
			add(cron, "`Cron(%q)`", arg)
		case "weekly":
			add(trigger.Weekly(time.Friday, arg).In(loc), "`Weekly(Friday, %q)`", arg)
			add(trigger.Weekly(time.Friday, arg).In(loc).OnGap(trigger.GapSkip), "`Weekly(Friday, %q).OnGap(GapSkip)`", arg)
		case "every":
			d, err := time.ParseDuration(arg)
			if err != nil {
				t.Fatal(err)
			}
			add(trigger.Every(d), "`Every(%s)` from %s", strings.TrimSuffix(d.String(), "0m0s"), e.from.In(loc).Format("15:04"))
		case "window":
			add(nil, "%s", arg)
		default:
			t.Fatalf("no kind %q", k)
		}
	}
	return list
}

// ran is when a task with the trigger ran, as the clock on the wall shows it.
func (e edge) ran(t testing.TB, tr activation.Trigger) string {
	loc := zone(t, e.zone)
	l := live(t, e.from, tr)
	l.until(e.from.Add(time.Duration(e.hours)*time.Hour-1), 1<<30)
	starts, _ := l.stop()
	var list []string
	for _, at := range starts {
		list = append(list, e.show(at.In(loc)))
	}
	return e.join(list)
}

func (e edge) join(list []string) string {
	if len(list) == 0 {
		return "-"
	}
	return strings.Join(list, ", ")
}

// show names an instant as the wall does, with the day where that is not the
// first.
func (e edge) show(at time.Time) string {
	text := at.Format("15:04 MST")
	if at.Day() != e.from.In(at.Location()).Day() {
		text = at.Format("Jan 2 ") + text
	}
	return text
}

// held is when a window was open.
func (e edge) held(t testing.TB, text string) string {
	loc := zone(t, e.zone)
	from, to, _ := strings.Cut(text, "-")
	v := clock.NewVirtual(e.from)
	a := app.New(app.WithClock(v))
	a.HandleFunc("x", func(context.Context, *tasks.Instance) error { return nil })
	var list []string
	a.Observe(func(v event.Event) {
		if v.Kind == event.ConditionChanged {
			list = append(list, e.show(v.At.In(loc)))
		}
	})
	c := condition.TimeWindow(from, to, loc)
	if _, err := a.Register(tasks.Registration{Name: "x", Trigger: trigger.After(1000 * time.Hour), Conditions: []activation.Condition{c}}); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for end := e.from.Add(time.Duration(e.hours) * time.Hour); v.Now().Before(end); {
		v.Advance(5 * minute)
		if err := a.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	var spans []string
	for i := 0; i+1 < len(list); i += 2 {
		spans = append(spans, list[i]+" to "+list[i+1])
	}
	if len(spans) == 0 {
		return "never holds"
	}
	return "holds " + e.join(spans)
}

func edges(t testing.TB) []edge {
	day := func(name string, y int, m time.Month, d int) time.Time {
		return time.Date(y, m, d, 0, 0, 0, 0, zone(t, name))
	}
	const (
		ny, berlin, lordHowe = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"
		cairo, saoPaulo      = "Africa/Cairo", "America/Sao_Paulo"
		apia, troll          = "Pacific/Apia", "Antarctica/Troll"
	)
	hourly := "cron 0 * * * *"
	return []edge{
		{
			"New York", ny, day(ny, 2026, 3, 8), 6, "02:00 EST becomes 03:00 EDT",
			[]string{"gap 02:30", "crongap 0,20,40 2-3 * * *", hourly, "every 1h", "window TimeWindow 02:30-04:00", "window TimeWindow 02:10-02:50"},
		},
		{
			"New York", ny, day(ny, 2026, 11, 1), 6, "02:00 EDT becomes 01:00 EST",
			[]string{"fold 01:30", "cronfold 0,30 1-2 * * *", hourly, "every 1h", "window TimeWindow 01:30-04:00", "window TimeWindow 00:30-01:30"},
		},
		{
			"Berlin", berlin, day(berlin, 2026, 3, 29), 6, "02:00 CET becomes 03:00 CEST",
			[]string{"gap 02:30", "gap 03:00", "crongap 30 */2 * * *", hourly},
		},
		{
			"Berlin", berlin, day(berlin, 2026, 10, 25), 6, "03:00 CEST becomes 02:00 CET",
			[]string{"fold 02:30", "fold 03:00", "cronfold 30 */2 * * *", hourly},
		},
		{
			"Lord Howe Island, by half an hour", lordHowe, day(lordHowe, 2026, 10, 4), 5, "02:00 (+1030) becomes 02:30 (+11)",
			[]string{"gap 02:15", "gap 02:30", hourly, "every 1h"},
		},
		{
			"Lord Howe Island, by half an hour", lordHowe, day(lordHowe, 2026, 4, 5), 5, "02:00 (+11) becomes 01:30 (+1030)",
			[]string{"fold 01:45", "fold 02:00", hourly, "every 1h"},
		},
		{
			"Cairo, at midnight", cairo, day(cairo, 2026, 4, 23).Add(21 * time.Hour), 6, "24:00 EET becomes 01:00 EEST",
			[]string{"gap 00:00", "gap 00:30", hourly, "window TimeWindow 00:00-02:00"},
		},
		{
			"Cairo, at midnight", cairo, day(cairo, 2026, 10, 29).Add(21 * time.Hour), 6, "24:00 EEST becomes 23:00 EET, of the day before",
			[]string{"fold 23:30", "fold 00:00", hourly, "window TimeWindow 23:30-02:00"},
		},
		{
			"São Paulo, at midnight", saoPaulo, day(saoPaulo, 2018, 11, 3).Add(21 * time.Hour), 6, "24:00 (-03) becomes 01:00 (-02)",
			[]string{"gap 00:00", "gap 01:00", hourly},
		},
		{
			"São Paulo, at midnight", saoPaulo, day(saoPaulo, 2018, 2, 17).Add(21 * time.Hour), 6, "24:00 (-02) becomes 23:00 (-03), of the day before",
			[]string{"fold 23:00", "fold 00:00", hourly},
		},
		{
			"Troll, by two hours", troll, day(troll, 2026, 3, 29), 6, "01:00 (+00) becomes 03:00 (+02)",
			[]string{"gap 02:30", "crongap 0 1-3 * * *", hourly},
		},
		{
			"Troll, by two hours", troll, day(troll, 2026, 10, 25), 6, "03:00 (+02) becomes 01:00 (+00)",
			[]string{"fold 02:30", "cronfold 0 1-3 * * *", hourly},
		},
		{
			"Apia, which left out a Friday", apia, day(apia, 2011, 12, 29), 72, "24:00 (-10) of December 29 becomes 00:00 (+14) of December 31",
			[]string{"gap 12:00", "weekly 12:00", "every 12h"},
		},
	}
}

// The page says what the App does.
func TestDaylightSaving(t *testing.T) {
	var b strings.Builder
	b.WriteString(daylightHead)
	for _, e := range edges(t) {
		loc := zone(t, e.zone)
		fmt.Fprintf(&b, "\n## %s, %s\n\n%s: %s.\n\n| trigger | runs |\n|---|---|\n", e.place, e.from.In(loc).Add(6*time.Hour).Format("January 2, 2006"), e.zone, e.what)
		for _, l := range e.lines(t) {
			if l.trigger == nil {
				name, span, _ := strings.Cut(l.text, " ")
				from, to, _ := strings.Cut(span, "-")
				fmt.Fprintf(&b, "| `%s(%q, %q)` | %s |\n", name, from, to, e.held(t, span))
				continue
			}
			fmt.Fprintf(&b, "| %s | %s |\n", l.text, e.ran(t, l.trigger))
		}
	}
	if *update {
		if err := os.WriteFile(daylightPage, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(daylightPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Errorf("%s is stale: run go test ./activation/trigger -run TestDaylightSaving -update", daylightPage)
	}
}

package trigger_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/tasks"
)

// A life is an App on a virtual clock with one task, and when that started.
type life struct {
	*app.App
	t     testing.TB
	clock *clock.Virtual
	ctx   context.Context

	mu     sync.Mutex // guards the following
	starts []time.Time
	dues   []time.Time
	n      int // distinct starts
}

// live makes a task named x, with a handler that takes no time, run from an
// instant on.
func live(t testing.TB, from time.Time, tr activation.Trigger, wrap ...func(*clock.Virtual) clock.Clock) *life {
	t.Helper()
	v := clock.NewVirtual(from)
	var c clock.Clock = v
	for _, w := range wrap {
		c = w(v)
	}
	l := &life{App: app.New(app.WithClock(c)), t: t, clock: v, ctx: context.Background()}
	l.HandleFunc("x", func(_ context.Context, in *tasks.Instance) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if k := len(l.starts); k == 0 || !l.starts[k-1].Equal(v.Now()) {
			l.n++
		}
		l.starts = append(l.starts, v.Now())
		l.dues = append(l.dues, in.Due())
		return nil
	})
	if _, err := l.Register(tasks.Registration{Name: "x", Trigger: tr}); err != nil {
		t.Fatalf("Register %v: %v", tr, err)
	}
	if err := l.Start(l.ctx); err != nil {
		t.Fatal(err)
	}
	l.idle()
	return l
}

func (l *life) idle() {
	if err := l.WaitIdle(l.ctx); err != nil {
		l.t.Error(err)
	}
}

// until lets time pass, wake-up by wake-up, to an instant or for so many starts.
func (l *life) until(end time.Time, starts int) {
	for l.count() < starts {
		at, ok := l.clock.Next()
		if !ok || at.After(end) {
			return
		}
		l.clock.Advance(at.Sub(l.clock.Now()))
		l.idle()
	}
}

func (l *life) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// stop stops the App and returns when the task started, and when that was due.
func (l *life) stop() (starts, dues []time.Time) {
	if _, err := l.Stop(l.ctx); err != nil {
		l.t.Error(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.starts, l.dues
}

func distinct(list []time.Time) []time.Time {
	return slices.CompactFunc(slices.Clone(list), time.Time.Equal)
}

// compare says where two lists of instants part.
func compare(t testing.TB, what string, got, want []time.Time) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("%s: got %d, the next of the %d wanted is %v", what, len(got), len(want), want[i])
		case i >= len(want):
			t.Errorf("%s: got %d, wanted %d, the next is %v", what, len(got), len(want), got[i])
		case !got[i].Equal(want[i]):
			t.Errorf("%s: number %d: got %v, want %v", what, i, got[i], want[i])
		default:
			continue
		}
		return
	}
}

// What Next says is what the App does, whatever triggers are put together, from
// whatever instant on. BGLOOP_SEEDS says how many to try instead of the usual.
func TestNext_IsWhatTheAppDoes(t *testing.T) {
	seeds := usualSeeds
	if n, err := strconv.Atoi(os.Getenv("BGLOOP_SEEDS")); err == nil {
		seeds = n
	}
	kinds := map[string]int{}
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 7))
		from := dawn.Add(time.Duration(r.Int64N(int64(40 * 365 * 24 * time.Hour))))
		if r.IntN(2) == 0 {
			from = from.Truncate(time.Hour)
		}
		g := &gardener{r, from, kinds}
		tr := g.tree(3)
		const n = 25
		end := from.Add(20 * 24 * time.Hour)
		want, err := trigger.NextOf("x", tr, from, n)
		if err != nil && !errors.Is(err, trigger.ErrEndless) {
			t.Fatalf("seed %d: %v: %v", seed, tr, err)
		}
		want = slices.DeleteFunc(want, func(at time.Time) bool { return at.After(end) })
		l := live(t, from, tr)
		l.until(end, n)
		starts, _ := l.stop()
		got := distinct(starts)
		compare(t, fmt.Sprintf("seed %d: %v from %v", seed, tr, from), got[:min(n, len(got))], want)
		if t.Failed() {
			return
		}
	}
	t.Logf("%v", kinds)
}

// A gardener grows trees of triggers.
type gardener struct {
	*rand.Rand
	from  time.Time
	kinds map[string]int
}

func (g *gardener) minutes(most int) time.Duration {
	return time.Duration(1+g.IntN(most)) * time.Minute
}

func (g *gardener) tree(depth int) activation.Trigger {
	if depth == 0 || g.IntN(5) == 0 {
		return g.leaf()
	}
	branch := func() activation.Trigger { return g.tree(depth - 1) }
	kinds := []struct {
		name string
		make func() activation.Trigger
	}{
		{"any", func() activation.Trigger { return trigger.Any(branch(), branch()) }},
		{"any3", func() activation.Trigger { return trigger.Any(branch(), branch(), branch()) }},
		{"limit", func() activation.Trigger { return trigger.Limit(branch(), 1+g.IntN(9)) }},
		{"between", func() activation.Trigger {
			from := g.from.Add(g.minutes(600) - 300*time.Minute)
			return trigger.Between(branch(), from, from.Add(g.minutes(3000)))
		}},
		{"jitter", func() activation.Trigger { return trigger.Jitter(branch(), g.minutes(30)) }},
		{"debounce", func() activation.Trigger { return trigger.Debounce(branch(), g.minutes(8)) }},
		{"throttle", func() activation.Trigger { return trigger.Throttle(branch(), g.minutes(90)) }},
		{"offset", func() activation.Trigger { return trigger.Offset(branch(), g.minutes(60)-time.Minute) }},
		{"except", func() activation.Trigger {
			day := g.from.AddDate(0, 0, g.IntN(3))
			return trigger.Except(branch(), trigger.Dates(time.UTC, trigger.Date{Year: day.Year(), Month: day.Month(), Day: day.Day()}))
		}},
		{"window", func() activation.Trigger { return trigger.Window(branch(), g.minutes(40)) }},
		{"oneshot", func() activation.Trigger { return trigger.OneShot(branch()) }},
	}
	k := kinds[g.IntN(len(kinds))]
	if k.name == "oneshot" && g.IntN(4) > 0 {
		k = kinds[0]
	}
	g.kinds[k.name]++
	return k.make()
}

func (g *gardener) leaf() activation.Trigger {
	zones := []string{"America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata"}
	zone, err := time.LoadLocation(zones[g.IntN(len(zones))])
	if err != nil {
		panic(err)
	}
	k := g.IntN(8)
	g.kinds[fmt.Sprintf("leaf %d", k)]++
	switch k {
	case 0:
		return trigger.Every(5 * g.minutes(40))
	case 1:
		return trigger.Every(10 * g.minutes(20)).Immediately()
	case 2:
		return trigger.AfterCompletion(5 * g.minutes(30))
	case 3:
		return trigger.Cron(fmt.Sprintf("*/%d * * * *", 5*(1+g.IntN(6)))).In(zone)
	case 4:
		return trigger.Cron(fmt.Sprintf("%d %d-%d * * *", g.IntN(60), g.IntN(8), 8+g.IntN(16))).In(zone)
	case 5:
		return trigger.Daily(fmt.Sprintf("%02d:%02d", g.IntN(4), g.IntN(60))).In(zone)
	case 6:
		if g.IntN(3) == 0 {
			return trigger.At(g.from.Add(g.minutes(600) - 60*time.Minute))
		}
		return trigger.Every(g.minutes(50))
	}
	if g.IntN(3) == 0 {
		return trigger.After(g.minutes(300))
	}
	return trigger.Every(15 * time.Minute)
}

// There are fewer if the trigger comes to an end, none for one that does not go
// by time, none for an n that is not positive, and the errors of Arm.
func TestNext(t *testing.T) {
	from := time.Now() // with a monotonic reading, which the instants do not have
	for _, tt := range []struct {
		trigger activation.Trigger
		n       int
		want    []time.Duration
	}{
		{trigger.Every(time.Hour), 3, []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour}},
		{trigger.Every(time.Hour).Immediately(), 2, []time.Duration{0, time.Hour}},
		{trigger.AfterCompletion(time.Hour), 2, []time.Duration{time.Hour, 2 * time.Hour}},
		{trigger.Offset(trigger.AfterCompletion(time.Hour), minute), 2, []time.Duration{61 * minute, 122 * minute}},
		{trigger.At(from.Add(minute)), 3, []time.Duration{minute}},
		{trigger.At(from.Add(-minute)), 3, []time.Duration{0}},
		{trigger.After(0), 3, []time.Duration{0}},
		{trigger.OneShot(trigger.Every(minute)), 3, []time.Duration{minute}},
		{trigger.Limit(trigger.Every(minute), 2), 5, []time.Duration{minute, 2 * minute}},
		{trigger.Between(trigger.Every(minute), time.Time{}, from.Add(2*minute)), 5, []time.Duration{minute}},
		{trigger.Any(trigger.Every(2*minute), trigger.Every(3*minute)), 4, []time.Duration{2 * minute, 3 * minute, 4 * minute, 6 * minute}},
		{trigger.Any(trigger.Offset(at{1, 20}, 30*minute), at{2, 40}), 5, []time.Duration{2 * minute, 40 * minute}},
		{trigger.Any(trigger.Offset(at{1}, 9*minute), trigger.Offset(at{20}, minute)), 1, []time.Duration{10 * minute}},
		{trigger.Window(trigger.Every(time.Hour), minute), 1, []time.Duration{time.Hour}},
		{trigger.NewApplication[int](), 3, nil},
		{trigger.Chan(make(chan int)), 3, nil},
		{trigger.Custom("x", trigger.Always), 3, nil},
		{trigger.Completion("x", trigger.OnAny), 3, nil},
		{trigger.ClockJump(), 3, nil},
		{trigger.Every(minute), 0, nil},
		{trigger.Every(minute), -1, nil},
	} {
		got, err := trigger.Next(tt.trigger, from, tt.n)
		var want []time.Time
		for _, d := range tt.want {
			want = append(want, from.Round(0).Add(d))
		}
		compare(t, tt.trigger.String(), got, want)
		if err != nil {
			t.Errorf("%v: %v", tt.trigger, err)
		}
	}
	if _, err := trigger.Next(nil, from, 1); !errors.Is(err, trigger.ErrNoTrigger) {
		t.Errorf("of nil: got %v", err)
	}
}

// A preview that finds nothing comes to an end as well, with what it has found.
func TestNext_Endless(t *testing.T) {
	for i, tr := range []activation.Trigger{
		trigger.Debounce(trigger.Every(minute), time.Hour),
		trigger.Throttle(trigger.Every(1), time.Hour),
		trigger.OneShot(trigger.Except(trigger.Every(1), trigger.Dates(time.UTC, trigger.Date{Year: 2000, Month: 1, Day: 1}))),
	} {
		if i > 0 && watched {
			break
		}
		list, err := trigger.Next(tr, dawn, 2)
		if !errors.Is(err, trigger.ErrEndless) || len(list) > 1 {
			t.Errorf("%v: got %v, %v", tr, list, err)
		}
	}
}

// stuck is a schedule that does not go on.
type stuck struct{}

func (stuck) String() string                          { return "stuck" }
func (stuck) Arm(p activation.Port) error             { p.Schedule(stuck{}); return nil }
func (stuck) Next(activation.Phase) (time.Time, bool) { return dawn.Add(minute), true }

// A schedule that does not go forward ends a preview; in the App it faults the
// registration, which has fired once.
func TestNext_NotLater(t *testing.T) {
	list, err := trigger.Next(stuck{}, dawn, 3)
	if !errors.Is(err, trigger.ErrNotLater) {
		t.Errorf("got %v, %v", list, err)
	}
	l := live(t, dawn, stuck{})
	l.until(dawn.Add(time.Hour), 10)
	if x := l.Explain("x"); len(x.Faults) != 1 {
		t.Errorf("faults: got %v", x.Faults)
	}
	if starts, _ := l.stop(); len(starts) != 1 {
		t.Errorf("started at %v", starts)
	}
}

// A trigger of your own can record whatever a Port has, and a preview passes
// over what is not about time.
func TestNext_OfATriggerOfYourOwn(t *testing.T) {
	var got []time.Time
	all := func(p activation.Port) error {
		p.Payload()
		p.Exclusive("key")
		p.OnArm(func() { t.Error("OnArm") })
		p.OnDisarm(func() { t.Error("OnDisarm") })
		p.Wanted(func(bool) { t.Error("Wanted") })
		p.Go(func(context.Context) error { t.Error("Go"); return nil })
		p.Listen("news")
		got = append(got, p.Now())
		if r, err := p.Fire(t.Context(), nil); !errors.Is(err, activation.ErrUnbound) || r.Result != activation.UnknownError {
			t.Errorf("Fire: got %v, %v", r, err)
		}
		if _, err := p.Reserve(t.Context()); !errors.Is(err, activation.ErrUnbound) {
			t.Errorf("Reserve: got %v", err)
		}
		if p.After(0, func() { t.Error("After") })() {
			t.Error("After: stopped what there is not")
		}
		return at{1, 1 + 60}.Arm(p)
	}
	list, err := trigger.Next(own(all), dawn, 9)
	compare(t, "instants", list, []time.Time{dawn.Add(minute), dawn.Add(61 * minute)})
	if err != nil || len(got) != 1 || !got[0].Equal(dawn) {
		t.Errorf("got %v, Now %v", err, got)
	}
}

// own is a trigger as a function.
type own func(activation.Port) error

func (own) String() string                { return "own" }
func (f own) Arm(p activation.Port) error { return f(p) }

func ExampleNext() {
	list, err := trigger.Next(trigger.Limit(trigger.Cron("0 9 * * MON-FRI").In(time.UTC), 3), time.Date(2026, 7, 3, 12, 0, 0, 0, time.UTC), 5)
	for _, at := range list {
		fmt.Println(at.Format("Mon Jan 2 15:04"))
	}
	fmt.Println(err)
	// Output:
	// Mon Jul 6 09:00
	// Tue Jul 7 09:00
	// Wed Jul 8 09:00
	// <nil>
}

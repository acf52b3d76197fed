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
	return len(distinct(l.starts))
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

func sameInstants(a, b []time.Time) bool { return slices.EqualFunc(a, b, time.Time.Equal) }

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
	seeds := 100
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

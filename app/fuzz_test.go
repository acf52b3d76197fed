package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// FuzzAPI lets the input decide who calls what: a few strands from outside, and
// handlers, observers, conditions and triggers from inside. The first byte says
// whether they are goroutines in a bubble or coroutines of a World, where an
// input that fails does so again. See mob.judge for what must hold.
func FuzzAPI(f *testing.F) {
	seeds := 300
	if n, err := strconv.Atoi(os.Getenv("BGLOOP_SEEDS")); err == nil {
		seeds = n
	}
	for seed := range uint64(seeds) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		b := make([]byte, 50+rnd.IntN(400))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 8 || len(b) > 600 {
			return
		}
		defer watchdog(b)()
		story := func(l *land) { newMob(l, b[1:8], b[8:], b[0]/4%3 == 1).live() }
		if b[0]%4 > 0 {
			inLandOfGoroutines(t, story)
		} else {
			inLandOfCoroutines(t, uint64(b[0]/4), story)
		}
	})
}

// watchdog ends the program, with all stacks, if a story hangs by the wall
// clock: its own may stand still.
func watchdog(input []byte) (stop func() bool) {
	return time.AfterFunc(time.Minute, func() {
		buf := make([]byte, 1<<20)
		panic(fmt.Sprintf("hangs: %q\n%s", input, buf[:runtime.Stack(buf, true)]))
	}).Stop
}

// A bale is details that must reach a handler or be dropped, once.
type bale struct {
	m                *mob
	how              string
	handled, dropped atomic.Int32
}

func (p *bale) Drop() {
	p.dropped.Add(1)
	p.m.maybe(context.Background())
}

// A mob is an App, and everybody who calls it at once.
type mob struct {
	*land
	a       *app.App
	lib     *app.Group
	flags   [2]*condition.Flag
	orders  [2]*trigger.Application[*bale]
	ledger  *app.Observer
	actors  []*tape
	inner   *tape        // decides what callbacks and handlers do
	entered atomic.Int32 // callbacks that may not be called after Stop, so far
	snoozes atomic.Uint64
	patient bool          // Stop is given time
	disk    *store.Memory // nil: without a store

	mu        sync.Mutex // guards the following
	left      int        // actors that have not ended
	handles   []*app.Task
	receipts  []activation.Receipt
	bales     []*bale
	events    []event.Event
	completed map[uint64]int
	tails     []func() // what ends observers
	kept      []*keepsake
	cut       []*keepsake     // whose context ended before their handler did
	endedInst map[uint64]bool // whose end was told
}

func newMob(l *land, head, body []byte, stored bool) *mob {
	m := &mob{land: l, completed: map[uint64]int{}, endedInst: map[uint64]bool{}}
	h := &tape{b: head}
	m.flags[0], m.flags[1] = condition.NewFlag("net", h.yes()), condition.NewFlag("power", true)
	m.orders[0], m.orders[1] = trigger.NewApplication[*bale](), trigger.NewApplication[*bale]()
	n := 1 + h.n(3)
	each := len(body) / (n + 1)
	for range n {
		m.actors = append(m.actors, &tape{b: body[:each:each]})
		body = body[each:]
	}
	m.inner = &tape{b: body}
	m.left = n
	var with []app.Option
	if stored {
		m.disk = &store.Memory{Sync: m.sync}
		with = append(with, app.WithStore(m.disk))
	}
	m.a = m.newApp(append(with,
		app.WithLogger(slog.New(talker{m})),
		app.WithCap(h.n(4)), app.WithGroupCap("lib", h.n(3)), app.WithKeyCap("k", h.n(3)),
		app.WithTimeLimit(one(h, 0, 3*time.Second)), app.WithGrace(one(h, 0, time.Second, -1)),
	)...)
	m.patient = len(body)%4 > 0
	m.lib = m.a.Group("lib")
	m.a.Use(func(next tasks.Handler) tasks.Handler {
		return tasks.HandlerFunc(func(ctx context.Context, in *tasks.Instance) error {
			if p, ok := in.Details().(*bale); ok {
				p.handled.Add(1)
			}
			return next.Run(ctx, in)
		})
	})
	for _, name := range []string{"a", "b", "c"} {
		m.a.HandleFunc(name, m.answer)
		m.lib.HandleFunc(name, m.answer)
	}
	m.ledger = m.a.Observe(func(e event.Event) {
		m.entered.Add(1)
		m.mu.Lock()
		defer m.mu.Unlock()
		m.events = append(m.events, e)
		if e.Kind == event.Ended || e.Kind == event.Abandoned {
			m.endedInst[e.Instance] = true
		}
	})
	return m
}

// A talker is a logger that calls the App.
type talker struct{ m *mob }

func (talker) Enabled(context.Context, slog.Level) bool { return true }

func (t talker) WithAttrs([]slog.Attr) slog.Handler { return t }

func (t talker) WithGroup(string) slog.Handler { return t }

func (t talker) Handle(ctx context.Context, _ slog.Record) error { t.m.maybe(ctx); return nil }

// live is the story.
func (m *mob) live() {
	if m.inner.yes() { // some of it before Run
		for range 4 {
			m.call(context.Background(), m.actors[0])
		}
	}
	if err := m.a.Start(context.Background()); err != nil && !errors.Is(err, app.ErrStopped) {
		m.Errorf("Start: %v", err)
	}
	for _, tp := range m.actors {
		m.spawn(func() {
			for tp.more() {
				m.call(context.Background(), tp)
			}
			m.mu.Lock()
			defer m.mu.Unlock()
			m.left--
		})
	}
	for n := 0; n < 60 && m.busy(); n++ {
		m.sleep(time.Second)
	}
	ctx, done := m.within(time.Second)
	if m.patient {
		ctx = context.Background()
	}
	report, err := m.a.Stop(ctx)
	done()
	before := m.entered.Load()
	for n := 0; n < 100 && m.busy(); n++ { // they meet an App that has stopped
		m.sleep(time.Minute)
	}
	m.sleep(48 * time.Hour)
	if m.busy() {
		m.Error("a call hangs")
	}
	if after := m.entered.Load(); report.Unfinished == 0 && after != before {
		m.Errorf("%d callbacks after Stop", after-before)
	}
	m.judge(report, err)
	m.liveAgain()
	m.judgeKept(report.Unfinished)
}

func (m *mob) busy() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.left > 0
}

// within is a context that ends after d, by the land's time.
func (m *mob) within(d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	if d == 0 {
		cancel()
		return ctx, cancel
	}
	m.spawn(func() { m.sleep(d); cancel() })
	return ctx, cancel
}

// maybe is what a callback does: mostly nothing.
func (m *mob) maybe(ctx context.Context) {
	switch m.inner.n(8) {
	case 1, 2:
		m.call(ctx, m.inner)
	case 3:
		m.sleep(m.inner.nap())
	}
}

// mayPanic is maybe where a panic must do no harm.
func (m *mob) mayPanic() {
	m.entered.Add(1)
	m.maybe(context.Background())
	switch m.inner.n(24) {
	case 1:
		panic("a callback")
	case 2:
		runtime.Goexit()
	}
}

// answer is the handler of all tasks.
func (m *mob) answer(ctx context.Context, in *tasks.Instance) error {
	k := m.keepInstance(ctx, in)
	defer k.ends()
	d := m.inner.nap()
	in.Progress(uint64(d))
	switch m.inner.n(24) {
	case 1, 2:
		return in.Sleep(d)
	case 3:
		return in.Go(func(context.Context) error { return in.Sleep(d) })
	case 4:
		return in.Await(func(ctx context.Context) error { m.sleep(d); m.maybe(ctx); return nil })
	case 5, 6:
		df, err := in.Deferral("foreign")
		k.d.Store(df)
		m.spawn(func() { m.sleep(2 * d); df.Complete(); m.maybe(ctx); df.Complete() })
		if d > time.Second {
			return errGuilty
		}
		return err
	case 7:
		panic("mob")
	case 8:
		runtime.Goexit()
	case 9:
		m.sleep(5 * d) // deaf
	case 10:
		m.sleep(24 * time.Hour) // hangs
	case 11:
		_ = in.Canceled(func(activation.Reason) { m.mayPanic() })
		return in.Sleep(d)
	case 12:
		m.snoozes.Add(1)
		return tasks.Snooze(d)
	case 13:
		return tasks.RetryAfter(d, errGuilty)
	case 14:
		return tasks.Permanent(errGuilty)
	case 15, 16:
		return errGuilty
	case 17:
		return in.Go(func(ctx context.Context) error { m.maybe(ctx); panic("mob") })
	case 18:
		_ = in.Sleep(time.Hour)
		return ctx.Err()
	case 19:
		m.wontWait(ctx)
	default:
		for range 3 {
			m.call(ctx, m.inner)
		}
	}
	return nil
}

// wontWait: what waits says no to an instance, unless that is over.
func (m *mob) wontWait(ctx context.Context) {
	_, stop := m.a.Stop(ctx)
	for i, err := range []error{stop, m.a.WaitIdle(ctx)} {
		if !errors.Is(err, app.ErrInHandler) && ctx.Err() == nil {
			m.Errorf("Stop or WaitIdle (%d) with a handler's context: %v", i, err)
		}
	}
}

// names are those of tasks; nobody handles the last.
var names = []string{"a", "b", "c", "ghost"}

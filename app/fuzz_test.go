package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
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

// A tape is what decides. After its end it reads as zeros.
type tape struct {
	mu sync.Mutex // guards the following
	b  []byte
}

func (t *tape) more() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.b) > 0
}

// n reads a number below k.
func (t *tape) n(k int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.b) == 0 {
		return 0
	}
	v := int(t.b[0])
	t.b = t.b[1:]
	return v % k
}

func (t *tape) yes() bool { return t.n(2) == 1 }

func (t *tape) nap() time.Duration { return time.Duration(t.n(16)) * 250 * time.Millisecond }

// one reads one of a list.
func one[T any](t *tape, list ...T) T { return list[t.n(len(list))] }

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

func (talker) Enabled(context.Context, slog.Level) bool          { return true }
func (t talker) WithAttrs([]slog.Attr) slog.Handler              { return t }
func (t talker) WithGroup(string) slog.Handler                   { return t }
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

func (m *mob) registration(tp *tape) tasks.Registration {
	r := tasks.Registration{Name: one(tp, names...), Trigger: m.trigger(tp)}
	for range tp.n(3) {
		r.Conditions = append(r.Conditions, m.condition(tp))
	}
	r.KeepOnConditionLoss = tp.yes()
	r.TimeLimit = one(tp, 0, 2*time.Second, -1)
	r.Grace = one(tp, 0, time.Second, -1)
	r.Keep = one(tp, 0, tasks.Newest, tasks.Oldest, tasks.Every(1), tasks.Every(3))
	r.Overlap = one(tp, tasks.Wait, tasks.Skip, tasks.Replace, tasks.Parallel(2), tasks.Parallel(0))
	r.Missed = one(tp, tasks.MissedOnce, tasks.MissedSkip, tasks.MissedAll(2))
	r.Retry = one(tp, tasks.Retry{}, tasks.Retry{Attempts: 2}, tasks.Retry{Attempts: 3, Backoff: 100 * time.Millisecond, Jitter: -1})
	r.OnAbandon = one(tp, tasks.FreeSlot, tasks.HoldSlot, tasks.HoldSlot, tasks.FreeSlot, tasks.HoldSlot, tasks.FreeSlot, tasks.StopApp)
	r.OnLoop = tp.n(4) == 1
	r.Priority = tp.n(3)
	r.Key = one(tp, "", "k", "free")
	r.Volatile = m.disk != nil && tp.n(3) == 1
	return r
}

func (m *mob) trigger(tp *tape) activation.Trigger {
	bell := trigger.Custom("bell", trigger.Always)
	switch tp.n(16) {
	case 1:
		return trigger.Every(time.Duration(1+tp.n(4)) * time.Second).Immediately()
	case 2:
		return trigger.After(tp.nap())
	case 3:
		return trigger.Custom("bell", trigger.Once)
	case 4:
		return m.orders[tp.n(2)]
	case 5:
		return trigger.Offset(trigger.Completion(one(tp, names...), one(tp, trigger.OnAny, trigger.OnSuccess, trigger.OnFailure)), time.Second)
	case 6:
		return trigger.Debounce(bell, time.Second)
	case 7:
		return trigger.Any(trigger.Throttle(bell, 2*time.Second), trigger.Limit(trigger.Every(time.Second), 3))
	case 8:
		return trigger.OneShot(bell)
	case 9:
		return trigger.Window(trigger.Every(4*time.Second), 2*time.Second)
	case 10:
		return trigger.AfterCompletion(time.Second)
	case 11:
		return open{"faulty", func(p activation.Port) { p.Schedule(faulty(tp.n(3))) }}
	case 12, 13, 14:
		return m.own(tp)
	}
	return bell
}

// own is a trigger that does all that a trigger may.
func (m *mob) own(tp *tape) activation.Trigger {
	how := tp.n(8)
	return open{fmt.Sprintf("own %d", how), func(p activation.Port) {
		bg := context.Background()
		p.OnArm(func() {
			m.maybe(bg)
			stop := p.After(time.Duration(how)*time.Second, func() { m.mayPanic(); m.fireBy(bg, "Port.Fire", p.Fire) })
			if how == 3 {
				stop()
			}
		})
		p.OnDisarm(func() { m.maybe(bg) })
		if how%2 == 1 {
			p.Payload()
		}
		if how < 4 {
			return
		}
		p.Go(func(ctx context.Context) error {
			m.entered.Add(1)
			s, err := p.Reserve(ctx)
			if err != nil {
				return nil
			}
			m.sleep(time.Second)
			if ctx.Err() == nil && how > 4 {
				m.fireBy(bg, "Slot.Fire", s.Fire)
			}
			s.Release()
			m.maybe(ctx)
			switch how {
			case 5:
				panic("a source")
			case 6:
				runtime.Goexit()
			}
			if m.inner.more() {
				return errGuilty // it is started again
			}
			return nil
		})
	}}
}

// A faulty schedule breaks its contract.
type faulty int

func (f faulty) Next(ph activation.Phase) (time.Time, bool) {
	switch {
	case ph.N < 2:
		return ph.Registered.Add(time.Duration(ph.N+1) * time.Second), true
	case f == 0:
		panic("a schedule")
	}
	return ph.Last, f == 1
}

func (m *mob) condition(tp *tape) activation.Condition {
	flag := m.flags[tp.n(2)]
	switch tp.n(8) {
	case 1:
		return condition.Func("f", func(ctx context.Context) bool { m.mayPanic(); return m.inner.n(4) > 0 }, time.Second)
	case 2:
		return condition.Not(flag)
	case 3:
		return condition.HeldFor(flag, time.Second)
	case 4:
		return condition.Any(flag, condition.HeldFor(condition.Not(flag), 2*time.Second))
	case 5:
		return conditionFunc(func(report func(bool), p activation.Port) error {
			p.Wanted(func(on bool) {
				report(on)
				m.mayPanic()
				p.After(time.Second, func() { m.entered.Add(1); report(false); m.maybe(context.Background()); report(true) })
			})
			return nil
		})
	case 6:
		return condition.All(flag, m.flags[0])
	}
	return flag
}

// fireBy fires with a bale.
func (m *mob) fireBy(ctx context.Context, how string, fire func(context.Context, any) (activation.Receipt, error)) {
	p := &bale{m: m, how: how}
	m.mu.Lock()
	m.bales = append(m.bales, p)
	m.mu.Unlock()
	var details any = p
	if m.disk != nil && m.inner.n(3) > 0 { // else it is refused, or of a task that is volatile
		details = how
		p.handled.Store(1)
	}
	r, err := fire(context.WithValue(ctx, mark{}, p), details)
	if r.Result == activation.Allowed && err == nil {
		m.mu.Lock()
		m.receipts = append(m.receipts, r)
		m.mu.Unlock()
	}
	p.how = fmt.Sprintf("%s: %v, %v", how, r.Result, err)
	m.allow(how, err, app.ErrUnbound, app.ErrNotRunning, app.ErrNotDurable, app.ErrStore)
}

// allow complains about an error that is none of those.
func (m *mob) allow(what string, err error, list ...error) {
	if err != nil && !slices.ContainsFunc(list, func(e error) bool { return errors.Is(err, e) }) {
		m.Errorf("%s: %v", what, err)
	}
}

func (m *mob) pick(tp *tape) *app.Task {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.handles) == 0 {
		return nil
	}
	// Mostly one of the newest.
	return m.handles[max(0, len(m.handles)-1-tp.n(12))]
}

func (m *mob) receipt(tp *tape) (r activation.Receipt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.receipts) > 0 {
		r = m.receipts[max(0, len(m.receipts)-1-tp.n(8))]
	}
	return r
}

// keep notes a registration.
func (m *mob) keep(t *app.Task) {
	m.mu.Lock()
	known := slices.Contains(m.handles, t)
	if !known {
		m.handles = append(m.handles, t)
	}
	m.mu.Unlock()
	if known {
		return
	}
	t.OnCompleted(func(e event.Event) {
		m.mu.Lock()
		m.completed[e.Activation]++
		m.mu.Unlock()
		m.mayPanic()
	})
}

// A host is the App or its group.
type host interface {
	registrar
	Replace(tasks.Registration) (*app.Task, error)
	Apply([]tasks.Registration) (app.Plan, error)
	Plan([]tasks.Registration) (app.Plan, error)
	Unregister(string, bool)
	Task(string) (*app.Task, bool)
	Explain(string) tasks.Explanation
	Pause()
	Resume()
}

// call makes one call of whatever kind.
func (m *mob) call(ctx context.Context, tp *tape) {
	var on host = m.a
	if tp.n(4) == 1 {
		on = m.lib
	}
	t := m.pick(tp)
	if op := tp.n(64); t == nil || op < 28 {
		m.callHost(tp, on, op)
	} else {
		m.callTask(ctx, tp, t, op)
	}
}

func (m *mob) callHost(tp *tape, on host, op int) {
	refused := []error{app.ErrRegistered, app.ErrExclusive, app.ErrStopped, app.ErrStore}
	switch {
	case op < 11:
		register := on.Register
		if op%2 == 1 {
			register = on.Replace
		}
		t, err := register(m.registration(tp))
		m.allow("Register", err, refused...)
		if err == nil {
			m.keep(t)
		}
	case op < 14:
		var list []tasks.Registration
		for range tp.n(3) {
			list = append(list, m.registration(tp))
		}
		apply := on.Apply
		if tp.n(4) == 1 {
			apply = on.Plan
		}
		_, err := apply(list)
		m.allow("Apply", err, refused...)
		for _, r := range list {
			if t, ok := on.Task(r.Name); ok {
				m.keep(t)
			}
		}
	case op < 16:
		on.Unregister(one(tp, names...), tp.yes())
	case op == 16:
		on.Pause()
	case op < 20:
		on.Resume()
	case op == 20:
		_ = on.Explain(one(tp, names...)).String()
	case op < 24:
		m.look()
	case op == 24 && tp.n(4) == 1:
		ctx, done := m.within(tp.nap())
		defer done()
		_, _ = m.a.Stop(ctx)
	case op == 25:
		o := m.a.Observe(func(event.Event) { m.mayPanic() })
		m.mu.Lock()
		defer m.mu.Unlock()
		m.tails = append(m.tails, o.Stop)
	case op == 26:
		m.mu.Lock()
		var stop func()
		if len(m.tails) > 0 {
			stop, m.tails = m.tails[0], m.tails[1:]
		}
		m.mu.Unlock()
		if stop != nil {
			stop()
		}
	default:
		for t := range m.a.All() {
			m.keep(t)
		}
	}
}

func (m *mob) callTask(ctx context.Context, tp *tape, t *app.Task, op int) {
	switch {
	case op < 38:
		m.fireBy(ctx, "Task.Fire", t.Fire)
	case op < 40:
		m.fireBy(ctx, "Request", func(ctx context.Context, v any) (activation.Receipt, error) {
			if p, ok := v.(*bale); ok {
				return m.orders[tp.n(2)].Request(ctx, p)
			}
			return t.Fire(ctx, v)
		})
	case op < 43:
		_, err := m.a.Raise(ctx, "bell", nil)
		m.allow("Raise", err, app.ErrNotRunning, app.ErrNotDurable, app.ErrStore)
	case op < 46:
		m.flags[tp.n(2)].Set(tp.n(4) > 0)
	case op == 46:
		t.Pause()
	case op < 49:
		t.Resume()
	case op < 51:
		t.Cancel(activation.Reason(tp.n(14)))
	case op == 51:
		t.Unregister(tp.yes())
	case op < 54:
		m.sane(t.Explain())
	case op < 57:
		wait, done := m.within(tp.nap())
		defer done()
		m.allow("WaitIdle", m.a.WaitIdle(wait), context.Canceled)
	case op == 57:
		wait, done := m.within(tp.nap())
		defer done()
		_ = m.receipt(tp).Wait(wait)
	case op == 58:
		o := t.OnProgress(func(event.Event) { m.mayPanic() })
		m.sleep(tp.nap())
		o.Stop()
	case op < 62:
		m.touch(tp)
	default:
		m.sleep(tp.nap())
	}
}

// look takes a snapshot, in which everything must add up.
func (m *mob) look() {
	s := m.a.Snapshot()
	_ = s.String()
	if s.Illegal > 0 {
		m.Errorf("%d illegal moves", s.Illegal)
	}
	for _, x := range s.Tasks {
		m.sane(x)
	}
}

// sane: every attempt that was started is active or has ended in one way, and
// there are no more of them than may be.
func (m *mob) sane(x tasks.Explanation) {
	_ = x.String()
	c := x.Counts
	ends := c.Succeeded + c.Failed
	for _, n := range c.Canceled {
		ends += n
	}
	for _, i := range x.Active {
		if !i.State.Final() {
			ends++
		}
	}
	if c.Started < ends || c.Started > ends+m.snoozes.Load() {
		m.Errorf("%d attempts started, %d can be told of: %+v", c.Started, ends, x)
	}
	if x.Inherited < 0 || c.Fired < c.Merged {
		m.Errorf("counts: %+v", x)
	}
}

// judge: every accepted activation has one outcome, which everybody was told;
// the counts agree with the events; nothing is left; details that own something
// were let go of once.
func (m *mob) judge(report *app.Report, stopped error) {
	m.look()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.want("the App", m.a.String(), "app(stopped, 0 active)")
	again, err := m.a.Stop(context.Background())
	m.want("Stop again", again == report && fmt.Sprint(err) == fmt.Sprint(stopped), true)
	if m.patient && report.Took > 11*time.Second {
		m.Errorf("Stop took %v", report.Took)
	}
	for _, e := range report.Instances {
		if !e.State.Final() {
			m.Errorf("report: %v", e)
		}
	}
	outcomes := m.audit()
	for _, r := range m.receipts {
		err := r.Wait(context.Background())
		if told, ok := outcomes[r.ID]; ok && told != err { //nolint:errorlint // the very same
			m.Errorf("activation %d: receipt says %v, Completed said %v", r.ID, err, told)
		} else if outcomes != nil && !ok {
			m.Errorf("activation %d was accepted and not completed", r.ID)
		}
	}
	for id, n := range m.completed {
		if n != 1 {
			m.Errorf("activation %d was completed %d times", id, n)
		}
	}
	for i, p := range m.bales {
		if h, d := p.handled.Load(), p.dropped.Load(); (h > 0) == (d > 0) || d > 1 {
			m.Errorf("bale %d of %d (%s): reached handlers %d times, dropped %d times", i, len(m.bales), p.how, h, d)
		}
	}
}

// audit goes through all events and returns the outcomes that were told; none
// if some events were not.
func (m *mob) audit() map[uint64]error {
	if m.ledger.Dropped() > 0 || m.disk != nil { // what was not stored is not told
		return nil
	}
	type sums struct{ fired, merged, refused, started uint64 }
	var (
		ids      = map[string]uint64{} // of the registrations that stand
		regs     = map[uint64]*sums{}
		of       = map[uint64]*sums{} // by activation
		started  = map[uint64]int{}
		ended    = map[uint64]int{}
		left     = map[uint64]int{}
		outcomes = map[uint64]error{}
	)
	for _, e := range m.events {
		key := e.Group + "/" + e.Task
		_, over := outcomes[e.Activation]
		bad := false
		switch e.Kind {
		case event.Registered:
			ids[key], regs[e.N] = e.N, new(sums)
		case event.Fired:
			bad = of[e.Activation] != nil
			of[e.Activation] = regs[ids[key]]
			of[e.Activation].fired++
		case event.Merged:
			bad = over
			of[e.Activation].fired++
			of[e.Activation].merged++
		case event.Refused:
			regs[ids[key]].refused++
		case event.Started:
			bad = over || of[e.Activation] == nil || started[e.Instance] > 0
			started[e.Instance]++
			of[e.Activation].started++
		case event.Ended:
			ended[e.Instance]++
			bad = over || started[e.Instance] != 1 || ended[e.Instance] > 1
		case event.Abandoned, event.Released:
			left[2*e.Instance+uint64(e.Kind-event.Abandoned)]++
			bad = left[2*e.Instance+uint64(e.Kind-event.Abandoned)] > 1
		case event.Completed:
			bad = over || of[e.Activation] == nil
			outcomes[e.Activation] = e.Err
		default:
		}
		if bad {
			m.Errorf("out of order: %v", e)
		}
	}
	m.want("attempts ended", len(ended), len(started))
	m.want("activations completed", len(outcomes), len(of))
	for _, t := range m.handles {
		x := t.Explain()
		m.sane(x)
		c := x.Counts
		if s := regs[t.ID()]; *s != (sums{c.Fired, c.Merged, c.Refused, c.Started}) {
			m.Errorf("%v: events say %+v, counts say %+v", t, *s, c)
		}
		if len(x.Pending)+len(x.Active)+x.Inherited > 0 {
			m.Errorf("left: %+v", x)
		}
	}
	return outcomes
}

package app_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// A keepsake is what a handler's user keeps of an instance, to use it at any
// time: while it runs, at its very end, and long after.
type keepsake struct {
	m       *mob
	in      *tasks.Instance
	ctx     context.Context //nolint:containedctx // what is kept
	d       atomic.Pointer[deferral.Deferral]
	name    string
	group   string
	id      uint64
	act     uint64
	attempt int
	details any
	over    atomic.Bool // its end was told before the last look
}

// late is a report of progress that nobody may be told.
const late = 1 << 62

// keepInstance notes an instance that runs.
func (m *mob) keepInstance(ctx context.Context, in *tasks.Instance) *keepsake {
	k := &keepsake{
		m: m, in: in, ctx: ctx, name: in.Name(), group: in.Group(), id: in.ID(), act: in.Activation(),
		attempt: in.Attempt(), details: in.Details(),
	}
	if k.id == 0 || k.act == 0 || k.attempt == 0 {
		m.Errorf("a handler is called with instance %d, activation %d, attempt %d", k.id, k.act, k.attempt)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.kept, func(o *keepsake) bool { return o.id == k.id || o.in == in }) {
		m.Errorf("instance %d is there twice", k.id)
	}
	m.kept = append(m.kept, k)
	return k
}

// ends is called when the handler returns: its context has not ended unless it
// was told so.
func (k *keepsake) ends() {
	k.same("at the end")
	if k.ctx.Err() != nil {
		k.m.mu.Lock()
		defer k.m.mu.Unlock()
		k.m.cut = append(k.m.cut, k)
	}
}

// isOver reports whether the end of the instance was told.
func (k *keepsake) isOver() bool {
	if !k.over.Load() {
		k.m.mu.Lock()
		defer k.m.mu.Unlock()
		k.over.Store(k.m.endedInst[k.id])
	}
	return k.over.Load()
}

// same: it answers for itself, whenever it is asked.
func (k *keepsake) same(when string) {
	in := k.in
	got := fmt.Sprint(in.Group(), in.Name(), in.ID(), in.Activation(), in.Attempt())
	if want := fmt.Sprint(k.group, k.name, k.id, k.act, k.attempt); got != want {
		k.m.Errorf("%s: it is %s, and was %s", when, got, want)
	}
	if in.Details() != k.details {
		k.m.Errorf("%s: instance %d has the details %v, and had %v", when, k.id, in.Details(), k.details)
	}
	p, fired := k.details.(*bale)
	if v := k.ctx.Value(mark{}); v != nil && fired && v != p && in.Merged() == 1 {
		k.m.Errorf("%s: instance %d has the values of %v with the details %v", when, k.id, v, k.details)
	}
}

// stale: what is over says so to everything, and does nothing.
func (k *keepsake) stale(when string) {
	k.same(when)
	run := func(context.Context) error { k.m.Errorf("%s: instance %d ran a function", when, k.id); return nil }
	_, err := k.in.Deferral("late")
	for i, err := range []error{
		err,
		k.in.Canceled(func(activation.Reason) { k.m.Errorf("%s: instance %d was canceled", when, k.id) }),
		k.in.Go(run),
		k.in.Sleep(time.Hour),
		k.in.Await(run),
	} {
		k.wantGone(fmt.Sprint(when, " call ", i), err)
	}
	k.in.Progress(late | k.id)
	if _, limited := k.in.Deadline(); limited {
		k.m.Errorf("%s: instance %d has a deadline", when, k.id)
	}
	if err := k.ctx.Err(); err != context.Canceled {
		k.m.Errorf("%s: instance %d: the context's error is %v", when, k.id, err)
	}
	select {
	case <-k.ctx.Done():
	default:
		k.m.Errorf("%s: instance %d: the context is not done", when, k.id)
	}
	if due := k.in.Due(); !due.IsZero() {
		k.m.Errorf("%s: instance %d was due at %v", when, k.id, due)
	}
	_ = k.in.Log()
	k.d.Load().Complete()
}

// wantGone: the answer of an instance that is over is that it is.
func (k *keepsake) wantGone(what string, err error) {
	if !errors.Is(err, tasks.ErrOver) {
		k.m.Errorf("%s: instance %d is over and says %v", what, k.id, err)
	}
}

// touch uses something that was kept, at whatever time that is.
func (m *mob) touch(tp *tape) {
	m.mu.Lock()
	var k *keepsake
	if n := len(m.kept); n > 0 {
		k = m.kept[max(0, n-1-tp.n(16))]
	}
	m.mu.Unlock()
	if k == nil {
		return
	}
	if k.isOver() {
		k.stale("later")
		return
	}
	nap := tp.nap()
	inside := func(ctx context.Context) error {
		k.same("inside")
		m.sleep(nap)
		k.same("inside, later")
		return ctx.Err()
	}
	switch tp.n(8) {
	case 0:
		if d, err := k.in.Deferral("from elsewhere"); err == nil {
			m.sleep(nap)
			d.Complete()
		}
	case 1:
		_ = k.in.Go(inside)
	case 2:
		_ = k.in.Await(inside)
	case 3:
		_ = k.in.Canceled(func(activation.Reason) { k.same("canceled") })
	case 4:
		k.in.Progress(uint64(nap))
	case 5:
		<-k.done(nap)
	case 6:
		m.fireBy(k.ctx, "Task.Fire with a kept context", func(ctx context.Context, v any) (activation.Receipt, error) {
			t := m.pick(tp)
			if t == nil {
				if p, ok := v.(*bale); ok {
					p.Drop()
				}
				return activation.Receipt{Result: activation.DisabledByPolicy}, nil
			}
			return t.Fire(ctx, v)
		})
	default:
		_, _ = k.in.Deadline()
		_ = k.in.Due()
		k.d.Load().Complete()
	}
	k.same("afterwards")
}

// done is closed after d.
func (k *keepsake) done(d time.Duration) <-chan struct{} {
	_ = k.ctx.Done() // it is made while others may end it
	k.m.sleep(d)
	over := make(chan struct{})
	close(over)
	return over
}

// judgeKept: at the end, all that was kept is of the past, and no handler's
// context ended without a reason. m.mu is not held.
func (m *mob) judgeKept(unfinished int) {
	m.mu.Lock()
	kept, cut := m.kept, m.cut
	m.mu.Unlock()
	for _, k := range kept {
		if k.isOver() || unfinished == 0 && m.ledger.Dropped() == 0 {
			k.stale("after Stop")
			if err := m.a.WaitIdle(k.ctx); unfinished == 0 && errors.Is(err, app.ErrInHandler) {
				m.Errorf("after Stop: instance %d is taken for one that runs", k.id)
			}
		}
	}
	if m.ledger.Dropped() > 0 {
		return
	}
	m.sleep(time.Second) // what was late may be told until then
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.events {
		if e.Kind == event.Progressed && e.N >= late {
			m.Errorf("progress of instance %d was told after its end: %v", e.N-late, e)
		}
	}
	if m.disk != nil {
		return
	}
	for _, k := range cut {
		told := slices.ContainsFunc(m.events, func(e event.Event) bool {
			return e.Instance == k.id && (e.Kind == event.Canceling || e.Kind == event.Abandoned)
		})
		if !told {
			m.Errorf("the context of instance %d ended, and nobody was told why", k.id)
		}
	}
}

// sync is what the disk does: mostly its work.
func (m *mob) sync(context.Context, []store.Record) error {
	switch m.inner.n(16) {
	case 1, 2:
		m.sleep(m.inner.nap())
	case 3, 4:
		return errGuilty
	case 5:
		panic("a store")
	case 6:
		runtime.Goexit()
	case 7:
		m.sleep(24 * time.Hour)
	}
	return nil
}

// liveAgain: whatever was stored can be read, and goes on in the next life.
func (m *mob) liveAgain() {
	if m.disk == nil {
		return
	}
	a := m.newApp(app.WithStore(m.disk.Crash(0)))
	for _, on := range []host{a, a.Group("lib")} {
		for _, name := range names {
			_, err := on.Register(tasks.Registration{Name: name, Trigger: never("")})
			m.allow("Register in the next life", err)
		}
	}
	ran := atomic.Int64{}
	quick := tasks.HandlerFunc(func(_ context.Context, in *tasks.Instance) error {
		ran.Add(1)
		if _, isBale := in.Details().(*bale); isBale {
			m.Error("what owns something was stored")
		}
		return nil
	})
	for _, name := range names {
		a.Handle(name, quick)
		a.Group("lib").Handle(name, quick)
	}
	m.allow("Start in the next life", a.Start(context.Background()))
	a.Resume()
	m.sleep(48 * time.Hour)
	s := a.Snapshot()
	for _, x := range s.Tasks {
		_ = x.String()
		if len(x.Active) > 0 || len(x.Pending) > 0 && !x.Paused {
			m.Errorf("in the next life it does not come to rest: %+v", x)
		}
	}
	_, err := a.Stop(context.Background())
	m.allow("Stop in the next life", err)
}

package app_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

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

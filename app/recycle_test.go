package app_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/deferral"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

type mark struct{}

// A relic is all that a handler's user may keep of an activation that is over.
type relic struct {
	name    string
	id      uint64 // of the activation
	details any
	outcome error
	in      *tasks.Instance
	ctx     context.Context //nolint:containedctx // what is kept
	d       *deferral.Deferral
	receipt activation.Receipt
}

// check asks the relic for everything; each answer is that of its own end.
func (r *relic) check(l *land, when string) {
	l.Helper()
	what := func(call string) string { return fmt.Sprintf("%s of %q: %s", when, r.name, call) }
	run := func(context.Context) error { l.Error(what("it ran a function")); return nil }
	late, err := r.in.Deferral("late")
	for call, err := range map[string]error{
		"Deferral": err,
		"Canceled": r.in.Canceled(func(activation.Reason) { l.Error(what("it was canceled")) }),
		"Sleep":    r.in.Sleep(time.Hour),
		"Go":       r.in.Go(run),
		"Await":    r.in.Await(run),
	} {
		if !errors.Is(err, tasks.ErrOver) {
			l.Errorf("%s: got %v, want ErrOver", what(call), err)
		}
	}
	r.in.Progress(666)
	l.want(what("Complete of a late deferral"), late.Complete(), false)
	l.want(what("Complete"), r.d.Complete(), false)
	l.want(what("Name"), r.in.Name(), "t")
	l.want(what("Activation"), r.in.Activation(), r.id)
	l.want(what("Details"), r.in.Details(), r.details)
	l.want(what("Receipt.ID"), r.receipt.ID, r.id)
	l.want(what("Err"), r.ctx.Err(), context.Canceled)
	l.want(what("Value"), r.ctx.Value(mark{}), r.details)
	cause := error(tasks.ErrOver)
	if errors.Is(r.outcome, activation.Abort) {
		cause = activation.Abort
	}
	l.want(what("Cause"), context.Cause(r.ctx), cause)
	l.want(what("Wait"), errors.Is(r.receipt.Wait(context.Background()), r.outcome), true)
}

// Whatever was kept of activations that are over answers for them, and harms
// nothing, however often what is behind it has served others since.
func TestWhatIsKeptOfAnEndStaysOfThatEnd(t *testing.T) {
	everywhere(t, func(l *land) {
		a := l.newApp()
		l.start(a)
		stale := 0
		a.Observe(func(e event.Event) {
			if e.Kind == event.Progressed && e.N == 666 {
				stale++
			}
		})
		var relics []*relic
		var now *relic
		task := l.add(a, tasks.Registration{Name: "t", Overlap: tasks.Parallel(0)}, func(ctx context.Context, in *tasks.Instance) error {
			d, err := in.Deferral("mine")
			if err != nil {
				return err
			}
			defer d.Complete()
			for _, r := range relics {
				r.check(l, "in another")
			}
			if r := now; r != nil {
				r.in, r.ctx, r.d = in, ctx, d
				if errors.Is(r.outcome, activation.Abort) {
					return in.Sleep(time.Hour)
				}
				return r.outcome
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			return in.Go(func(context.Context) error { return ctx.Err() })
		})
		fire := func(details any) activation.Receipt {
			r, err := task.Fire(context.WithValue(context.Background(), mark{}, details), details)
			l.want("Fire", err, nil)
			return r
		}
		for i, outcome := range []error{nil, errGuilty, activation.Abort} {
			now = &relic{name: fmt.Sprint(outcome), details: i, outcome: outcome}
			now.receipt = fire(i)
			now.id = now.receipt.ID
			l.idle(a)
			task.Cancel(activation.Abort)
			l.idle(a)
			relics = append(relics, now)
			for _, r := range relics {
				r.check(l, "at once")
			}
		}
		now = nil
		for range fewer(1000) {
			first, second := fire(nil), fire(nil)
			for _, r := range []activation.Receipt{second, first} {
				if err := r.Wait(context.Background()); err != nil {
					l.Fatalf("activation %d: %v", r.ID, err)
				}
			}
		}
		l.idle(a)
		for _, r := range relics {
			r.check(l, "after all")
		}
		l.want("late progress", stale, 0)
		l.stop(a)
	})
}

// When it was due and how long it had are asked of an instance that runs. One
// that failed with a deferral open, was canceled or abandoned has no more of
// either than one that came to a good end.
func TestWhatIsOverHasNoDeadline(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(in *tasks.Instance) error
	}{
		{"returned", func(*tasks.Instance) error { return nil }},
		{"failed with a deferral open", func(in *tasks.Instance) error {
			_, err := in.Deferral("forgotten")
			return errors.Join(errGuilty, err)
		}},
		{"canceled", func(in *tasks.Instance) error { return in.Sleep(time.Hour) }},
		{"abandoned", func(in *tasks.Instance) error { _, err := in.Deferral("forgotten"); return err }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, func(l *land) {
				a := l.newApp()
				var kept *tasks.Instance
				task := l.add(a, tasks.Registration{Name: "t", TimeLimit: time.Minute, Grace: time.Second},
					func(_ context.Context, in *tasks.Instance) error {
						kept = in
						if at, limited := in.Deadline(); !limited || at.IsZero() || in.Due().IsZero() {
							l.Errorf("while it runs: due %v, deadline %v", in.Due(), at)
						}
						return tt.end(in)
					})
				l.start(a)
				l.fire(task, nil)
				l.pass(2 * time.Minute)
				l.want("Go", fmt.Sprint(kept.Go(nil)), tasks.ErrOver.Error())
				if at, limited := kept.Deadline(); limited || !at.IsZero() || !kept.Due().IsZero() {
					l.Errorf("afterwards: due %v, deadline %v", kept.Due(), at)
				}
				l.stop(a)
			})
		})
	}
}

// An activation costs what leaves the App, which is never used again, and
// nothing else.
func TestSteadyStateAllocates(t *testing.T) {
	if raced() {
		t.Skip("the race detector allocates")
	}
	over := make(chan struct{}, 1)
	straight := func(context.Context, *tasks.Instance) error { over <- struct{}{}; return nil }
	tests := []struct {
		name    string
		r       tasks.Registration
		h       tasks.HandlerFunc
		observe bool
		most    float64 // allocations
		bytes   uint64
	}{
		{"plain", tasks.Registration{}, straight, false, 1, 80},
		{"with a limit", tasks.Registration{TimeLimit: time.Minute}, straight, false, 1, 80},
		{"observed", tasks.Registration{TimeLimit: time.Minute}, straight, true, 1.1, 400},
		{"on the loop", tasks.Registration{OnLoop: true}, straight, false, 1, 80},
		{"with a deferral", tasks.Registration{}, func(_ context.Context, in *tasks.Instance) error {
			d, err := in.Deferral("mine")
			d.Complete()
			over <- struct{}{}
			return err
		}, false, 2, 176},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := app.New()
			if tt.observe {
				a.Observe(func(event.Event) {})
			}
			tt.r.Name, tt.r.Trigger, tt.r.Overlap = "t", never(""), tasks.Parallel(0)
			a.Handle("t", tt.h)
			task, err := a.Register(tt.r)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer func() { _, _ = a.Stop(context.Background()) }()
			fire := func() {
				if _, err := task.Fire(context.Background(), over); err != nil {
					t.Error(err)
				}
				<-over
			}
			for range 100 { // until there is enough of everything
				fire()
			}
			n, bytes := allocated(500, fire)
			for range 20 { // who has to wait for the owner needs a park; take a run without
				m, b := allocated(500, fire)
				n, bytes = min(n, m), min(bytes, b)
			}
			if n > tt.most+0.1 || bytes > tt.bytes+8 {
				t.Errorf("%.2f allocations of %d bytes, want at most %v of %d", n, bytes, tt.most, tt.bytes)
			}
		})
	}
}

// allocated is how often f allocates in the whole program, and how much.
func allocated(runs int, f func()) (n float64, bytes uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(runs), (after.TotalAlloc - before.TotalAlloc) / uint64(runs)
}

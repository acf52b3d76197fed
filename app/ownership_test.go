package app_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// fewer is n, or a part of it where everything takes longer.
func fewer(n int) int {
	if testing.Short() || raced() {
		return n / 10
	}
	return n
}

// Eight producers fire one task as fast as they can, so that the ownership of
// the engine changes hands all the time: nothing is lost, nothing is done
// twice, and what one of them fires is accepted in its order.
func TestContendedFirings(t *testing.T) {
	const producers = 8
	each := fewer(20_000)
	tests := []struct {
		name    string
		overlap tasks.Overlap
	}{
		{"one at a time", tasks.Wait},
		{"side by side", tasks.Parallel(0)},
	}
	type order struct{ producer, n int }
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLand(t, nil, nil, nil)
			a := app.New(app.WithLogger(l.log.logger()))
			var ran [producers][]atomic.Int32
			var last [producers]int // written by one handler at a time
			for p := range ran {
				ran[p], last[p] = make([]atomic.Int32, each), -1
			}
			task := l.add(a, tasks.Registration{Name: "t", Keep: tasks.Every(producers * each), Overlap: tt.overlap},
				func(_ context.Context, in *tasks.Instance) error {
					o := in.Details().(order)
					ran[o.producer][o.n].Add(1)
					if tt.overlap == tasks.Wait {
						if o.n != last[o.producer]+1 {
							t.Errorf("producer %d: %d ran after %d", o.producer, o.n, last[o.producer])
						}
						last[o.producer] = o.n
					}
					return nil
				})
			completed := make([]int, producers*each+1)
			task.OnCompleted(func(e event.Event) { completed[e.Activation]++ })
			l.start(a)
			var receipts [producers][]activation.Receipt
			var firing errgroup.Group
			for p := range producers {
				firing.Go(func() error {
					for n := range each {
						r, err := task.Fire(context.Background(), order{p, n})
						if err != nil || r.Result != activation.Allowed {
							return fmt.Errorf("producer %d, firing %d: %v, %w", p, n, r.Result, err)
						}
						receipts[p] = append(receipts[p], r)
					}
					return nil
				})
			}
			if err := firing.Wait(); err != nil {
				t.Fatal(err)
			}
			for p, all := range receipts {
				if !slices.IsSortedFunc(all, func(x, y activation.Receipt) int { return int(x.ID) - int(y.ID) }) {
					t.Errorf("producer %d: firings were accepted out of order", p)
				}
				for _, r := range all {
					if err := r.Wait(context.Background()); err != nil {
						t.Fatalf("activation %d: %v", r.ID, err)
					}
				}
				for n := range ran[p] {
					if times := ran[p][n].Load(); times != 1 {
						t.Fatalf("producer %d: firing %d ran %d times", p, n, times)
					}
				}
			}
			l.stop(a)
			for id, n := range completed[1:] {
				if n != 1 {
					t.Fatalf("activation %d was completed %d times", id+1, n)
				}
			}
		})
	}
}

// A handler that blocks holds back its own task only: thousands of firings pile
// up behind it and beside it, other tasks are served, and when it ends the rest
// follow in order.
func TestBacklogBehindABlockedHandler(t *testing.T) {
	const backlog = 4000
	l := newLand(t, nil, nil, nil)
	a := app.New(app.WithLogger(l.log.logger()))
	entered, release := make(chan struct{}), make(chan struct{})
	var order []int
	blocked := l.add(a, tasks.Registration{Name: "blocked", Keep: tasks.Every(backlog)}, func(_ context.Context, in *tasks.Instance) error {
		if in.Activation() == 1 {
			close(entered)
			<-release
			return nil
		}
		order = append(order, in.Details().(int))
		return nil
	})
	var others atomic.Int32
	other := l.add(a, tasks.Registration{Name: "other", Keep: tasks.Every(backlog)}, func(context.Context, *tasks.Instance) error {
		others.Add(1)
		return nil
	})
	l.start(a)
	l.fire(blocked, -1)
	<-entered
	var last [2]activation.Receipt
	for n := range backlog {
		last[0], last[1] = l.fire(blocked, n), l.fire(other, n)
	}
	if r, err := blocked.Fire(context.Background(), nil); r.Result != activation.CurrentlyRunning || err != nil {
		t.Errorf("one too many: %v, %v", r.Result, err)
	}
	if err := last[1].Wait(context.Background()); err != nil || others.Load() != backlog {
		t.Errorf("the other task: %d of %d ran, %v", others.Load(), backlog, err)
	}
	l.want("ran behind the blocked one", len(order), 0)
	close(release)
	if err := last[0].Wait(context.Background()); err != nil {
		t.Error(err)
	}
	l.stop(a)
	if len(order) != backlog || !slices.IsSorted(order) {
		t.Errorf("%d of %d ran, in order: %t", len(order), backlog, slices.IsSorted(order))
	}
}

// A cargo is details that must be let go of, exactly once: by a handler, or by
// Drop.
type cargo struct {
	seed uint64
	gone atomic.Int32
}

func (c *cargo) Drop() { c.gone.Add(1) }

// A riot is an App and everybody who calls it at once, as chance will have it.
type riot struct {
	*land
	a    *app.App
	net  *condition.Flag
	lots [4]string

	mu        sync.Mutex // guards the following
	tasks     [4]*app.Task
	receipts  []activation.Receipt
	completed map[uint64]int
	cargoes   []*cargo
}

// answer is the handler of all tasks. What it does is decided by its cargo.
func (r *riot) answer(ctx context.Context, in *tasks.Instance) error {
	seed := in.Activation()
	if c, ok := in.Details().(*cargo); ok {
		c.gone.Add(1)
		seed = c.seed
	}
	rnd := rand.New(rand.NewPCG(seed, 1))
	nap := func() time.Duration { return time.Duration(rnd.IntN(3000)) * time.Millisecond }
	in.Progress(seed)
	switch rnd.IntN(14) {
	case 0, 1:
		return in.Sleep(nap())
	case 2:
		d := nap()
		return in.Go(func(context.Context) error { return in.Sleep(d) })
	case 3:
		d := nap()
		return in.Await(func(context.Context) error { r.sleep(d); return nil })
	case 4:
		d, err := in.Deferral("foreign")
		hold := nap()
		r.spawn(func() { r.sleep(hold); d.Complete(); d.Complete() })
		return err
	case 5:
		panic("riot")
	case 6:
		runtime.Goexit()
	case 7:
		d, _ := in.Deferral("fails")
		hold := nap()
		r.spawn(func() { r.sleep(hold); d.Complete() })
		return errGuilty
	case 8:
		r.sleep(3 * nap()) // deaf
	case 9:
		_ = in.Canceled(func(activation.Reason) { in.Progress(0) })
		return in.Sleep(nap())
	case 10:
		r.fireOne(ctx, rnd)
	case 11:
		if t, ok := r.a.Task(in.Name()); ok {
			t.Cancel(activation.IdleTask)
		}
		return context.Cause(ctx)
	case 12:
		if err := r.a.WaitIdle(ctx); !errors.Is(err, app.ErrInHandler) && ctx.Err() == nil {
			r.Errorf("WaitIdle with a handler's context: %v", err)
		}
	}
	return nil
}

func (r *riot) pick(rnd *rand.Rand) (int, *app.Task) {
	i := rnd.IntN(len(r.tasks))
	r.mu.Lock()
	defer r.mu.Unlock()
	return i, r.tasks[i]
}

func (r *riot) fireOne(ctx context.Context, rnd *rand.Rand) {
	_, t := r.pick(rnd)
	c := &cargo{seed: rnd.Uint64()}
	receipt, err := t.Fire(ctx, c)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cargoes = append(r.cargoes, c)
	switch {
	case err != nil:
		if !errors.Is(err, app.ErrUnbound) && !errors.Is(err, app.ErrNotRunning) {
			r.Errorf("Fire: %v", err)
		}
	case receipt.Result == activation.Allowed:
		r.receipts = append(r.receipts, receipt)
	}
}

// put registers a task anew, in place of what is there or not.
func (r *riot) put(i int, rnd *rand.Rand, register func(tasks.Registration) (*app.Task, error)) {
	t, err := register(tasks.Registration{
		Name:                r.lots[i],
		Trigger:             []activation.Trigger{silent(), trigger.Every(time.Duration(1+rnd.IntN(5)) * time.Second), trigger.Custom("bell", trigger.Always)}[rnd.IntN(3)],
		Conditions:          [][]activation.Condition{nil, {r.net}}[rnd.IntN(2)],
		KeepOnConditionLoss: rnd.IntN(2) == 0,
		TimeLimit:           []time.Duration{0, 2 * time.Second}[rnd.IntN(2)],
		Grace:               []time.Duration{0, time.Second, -1}[rnd.IntN(3)],
		Keep:                []tasks.Keep{0, tasks.Newest, tasks.Every(1 + rnd.IntN(4))}[rnd.IntN(3)],
		Overlap:             []tasks.Overlap{tasks.Wait, tasks.Parallel(0), tasks.Parallel(2)}[rnd.IntN(3)],
	})
	if err != nil {
		if !errors.Is(err, app.ErrRegistered) && !errors.Is(err, app.ErrStopped) {
			r.Errorf("register: %v", err)
		}
		return
	}
	t.OnCompleted(func(e event.Event) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.completed[e.Activation]++
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tasks[i] = t
}

// step makes one call of whatever kind.
func (r *riot) step(rnd *rand.Rand) {
	ctx := context.Background()
	i, t := r.pick(rnd)
	switch n := rnd.IntN(100); {
	case n < 35:
		r.fireOne(ctx, rnd)
	case n < 40:
		t.Pause()
	case n < 48:
		t.Resume()
	case n < 56:
		r.net.Set(rnd.IntN(3) > 0)
	case n < 62:
		t.Cancel(activation.Reason(rnd.IntN(14)))
	case n < 66:
		t.Unregister(rnd.IntN(2) == 0)
	case n < 70:
		r.a.Unregister(r.lots[i], rnd.IntN(2) == 0)
	case n < 76:
		r.put(i, rnd, r.a.Register)
	case n < 80:
		r.put(i, rnd, r.a.Replace)
	case n < 83:
		if err := r.a.WaitIdle(ctx); err != nil {
			r.Errorf("WaitIdle: %v", err)
		}
	case n < 86:
		o := r.a.Observe(func(e event.Event) {
			if e.Activation%50 == 1 {
				panic("observer")
			}
		})
		r.sleep(time.Duration(rnd.IntN(2000)) * time.Millisecond)
		o.Stop()
	case n < 88:
		t.OnProgress(func(event.Event) {})
	case n < 91:
		_, _ = r.a.Raise(ctx, "bell", nil)
	case n < 94:
		r.mu.Lock()
		var some activation.Receipt
		if len(r.receipts) > 0 {
			some = r.receipts[rnd.IntN(len(r.receipts))]
		}
		r.mu.Unlock()
		_ = some.Wait(ended())
	case n < 96:
		for t := range r.a.All() {
			_ = t.String()
		}
	default:
		r.sleep(time.Duration(rnd.IntN(1500)) * time.Millisecond)
	}
}

// Whatever several goroutines do to an App at once, in whatever order: nothing
// hangs, every accepted activation is completed exactly once, and what owns
// something is let go of exactly once.
func TestRiot(t *testing.T) {
	const rioters = 6
	steps := fewer(2500)
	story := func(seed uint64) func(*land) {
		return func(l *land) {
			r := &riot{
				land: l, a: l.newApp(), net: condition.NewFlag("net", true),
				lots: [4]string{"a", "b", "c", "d"}, completed: map[uint64]int{},
			}
			rnd := rand.New(rand.NewPCG(seed, 0))
			for i, name := range r.lots {
				r.a.HandleFunc(name, r.answer)
				r.put(i, rnd, r.a.Register)
			}
			r.a.Observe(func(e event.Event) {
				if e.Kind == event.Faulted {
					l.Errorf("%v", e)
				}
			})
			l.start(r.a)
			left := rioters
			for i := range rioters {
				rnd := rand.New(rand.NewPCG(seed, uint64(i+2)))
				l.spawn(func() {
					for range steps / rioters {
						r.step(rnd)
					}
					r.mu.Lock()
					defer r.mu.Unlock()
					left--
				})
			}
			// Stop comes in the middle of it, or in the end.
			for n, over := 0, false; !over; n++ {
				l.sleep(10 * time.Second)
				r.mu.Lock()
				over = left == 0 || seed%3 == 0 && n == 5
				r.mu.Unlock()
			}
			report, _ := r.a.Stop(context.Background())
			l.want("untold", report.Untold, 0)
			l.want("unfinished", report.Unfinished, 0)
			for n := 0; left > 0 && n < 1000; n++ { // the rest of the rioters meet an App that has stopped
				l.sleep(10 * time.Second)
			}
			l.sleep(time.Hour)
			r.judge()
		}
	}
	for seed := range uint64(fewer(20)) {
		t.Run(fmt.Sprintf("goroutines seed=%d", seed), func(t *testing.T) { inLandOfGoroutines(t, story(seed)) })
		t.Run(fmt.Sprintf("coroutines seed=%d", seed), func(t *testing.T) { inLandOfCoroutines(t, seed, story(seed)) })
	}
}

func (r *riot) judge() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.want("the App", r.a.String(), "app(stopped, 0 active)")
	for _, x := range r.receipts {
		if n := r.completed[x.ID]; n != 1 {
			r.Errorf("activation %d was completed %d times", x.ID, n)
		}
		_ = x.Wait(context.Background()) // returns
	}
	for id, n := range r.completed {
		if n != 1 {
			r.Errorf("activation %d was completed %d times", id, n)
		}
	}
	for i, c := range r.cargoes {
		if n := c.gone.Load(); n != 1 {
			r.Errorf("cargo %d of %d: let go of %d times", i, len(r.cargoes), n)
		}
	}
	if len(r.receipts) < len(r.cargoes)/10 {
		r.Errorf("a tame riot: %d firings were accepted", len(r.receipts))
	}
}

// A handler on the loop knows from its first line when its time limit is, however
// busy the engine is with others.
func TestEveryTurnKnowsItsDeadline(t *testing.T) {
	const producers = 4
	each := fewer(5_000)
	l := newLand(t, nil, nil, nil)
	a := app.New(app.WithLogger(l.log.logger()))
	var turns, unknown int // written by one handler at a time
	task := l.add(a, tasks.Registration{Name: "t", OnLoop: true, Overlap: tasks.Parallel(0), TimeLimit: time.Hour},
		func(_ context.Context, in *tasks.Instance) error {
			turns++
			if _, ok := in.Deadline(); !ok {
				unknown++
			}
			return nil
		})
	l.start(a)
	var firing errgroup.Group
	for range producers {
		firing.Go(func() error {
			for range each {
				if _, err := task.Fire(context.Background(), nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := firing.Wait(); err != nil {
		t.Fatal(err)
	}
	l.idle(a)
	if turns != producers*each || unknown > 0 {
		t.Errorf("of %d turns, of %d wanted, %d did not know their deadline", turns, producers*each, unknown)
	}
	l.stop(a)
}

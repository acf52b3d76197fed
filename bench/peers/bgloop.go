package peers

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// bgloop gives each run an ID, a lifecycle, a context that can be canceled with a
// reason, a handler found by name, recovery from panics, a warning after 30
// seconds, counters, a history, and a stop that is bounded and reports.
func bgloop() []Contender {
	parallel := tasks.Registration{Overlap: tasks.Parallel(0)}
	inOrder := tasks.Registration{Keep: tasks.Every(1 << 20)}
	limited := tasks.Registration{Overlap: tasks.Parallel(0), TimeLimit: time.Minute}
	onLoop := tasks.Registration{Overlap: tasks.Parallel(0), OnLoop: true}
	mode := func(name, gives string, open func() (Dispatcher, error)) Contender {
		return Contender{Name: "bgloop: " + name, Kind: Ours, Gives: gives, Dispatch: open}
	}
	waits := mode("receipt", "as fire; its callers wait with Receipt.Wait, so for the engine's bookkeeping too", newReceipts)
	waits.Most, waits.Cannot = map[Ability]int{OpenLoop: 0}, map[Ability]string{OpenLoop: "its callers wait"}
	return []Contender{
		{
			Name: "bgloop", Kind: Ours,
			Gives: "ID, lifecycle, conditions, canceling with a reason, recovery, counters, history, a stop with a report",
			Time:  func() (Timetable, error) { return newTimed(tasks.Registration{}) }, Register: newTasks,
			Recur:   func(beat func(int64)) (Recurring, error) { return newRecurring(beat) },
			Virtual: newSimulation, Years: virtualYear, Lead: setting,
			Durable: newDurable,
		},
		{
			Name: "bgloop, precise", Kind: Ours, Gives: "as bgloop, on clock.Precise: a timerfd in place of the runtime's timers",
			Time: func() (Timetable, error) { return newTimed(tasks.Registration{}, app.WithClock(clock.Precise())) }, Lead: setting,
			Recur: func(beat func(int64)) (Recurring, error) { return newRecurring(beat, app.WithClock(clock.Precise())) },
		},
		{
			Name: "bgloop, on the loop", Kind: Ours, Gives: "as bgloop; handlers run one at a time on one goroutine",
			Time: func() (Timetable, error) { return newTimed(tasks.Registration{OnLoop: true}) }, Lead: setting,
		},
		mode("fire", "a task is fired by its handle; runs overlap without bound", opener(parallel, straight, nil)),
		mode("fire, no latency", "as fire, without histograms of how long things took",
			opener(parallel, straight, nil, app.WithoutLatency())),
		mode("fire by name", "as fire; the task is looked up among 64", newByName),
		mode("request", "as fire, by an application trigger with typed details", newRequests),
		mode("raise", "as fire, by the name of a custom event", newRaiser),
		waits,
		mode("in order", "as fire; one run at a time, in the order of the firings", opener(inOrder, straight, nil)),
		mode("limit", "as fire, with a time limit", opener(limited, straight, nil)),
		mode("observer", "as fire; an observer is told every event", opener(parallel, straight, func(event.Event) {})),
		mode("limit, observer", "as fire, with a time limit and an observer that is told every event", opener(limited, straight, func(event.Event) {})),
		mode("deferral", "as fire; a deferral is completed on a second goroutine, which signals the end: compare it with go, then go",
			opener(parallel, deferred, nil)),
		mode("on the loop", "as fire; handlers run one at a time on one goroutine", opener(onLoop, straight, nil)),
		mode("on the loop, deferral", "as on the loop, with a deferral as above", opener(onLoop, deferred, nil)),
	}
}

// setting is how long a registration may take.
const setting = 25 * time.Microsecond

// straight is a handler that signals the end.
func straight(_ context.Context, in *tasks.Instance) error {
	in.Details().(*Job).Bare()
	return nil
}

// deferred is one whose work goes on after it has returned.
func deferred(_ context.Context, in *tasks.Instance) error {
	d, err := in.Deferral("second")
	if err != nil {
		return err
	}
	j := in.Details().(*Job)
	go func() {
		j.Work()
		d.Complete()
		j.End()
	}()
	return nil
}

func opener(r tasks.Registration, h tasks.HandlerFunc, observe func(event.Event), opts ...app.Option) func() (Dispatcher, error) {
	return func() (Dispatcher, error) {
		a := app.New(opts...)
		if observe != nil {
			a.Observe(observe)
		}
		t, err := addTask(a, r, "task", h)
		if err != nil {
			return nil, err
		}
		return &fired{a, t}, a.Start(context.Background())
	}
}

// addTask registers a task that is due only when it is fired, or by the event
// "work".
func addTask(a *app.App, r tasks.Registration, name string, h tasks.HandlerFunc) (*app.Task, error) {
	a.Handle(name, h)
	r.Name, r.Trigger = name, trigger.Custom("work", trigger.Always)
	return a.Register(r)
}

type fired struct {
	a *app.App
	t *app.Task
}

func (f *fired) Submit(j *Job) { accepted(f.t.Fire(context.Background(), j)) }

func (f *fired) Close() { stop(f.a) }

// accepted is for a firing that has to be: else the figures mean nothing.
func accepted(r activation.Receipt, err error) activation.Receipt {
	if err != nil || r.Result != activation.Allowed {
		panic(fmt.Sprintf("bench: fired: %v, %v", r.Result, err))
	}
	return r
}

func stop(a *app.App) {
	_, err := a.Stop(context.Background())
	must(err)
}

type receipts struct{ *fired }

func newReceipts() (Dispatcher, error) {
	d, err := opener(tasks.Registration{Overlap: tasks.Parallel(0)}, straight, nil)()
	if err != nil {
		return nil, err
	}
	return receipts{d.(*fired)}, nil
}

func (r receipts) SubmitAll(jobs []*Job) {
	ctx := context.Background()
	if len(jobs) == 1 {
		must(accepted(r.t.Fire(ctx, jobs[0])).Wait(ctx))
		return
	}
	list := make([]activation.Receipt, len(jobs))
	for i, j := range jobs {
		list[i] = accepted(r.t.Fire(ctx, j))
	}
	for _, l := range list {
		must(l.Wait(ctx))
	}
}

type byName struct {
	a     *app.App
	names [64]string
}

func newByName() (Dispatcher, error) {
	b := &byName{a: app.New()}
	for i := range b.names {
		b.names[i] = "task-" + strconv.Itoa(i)
		if _, err := addTask(b.a, tasks.Registration{Overlap: tasks.Parallel(0)}, b.names[i], straight); err != nil {
			return nil, err
		}
	}
	return b, b.a.Start(context.Background())
}

func (b *byName) Submit(j *Job) {
	t, _ := b.a.Task(b.names[j.N%len(b.names)])
	accepted(t.Fire(context.Background(), j))
}

func (b *byName) Close() { stop(b.a) }

type requests struct {
	a *app.App
	t *trigger.Application[*Job]
}

func newRequests() (Dispatcher, error) {
	r := &requests{app.New(), trigger.NewApplication[*Job]()}
	r.a.Handle("task", tasks.Typed(func(_ context.Context, _ *tasks.Instance, j *Job) error {
		j.Bare()
		return nil
	}))
	_, err := r.a.Register(tasks.Registration{Name: "task", Trigger: r.t, Overlap: tasks.Parallel(0)})
	if err != nil {
		return nil, err
	}
	return r, r.a.Start(context.Background())
}

func (r *requests) Submit(j *Job) { accepted(r.t.Request(context.Background(), j)) }

func (r *requests) Close() { stop(r.a) }

type raiser struct{ *fired }

func newRaiser() (Dispatcher, error) {
	d, err := opener(tasks.Registration{Overlap: tasks.Parallel(0)}, straight, nil)()
	if err != nil {
		return nil, err
	}
	return raiser{d.(*fired)}, nil
}

func (r raiser) Submit(j *Job) {
	if n, err := r.a.Raise(context.Background(), "work", j); err != nil || n != 1 {
		panic(fmt.Sprintf("bench: raised: %d, %v", n, err))
	}
}

// registered keeps tasks, whose handler is one for all.
type registered struct {
	a     *app.App
	names []string
}

func newTasks(names []string) (Register, error) {
	nothing := func(context.Context, *tasks.Instance) error { return nil }
	return &registered{app.New(app.WithOnBackgroundActivated(nothing)), names}, nil
}

func (r *registered) Add(i int) error {
	_, err := r.a.Register(tasks.Registration{Name: r.names[i], Trigger: trigger.Every(Quarter)})
	return err
}

func (r *registered) Remove(i int) error {
	r.a.Unregister(r.names[i], true)
	return nil
}

func (r *registered) Start() error { return r.a.Start(context.Background()) }

func (r *registered) Close() { stop(r.a) }

// simulated has virtual time that goes from alarm to alarm; each time all that
// it began is waited for.
type simulated struct {
	a *app.App
	c *clock.Virtual
}

func newSimulation(tick func()) (Simulation, error) {
	s := &simulated{c: clock.NewVirtual(time.Time{})}
	s.a = app.New(app.WithClock(s.c), app.WithOnBackgroundActivated(func(context.Context, *tasks.Instance) error {
		tick()
		return nil
	}))
	for i := range Ticking {
		r := tasks.Registration{Name: strconv.Itoa(i), Trigger: trigger.Every(TickEvery)}
		if _, err := s.a.Register(r); err != nil {
			return nil, err
		}
	}
	return s, s.a.Start(context.Background())
}

func (s *simulated) Pass() {
	end := s.c.Now().Add(TickEvery)
	for more := true; more; {
		at, armed := s.c.Next()
		if more = armed && !at.After(end); !more {
			at = end
		}
		s.c.Advance(at.Sub(s.c.Now()))
		must(s.a.WaitIdle(context.Background()))
	}
}

func (s *simulated) Close() { stop(s.a) }

// durable is bgloop over a store.Log: a firing is on the disk when Fire returns.
// The details are the number of the job, by which the handler finds it.
type durable struct {
	*fired
	log *store.Log

	mu   sync.Mutex // guards the following
	jobs map[int]*Job
}

func newDurable(dir string) (Dispatcher, error) {
	log, err := store.Open(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	d := &durable{log: log, jobs: map[int]*Job{}}
	a := app.New(app.WithStore(log))
	t, err := addTask(a, tasks.Registration{Overlap: tasks.Parallel(0)}, "task", d.run)
	if err != nil {
		return nil, err
	}
	d.fired = &fired{a, t}
	return d, a.Start(context.Background())
}

func (d *durable) run(_ context.Context, in *tasks.Instance) error {
	d.mu.Lock()
	j := d.jobs[in.Details().(int)]
	d.mu.Unlock()
	j.Bare()
	return nil
}

func (d *durable) Submit(j *Job) {
	d.mu.Lock()
	d.jobs[j.N] = j
	d.mu.Unlock()
	accepted(d.t.Fire(context.Background(), j.N))
}

func (d *durable) Close() {
	d.fired.Close()
	must(d.log.Close())
}

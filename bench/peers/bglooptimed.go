package peers

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// timed has a task for each job. One handler answers all, as the model's sample
// does, and finds the job by the task's name: that there is a handler by name for
// each is nothing that being on time asks for, and others are given no closure
// either.
type timed struct {
	a    *app.App
	r    tasks.Registration
	jobs []*Job // by number
}

func newTimed(r tasks.Registration, opts ...app.Option) (Timetable, error) {
	b := &timed{r: r}
	b.a = app.New(append(opts, app.WithOnBackgroundActivated(b.run))...)
	return b, nil
}

func (b *timed) At(t time.Time, j *Job) error {
	b.jobs = append(b.jobs, j)
	r := b.r
	r.Name, r.Trigger = strconv.Itoa(j.N), trigger.At(t)
	_, err := b.a.Register(r)
	return err
}

func (b *timed) run(_ context.Context, in *tasks.Instance) error {
	n, err := strconv.Atoi(in.Name())
	if err != nil {
		return err
	}
	b.jobs[n].Bare()
	return nil
}

func (b *timed) Start() error { return b.a.Start(context.Background()) }

func (b *timed) Close() { stop(b.a) }

// recurring has a task for each job, on a schedule of its own.
type recurring struct {
	a *app.App
	n int
}

func newRecurring(beat func(int64), opts ...app.Option) (Recurring, error) {
	run := func(_ context.Context, in *tasks.Instance) error {
		beat(since(in.Due()))
		return nil
	}
	return &recurring{a: app.New(append(opts, app.WithOnBackgroundActivated(run))...)}, nil
}

func (r *recurring) Every(first time.Time, every time.Duration) error {
	r.n++
	_, err := r.a.Register(tasks.Registration{Name: strconv.Itoa(r.n), Trigger: from{first, every}})
	return err
}

func (r *recurring) Start() error { return r.a.Start(context.Background()) }

func (r *recurring) Close() { stop(r.a) }

// from is a trigger that is due at a first instant and whenever a time has passed
// since.
type from struct {
	first time.Time
	every time.Duration
}

func (f from) Arm(p activation.Port) error {
	p.Schedule(f)
	return nil
}

func (f from) String() string { return fmt.Sprintf("from(%v, %v)", f.first, f.every) }

func (f from) Next(ph activation.Phase) (time.Time, bool) {
	if ph.N == 0 {
		return f.first, true
	}
	return ph.Last.Add(f.every), true
}

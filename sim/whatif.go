package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/internal/seam/coro"
	"github.com/bgloop/bgloop/tasks"
)

// Errors of a what-if, beside those of Register.
var (
	ErrNoDays  = errors.New("sim: what-if over no days")
	ErrNoTasks = errors.New("sim: what-if without tasks")
	ErrNoGroup = errors.New("sim: what-if of a group without an ID")
)

// A WhatIf asks what a set of registrations would do over many days, before
// anybody runs them: an App of its own lives through those days in virtual
// time, with stand-ins for the handlers. The same question has the same answer.
//
// Only time makes tasks due in it. Goroutines of triggers are not started and
// their objects not bound, so registrations of a service that runs may be
// asked about. Conditions that go by time or are set by hand are what they are;
// one that asks a function is taken to hold, unless Outages says otherwise.
type WhatIf struct {
	// From is when it begins. Its location is the zone of what is printed.
	From time.Time

	// Days is how many days of that zone's calendar it lasts, at least 1.
	Days int

	// Tasks are the registrations that are in no group. Their names must differ.
	// Here or in Groups there must be at least one.
	Tasks []tasks.Registration

	// Groups are the registrations in groups. The task send of the group mail is
	// called mail/send in what follows and in the Forecast.
	Groups []TaskGroup

	// Takes says how long an attempt takes that is due at an instant. It must
	// be pure. Nil means one second; zero and negative mean no time.
	Takes func(task string, due time.Time) time.Duration

	// Outages says when conditions do not hold. A condition that is named here
	// holds at all other times, whatever it would report itself.
	Outages []Outage

	// App are the options of the App, such as its caps.
	App []app.Option
}

// A TaskGroup is the registrations in one group.
type TaskGroup struct {
	// ID is the group's, which is required.
	ID string
	// Tasks are its registrations. Their names must differ.
	Tasks []tasks.Registration
}

// An Outage is a time during which a condition does not hold.
type Outage struct {
	// Condition is the condition's text; see activation.Condition.
	Condition string
	// From is when the outage begins.
	From time.Time
	// For is how long it lasts. Zero and negative mean that there is none: the
	// condition always holds.
	For time.Duration
}

// Forecast lives through the days and reports on them. The error is ErrNoDays,
// ErrNoTasks, ErrNoGroup or that of the Register that refused a task.
func (q WhatIf) Forecast() (*Forecast, error) {
	switch {
	case q.Days < 1:
		return nil, ErrNoDays
	case !q.asks():
		return nil, ErrNoTasks
	case slices.ContainsFunc(q.Groups, func(g TaskGroup) bool { return g.ID == "" }):
		return nil, ErrNoGroup
	}
	from := q.From.Round(0)
	f := &Forecast{From: from, To: from.AddDate(0, 0, q.Days)}
	w := coro.New(0, from, coro.WithFIFO())
	defer w.Close()
	n := &notes{f: f, acts: map[uint64]*noted{}, tasks: map[rowKey]*watched{}}
	opts := append(slices.Clone(q.App), app.WithClock(w), app.WithDriver(w), app.WithWitness(n), app.WithLogger(slog.New(slog.DiscardHandler)))
	a := app.New(opts...)
	n.zone(from.Location())
	if err := q.registerAll(a, n, "", q.Tasks); err != nil {
		return nil, err
	}
	for _, g := range q.Groups {
		if err := q.registerAll(a.Group(g.ID), n, g.ID, g.Tasks); err != nil {
			return nil, err
		}
	}
	return f, q.live(w, a, n)
}

// asks reports whether there is a task.
func (q WhatIf) asks() bool {
	return len(q.Tasks) > 0 || slices.ContainsFunc(q.Groups, func(g TaskGroup) bool { return len(g.Tasks) > 0 })
}

// standIn is the handler of every task.
func (q WhatIf) standIn(_ context.Context, in *tasks.Instance) error {
	d := time.Second
	if q.Takes != nil {
		d = q.Takes(rowKey{in.Group(), in.Name()}.String(), in.Due())
	}
	return in.Sleep(d)
}

// A registrar is an App or a group of it.
type registrar interface {
	Register(r tasks.Registration) (*app.Task, error)
	SetOnBackgroundActivated(f tasks.HandlerFunc)
}

func (q WhatIf) registerAll(at registrar, n *notes, group string, list []tasks.Registration) error {
	at.SetOnBackgroundActivated(q.standIn)
	for _, r := range list {
		if err := q.register(at, n, group, r); err != nil {
			return err
		}
	}
	return nil
}

func (q WhatIf) register(at registrar, n *notes, group string, r tasks.Registration) error {
	t := n.watch(rowKey{group, r.Name})
	if r.Trigger != nil {
		r.Trigger = onlyTime{r.Trigger, t}
	}
	r.Conditions = slices.Clone(r.Conditions)
	for i, c := range r.Conditions {
		if c != nil {
			r.Conditions[i] = q.assume(c)
		}
	}
	r.EntryPoint = "" // a stand-in needs no process
	_, err := at.Register(r)
	return err
}

// assume is the condition as the question has it.
func (q WhatIf) assume(c activation.Condition) activation.Condition {
	known, outages := false, []Outage(nil)
	for _, o := range q.Outages {
		if o.Condition == c.String() {
			known = true
			outages = append(outages, o)
		}
	}
	if known {
		return outage{c, outages}
	}
	return unasked{c}
}

func (q WhatIf) live(w *coro.World, a *app.App, n *notes) error {
	if err := w.Do(func() { _ = a.Start(context.Background()) }); err != nil {
		return fmt.Errorf("sim: what-if: %w", err)
	}
	w.Run(n.f.To)
	n.end()
	if err := w.Do(func() { _, _ = a.Stop(context.Background()) }); err != nil {
		return fmt.Errorf("sim: what-if: %w", err)
	}
	return nil
}

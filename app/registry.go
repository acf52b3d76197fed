package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// A registry is what an App and a Group have in common: handlers by name, and
// registrations.
type registry struct {
	a     *App
	group string

	outermost link   // where every activation goes in
	target    target // of the tasks that have not been activated yet

	handlers sync.Map                          // tasks.Handler by name
	override atomic.Pointer[tasks.HandlerFunc] // nil: none

	mu        sync.Mutex // guards the following
	innermost *link      // where the next middleware goes
}

func (g *registry) init(a *App, group string) {
	g.a, g.group, g.innermost = a, group, &g.outermost
	g.target.registry = g
	g.outermost.to(tasks.HandlerFunc(g.dispatch))
}

// A link is where a middleware goes on: to the dispatch, or to a middleware
// that is added later.
type link struct{ next atomic.Pointer[tasks.Handler] }

func (l *link) to(h tasks.Handler) { l.next.Store(&h) }

// Run implements tasks.Handler.
func (l *link) Run(ctx context.Context, in *tasks.Instance) error {
	return (*l.next.Load()).Run(ctx, in)
}

// Handle says that h answers activations of the task of this name. It panics if
// the name is empty or has a handler, or h is nil, as http.ServeMux does. It
// may be called before or after Register, and while the App runs.
func (g *registry) Handle(name string, h tasks.Handler) {
	switch {
	case name == "":
		panic("app: Handle: name is empty")
	case h == nil:
		panic("app: Handle: nil handler for task " + name)
	}
	if _, has := g.handlers.LoadOrStore(name, h); has {
		panic("app: Handle: task " + name + " has a handler")
	}
	g.a.kinds.learnFrom(h)
}

// HandleFunc is Handle for a function.
func (g *registry) HandleFunc(name string, f func(context.Context, *tasks.Instance) error) {
	if f == nil {
		panic("app: HandleFunc: nil handler for task " + name)
	}
	g.Handle(name, tasks.HandlerFunc(f))
}

// Use puts middleware around the dispatch; the first is the outermost. The
// App's is also around that of its groups. Each is called once, by Use, to make
// its handler. Nil, and middleware that makes nil, panics.
func (g *registry) Use(m ...tasks.Middleware) {
	for _, m := range m {
		if m == nil {
			panic("app: Use: nil middleware")
		}
		l := new(link)
		l.to(tasks.HandlerFunc(g.dispatch))
		h := m(l)
		if h == nil {
			panic("app: Use: middleware made a nil handler")
		}
		g.mu.Lock()
		g.innermost.to(h)
		g.innermost = l
		g.mu.Unlock()
	}
}

// SetOnBackgroundActivated puts f in the place of OnBackgroundActivated; nil
// takes it away again.
func (g *registry) SetOnBackgroundActivated(f tasks.HandlerFunc) {
	if f == nil {
		g.override.Store(nil)
		return
	}
	g.override.Store(&f)
}

// OnBackgroundActivated is called for every activation, unless an override
// stands in its place. It finds the handler by the task's name and runs it; a
// name that nobody handles is ErrUnknownTask.
func (g *registry) OnBackgroundActivated(ctx context.Context, in *tasks.Instance) error {
	t := ownTask(ctx, in)
	if t != nil {
		if to := t.target.Load(); to.registry == g && to.handler != nil {
			return to.handler.Run(ctx, in)
		}
	}
	v, ok := g.handlers.Load(in.Name())
	if !ok {
		return fmt.Errorf("%w: %q", ErrUnknownTask, in.Name())
	}
	h := v.(tasks.Handler)
	if t != nil && t.registry() == g { // a name keeps its handler
		t.target.Store(&target{g, h})
	}
	return h.Run(ctx, in)
}

// ownTask is the task of an instance, nil if a middleware has put another context
// in the place of the instance's.
func ownTask(ctx context.Context, in *tasks.Instance) *Task {
	if c, ok := ctx.(*runContext); ok && in == &c.in {
		return taskOf(c.task)
	}
	return nil
}

// dispatch is what the middleware is around: the override or the base; and for
// the App's, also all of the activation's group.
func (g *registry) dispatch(ctx context.Context, in *tasks.Instance) error {
	if in.Group() != g.group {
		return g.a.Group(in.Group()).outermost.Run(ctx, in)
	}
	if override := g.override.Load(); override != nil {
		return (*override)(ctx, in)
	}
	return g.OnBackgroundActivated(ctx, in)
}

// answered reports whether somebody answers the task, as far as can be known.
func (g *registry) answered(name string) bool {
	_, has := g.handlers.Load(name)
	return has || g.override.Load() != nil
}

// Register asks the App to run a task. If a task of that name stands, it is
// left alone and the error is ErrRegistered. Every mistake in r is an error
// here, and nothing has changed then.
//
// A registration made before Run takes effect when the App begins to run.
func (g *registry) Register(r tasks.Registration) (*Task, error) { return g.register(r, false) }

// Replace is Register that puts r in the place of a task of that name, if one
// stands: the new one has a new ID and its phase begins anew; what was pending
// of the old one ends with activation.Abort, what runs is canceled with it, and
// counts as active for the new one until it is over. If r is refused, the old
// one stays as it was.
func (g *registry) Replace(r tasks.Registration) (*Task, error) { return g.register(r, true) }

func (g *registry) register(r tasks.Registration, replace bool) (*Task, error) {
	p, err := g.prepare(r, replace)
	if err != nil {
		return nil, err
	}
	t := newTask(g, p)
	if err := g.a.accept(p); err != nil {
		return nil, err
	}
	return t, nil
}

// prepare checks a registration and lets its trigger and conditions record what
// they need.
func (g *registry) prepare(r tasks.Registration, replace bool) (*port, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	if r.EntryPoint != "" {
		return nil, fmt.Errorf("%w: task %q, entry point %q", ErrNeedsHost, r.Name, r.EntryPoint)
	}
	r.Conditions = slices.Clone(r.Conditions)
	if g.a.witness != nil {
		r = g.witnessed(r)
	}
	p := &port{a: g.a, arming: true}
	p.spec.Key, p.spec.Replace = engine.Key{Group: g.group, Name: r.Name}, replace
	if err := p.arm(&r); err != nil {
		return nil, fmt.Errorf("%w: task %q", err, r.Name)
	}
	return p, nil
}

// witnessed is what a witness makes of r, which it sees with the App's defaults.
func (g *registry) witnessed(r tasks.Registration) tasks.Registration {
	r.TimeLimit, r.Grace = cmp.Or(r.TimeLimit, g.a.limit), cmp.Or(r.Grace, g.a.grace)
	g.a.witness.Registering(g.group, &r)
	return r
}

// accept brings the registration to the engine and, when it is accepted, its
// sources to life.
func (a *App) accept(p *port) error {
	var err error
	if spec := p.submit(); a.journal == nil {
		err = a.call(&engine.Input{Op: engine.Register, Spec: spec}).Err
	} else {
		err = a.journal.register(spec)
	}
	if err == nil {
		p.bind()
	}
	return err
}

// spaced is a schedule that has an interval.
type spaced interface{ Interval() time.Duration }

func (a *App) tooOften(t *engine.Terms) error {
	for _, s := range t.Schedules {
		if s, ok := s.Source.(spaced); ok && s.Interval() < a.minimum {
			return fmt.Errorf("%w: %v, minimum %v", ErrTooOften, s.Interval(), a.minimum)
		}
	}
	return nil
}

// Unregister ends a registration; an unknown name does nothing. What is pending
// ends with activation.Abort. With cancelRunning, running instances are
// canceled with activation.Abort; without, they finish. Either way the name is
// free at once. What a store has of that name is forgotten, also of one that
// the program has not registered in this run.
func (g *registry) Unregister(name string, cancelRunning bool) {
	if t, ok := g.Task(name); ok {
		t.Unregister(cancelRunning)
	}
	if g.a.journal != nil {
		g.a.journal.unregister(engine.Key{Group: g.group, Name: name})
	}
}

// Task finds a registration by name.
func (g *registry) Task(name string) (*Task, bool) {
	found := g.a.find(engine.Key{Group: g.group, Name: name})
	if found == nil {
		return nil, false
	}
	return taskOf(found), true
}

// IsRegistered reports whether a task of that name stands.
func (g *registry) IsRegistered(name string) bool {
	_, ok := g.Task(name)
	return ok
}

// All lists the registrations, by name, as they stand when the loop begins.
func (g *registry) All() iter.Seq[*Task] {
	return func(yield func(*Task) bool) {
		for _, t := range g.list() {
			if !yield(t) {
				return
			}
		}
	}
}

func (g *registry) list() []*Task {
	var all []*engine.Task
	g.a.own(func() { all = g.a.eng.Tasks(nil) })
	var mine []*Task
	for _, t := range all {
		if t.Key.Group == g.group {
			mine = append(mine, taskOf(t))
		}
	}
	slices.SortFunc(mine, func(x, y *Task) int { return cmp.Compare(x.Name(), y.Name()) })
	return mine
}

// A Registrar is an App or a Group.
type Registrar interface {
	Register(tasks.Registration) (*Task, error)
}

// RegisterType is Register with the Name and the EntryPoint of tasks.TypeName,
// as the Background Task Helper's overload by type does. While there is no task
// host, that is ErrNeedsHost.
func RegisterType[T any](a Registrar, r tasks.Registration) (*Task, error) {
	if r.Name != "" || r.EntryPoint != "" {
		return nil, fmt.Errorf("%w: name and entry point come from the type", errors.ErrUnsupported)
	}
	r.Name, r.EntryPoint = tasks.TypeName[T]()
	return a.Register(r)
}

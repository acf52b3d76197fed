package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// A Verb says what Apply does with one task.
type Verb string

// The verbs.
const (
	Add    Verb = "add"
	Change Verb = "change"
	Remove Verb = "remove"
	Leave  Verb = "leave"
)

// A Step is what Apply does with one task.
type Step struct {
	Do   Verb
	Task string
	// What says in words what is added, removed, or changed from what to what.
	What string
}

// String is the step as a line.
func (s Step) String() string {
	sign := map[Verb]string{Add: "+", Change: "~", Remove: "-", Leave: "="}[s.Do]
	return strings.TrimSuffix(fmt.Sprintf("%s %s: %s", sign, s.Task, s.What), ": ")
}

// A Plan is what Apply does, by task name.
type Plan []Step

// String is the plan, a line for each step.
func (p Plan) String() string {
	lines := make([]string, len(p))
	for i, s := range p {
		lines[i] = s.String()
	}
	return strings.Join(lines, "\n")
}

// Changes reports whether the plan does anything.
func (p Plan) Changes() bool {
	return slices.ContainsFunc(p, func(s Step) bool { return s.Do != Leave })
}

// Plan says what Apply would do now, and does nothing. It returns the errors
// that Apply would.
func (g *registry) Plan(desired []tasks.Registration) (Plan, error) {
	return g.apply(desired, false)
}

// Apply makes the registrations of the App, or of the group, those desired, and
// no others: it registers what is missing, unregisters what is not desired (what
// runs of it finishes), and changes what differs. A task that is changed keeps
// its ID, its counters, its history, what runs and what is pending; if its
// trigger's text is the same, its phase as well. All of it happens at one
// instant, or, if any registration is refused, with the errors of Register,
// nothing. Two desired ones of one name are ErrRegistered.
func (g *registry) Apply(desired []tasks.Registration) (Plan, error) { return g.apply(desired, true) }

// A candidate is a desired registration, armed and not yet accepted.
type candidate struct {
	port *port
	is   *Task // the one it changes; nil if it is new
	what string
}

func (g *registry) apply(desired []tasks.Registration, really bool) (plan Plan, err error) {
	candidates, err := g.candidates(desired)
	if err != nil {
		return nil, err
	}
	g.a.own(func() {
		var gone []*engine.Task
		g.a.step(&engine.Input{Op: engine.Tick}) // what is due by now concerns what stands now
		plan, gone = g.plan(candidates)
		if err = g.a.refusal(candidates, gone); err == nil && really {
			g.a.carryOut(g, candidates, gone)
		}
	})
	if err != nil || !really {
		return plan, err
	}
	for _, c := range candidates {
		if c.port != nil {
			c.port.bind()
		}
	}
	return plan, nil
}

func (g *registry) candidates(desired []tasks.Registration) ([]*candidate, error) {
	seen := map[string]bool{}
	var list []*candidate
	for _, r := range desired {
		p, err := g.prepare(r, false)
		if err != nil {
			return nil, err
		}
		if seen[r.Name] {
			return nil, fmt.Errorf("%w: task %q, twice", ErrRegistered, r.Name)
		}
		seen[r.Name] = true
		p.submit()
		list = append(list, &candidate{port: p})
	}
	return list, nil
}

// plan compares what is desired with what stands. The owner calls it.
func (g *registry) plan(candidates []*candidate) (plan Plan, gone []*engine.Task) {
	stays := map[*engine.Task]bool{}
	for _, c := range candidates {
		spec := &c.port.spec
		t := g.a.eng.Task(spec.Key)
		step := Step{Do: Add, Task: spec.Key.Name, What: spec.Trigger}
		if t != nil {
			stays[t] = true
			c.is = taskOf(t)
			step.Do, step.What = Change, differences(c.is.is.Terms, spec.Terms)
			if step.What == "" {
				step.Do, c.port = Leave, nil
			}
			c.what = step.What
		}
		plan = append(plan, step)
	}
	for _, t := range g.a.eng.Tasks(nil) {
		if t.Key.Group == g.group && !stays[t] {
			gone = append(gone, t)
			plan = append(plan, Step{Do: Remove, Task: t.Key.Name, What: t.Trigger})
		}
	}
	slices.SortFunc(plan, func(a, b Step) int { return cmp.Compare(a.Task, b.Task) })
	slices.SortFunc(gone, func(a, b *engine.Task) int { return cmp.Compare(a.ID, b.ID) })
	return plan, gone
}

// refusal says what stands against the plan. The owner calls it.
func (a *App) refusal(candidates []*candidate, gone []*engine.Task) error {
	if !a.eng.Running() && !a.life.Is(fresh) {
		return ErrStopped
	}
	free := map[*engine.Task]bool{} // whose claims end, or are made anew
	for _, t := range gone {
		free[t] = true
	}
	for _, c := range candidates {
		if c.is != nil && c.port != nil {
			free[&c.is.is] = true
		}
	}
	claims := map[any]bool{}
	for _, c := range candidates {
		if c.port == nil {
			continue
		}
		for _, key := range c.port.spec.Exclusive {
			if by := a.eng.Claimed(key); claims[key] || by != nil && !free[by] {
				return fmt.Errorf("%w: for task %q", ErrExclusive, c.port.spec.Key.Name)
			}
			claims[key] = true
		}
	}
	return nil
}

// carryOut does what the plan says. The owner calls it.
func (a *App) carryOut(g *registry, candidates []*candidate, gone []*engine.Task) {
	for _, t := range gone {
		a.step(&engine.Input{Op: engine.Unregister, Task: t})
	}
	for _, c := range candidates {
		switch {
		case c.port == nil || c.is == nil:
		case c.is.is.Gone(): // with what ended before it
			c.is = nil
		default:
			a.change(c)
		}
	}
	for _, c := range candidates { // last: what they claim is free now
		if c.port != nil && c.is == nil {
			newTask(g, c.port)
			a.enlist(&c.port.spec)
		}
	}
}

// enlist registers what nothing stands against.
func (a *App) enlist(spec *engine.Spec) {
	if a.journal != nil {
		_ = a.journal.enlist(spec)
		return
	}
	a.step(&engine.Input{Op: engine.Register, Spec: spec})
}

func (a *App) change(c *candidate) {
	old := c.is.port()
	c.is.tie(c.port, c.is.observers())
	c.port.spec.Task = &c.is.is
	c.port.accepted(c.port.spec.Task)
	a.step(&engine.Input{Op: engine.Update, Task: &c.is.is, Spec: &c.port.spec, Topic: c.what})
	if old != nil {
		old.retire()
	}
}

// differences says what is new in a registration; nothing if nothing is.
func differences(old, now *engine.Terms) string {
	var list []string
	add := func(name string, a, b any) {
		if a != b {
			list = append(list, fmt.Sprintf("%s %v -> %v", name, a, b))
		}
	}
	a, b := old.Reg, now.Reg
	add("trigger", old.Trigger, now.Trigger)
	if old.Trigger == now.Trigger && !same(behind(a.Trigger), behind(b.Trigger)) {
		list = append(list, "trigger object")
	}
	add("conditions", fmt.Sprint(old.Conditions), fmt.Sprint(now.Conditions))
	if slices.Equal(old.Conditions, now.Conditions) && !slices.EqualFunc(a.Conditions, b.Conditions, sameCondition) {
		list = append(list, "condition objects")
	}
	before, after := settings(&a), settings(&b)
	for i, name := range settingNames() {
		add(name, before[i], after[i])
	}
	return strings.Join(list, ", ")
}

func sameCondition(a, b activation.Condition) bool { return same(behind(a), behind(b)) }

// behind is what the user gave.
func behind(v any) any {
	if w, veils := v.(engine.Veil); veils {
		return w.Behind()
	}
	return v
}

// same reports whether two values are the same object, or equal and without an
// identity. What cannot be compared is taken to differ.
func same(a, b any) (equal bool) {
	defer func() {
		if recover() != nil { // from the comparison
			equal = false
		}
	}()
	return a == b
}

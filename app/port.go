package app

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// A port is what the trigger and the conditions of one registration see.
type port struct {
	a     *App
	spec  engine.Spec
	whole branch // as the trigger sees it

	onArm    []func()
	onDisarm []func()
	gos      []func(context.Context) error
	wanted   [][]func(bool) // by condition; none for those that did not ask
	misuse   error

	ctx    context.Context    //nolint:containedctx // that of the trigger's goroutines
	cancel context.CancelFunc // nil before they start

	inert bool  // as it was recorded, see idle
	bound latch // open when onArm's functions have run

	mu        sync.Mutex // guards the following
	arming    bool
	submitted bool
	task      *engine.Task // set by the owner
	late      []lateReport // made between submission and acceptance
	wants     []want       // not told yet, in order
	telling   bool
	binding   bool // onArm's functions run, or have run
	retired   bool
}

type (
	lateReport struct {
		index int
		holds bool
	}
	want struct {
		f  func(bool)
		on bool
	}
)

// arm lets the trigger and the conditions record what they need.
func (p *port) arm(r *tasks.Registration) error {
	d := p.a.terms.draft(r)
	p.spec.Terms = &d.Terms
	p.whole.port = p
	if err := r.Trigger.Arm(&p.whole); err != nil {
		return err
	}
	if err := p.armConditions(r.Conditions); err != nil {
		return err
	}
	p.mu.Lock()
	p.arming = false
	p.mu.Unlock()
	if p.misuse != nil {
		return p.misuse
	}
	if err := p.a.tooOften(&d.Terms); err != nil {
		return err
	}
	p.inert = p.idle()
	p.spec.Terms = p.a.terms.shared(d, p.inert)
	return nil
}

func (p *port) armConditions(list []activation.Condition) error {
	n := len(list)
	if n == 0 {
		return nil
	}
	p.wanted = make([][]func(bool), n)
	p.spec.Holds, p.spec.Unheard, p.spec.Polled = make([]bool, n), slices.Repeat([]bool{true}, n), make([]bool, n)
	for i, c := range list {
		tell := func(holds bool) { p.report(i, holds) }
		if err := c.Arm(tell, &conditionPort{branch{port: p}, i}); err != nil {
			return err
		}
		p.spec.Conditions = append(p.spec.Conditions, c.String()) // now: nobody else's code runs while the engine is owned
	}
	return nil
}

// idle reports whether nothing is to be done for the registration but to wait
// for what the engine knows of.
func (p *port) idle() bool {
	return len(p.onArm)+len(p.onDisarm)+len(p.gos)+len(p.wanted) == 0
}

// submit gives what was recorded out of hand.
func (p *port) submit() *engine.Spec {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.submitted = true
	return &p.spec
}

// accepted is called by the owner.
func (p *port) accepted(t *engine.Task) {
	p.mu.Lock()
	p.task = t
	late := p.late
	p.mu.Unlock()
	for _, l := range late {
		p.a.post(&engine.Input{Op: engine.Report, Task: t, Spec: &p.spec, Index: l.index, On: l.holds})
	}
	if p.a.eng.Running() {
		p.startSources()
	}
}

// bind brings the trigger and the conditions to life.
func (p *port) bind() {
	p.mu.Lock()
	if p.task == nil { // the owner had no use for the port
		p.task = p.spec.Task
	}
	p.binding = !p.retired
	binding := p.binding
	p.mu.Unlock()
	if !binding {
		return
	}
	defer p.bound.release()
	for _, f := range p.onArm {
		f()
	}
}

// report takes a condition's news, whenever it comes.
func (p *port) report(index int, holds bool) {
	p.mu.Lock()
	t := p.task
	switch {
	case t != nil:
	case p.submitted:
		p.late = append(p.late, lateReport{index, holds})
	default:
		p.spec.Holds[index], p.spec.Unheard[index] = holds, false
	}
	p.mu.Unlock()
	if t != nil {
		p.a.post(&engine.Input{Op: engine.Report, Task: t, Spec: &p.spec, Index: index, On: holds})
	}
}

// record guards what may be called only inside Arm.
func (p *port) record(call string, ok bool, f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.arming:
		panic("app: Port." + call + " called outside Arm")
	case !ok:
		p.misuse = errors.Join(p.misuse, fmt.Errorf("%w: Port.%s(nil)", ErrArm, call))
	default:
		f()
	}
}

// OneShot implements activation.Port.
func (p *port) OneShot() { p.record("OneShot", true, func() { p.spec.OneShot = true }) }

// Payload implements activation.Port.
func (p *port) Payload() { p.record("Payload", true, func() { p.spec.Payload++ }) }

// Exclusive implements activation.Port.
func (p *port) Exclusive(key any) {
	ok := key != nil && reflect.ValueOf(key).Comparable()
	p.record("Exclusive", ok, func() { p.spec.Exclusive = append(p.spec.Exclusive, key) })
}

// OnArm implements activation.Port.
func (p *port) OnArm(f func()) {
	p.record("OnArm", f != nil, func() { p.onArm = append(p.onArm, f) })
}

// OnDisarm implements activation.Port.
func (p *port) OnDisarm(f func()) {
	p.record("OnDisarm", f != nil, func() { p.onDisarm = append(p.onDisarm, f) })
}

// Go implements activation.Port.
func (p *port) Go(f func(context.Context) error) {
	p.record("Go", f != nil, func() { p.gos = append(p.gos, f) })
}

// Now implements activation.Port.
func (p *port) Now() time.Time { return p.a.clock.Now() }

// is is the accepted registration, nil before it is.
func (p *port) is() *engine.Task {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.task
}

// fire is Fire from one scope of the trigger that recorded spec.
func (p *port) fire(ctx context.Context, spec *engine.Spec, scope int, details any) (activation.Receipt, error) {
	t := p.is()
	if t == nil {
		if d, owns := details.(activation.Dropper); owns {
			d.Drop() // there is no task yet to do it for
		}
		return activation.Receipt{Result: activation.UnknownError}, ErrUnbound
	}
	return p.a.call(&engine.Input{Op: engine.Fire, Task: t, Spec: spec, Index: scope, Details: details, Origin: origin(ctx)}).receipt()
}

// receipt is the answer to a firing.
func (r answer) receipt() (activation.Receipt, error) {
	if r.outcome == nil {
		return activation.Receipt{Result: r.Result}, r.Err
	}
	return activation.NewReceipt(r.outcome.act, r.Result, r.outcome), r.Err
}

// After implements activation.Port.
func (p *port) After(d time.Duration, f func()) (stop func() bool) {
	t := p.is()
	if t == nil {
		return func() bool { return false }
	}
	timer := &engine.Timer{Task: t, Spec: &p.spec}
	timer.Host = &callback{errand{p.a, t, "After", f, false}}
	p.a.post(&engine.Input{Op: engine.Arm, Timer: timer, For: d})
	return func() bool { return p.a.call(&engine.Input{Op: engine.Disarm, Timer: timer}).OK }
}

// A callback is an errand that waits for its time.
type callback struct{ errand }

// retire ends the sources. The owner calls it, once.
func (p *port) retire() {
	if p.cancel != nil {
		p.cancel()
	}
	p.mu.Lock()
	p.retired = true
	p.mu.Unlock()
	if len(p.onDisarm) > 0 {
		p.a.spawn(&errand{p.a, p.task, "OnDisarm", p.unbind, true})
	}
}

// unbind runs what is to run at the end, after what was to run at the start.
func (p *port) unbind() {
	p.mu.Lock()
	binding := p.binding
	p.mu.Unlock()
	if binding { // no mutex: those functions may wait, and in a simulation only a park can
		_ = p.bound.wait(context.Background(), p.a.driver)
	}
	defer func() {
		if len(p.onDisarm) > 0 { // one panicked, which is no reason not to run the others
			p.a.spawn(&errand{p.a, p.task, "OnDisarm", p.unbind, true})
		}
	}()
	for len(p.onDisarm) > 0 {
		f := p.onDisarm[0]
		p.onDisarm = p.onDisarm[1:]
		f()
	}
}

package activationtest_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// A Doorbell is a trigger: each ring makes its task due. It serves one
// registration at a time.
type Doorbell struct {
	mu   sync.Mutex
	port activation.Port // nil while it serves none
}

func (b *Doorbell) String() string { return "doorbell" }

// Arm only records; OnArm's function runs when the registration is accepted.
func (b *Doorbell) Arm(p activation.Port) error {
	p.Exclusive(b)
	p.OnArm(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.port = p
	})
	p.OnDisarm(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.port == p { // else a registration that replaced it has the bell by now
			b.port = nil
		}
	})
	return nil
}

// Ring rings. The receipt can wait for the outcome.
func (b *Doorbell) Ring(ctx context.Context) (activation.Receipt, error) {
	b.mu.Lock()
	p := b.port
	b.mu.Unlock()
	if p == nil {
		return activation.Receipt{Result: activation.UnknownError}, activation.ErrUnbound
	}
	return p.Fire(ctx, nil) // answers as well when the App stops or the registration ends
}

// Daylight is a condition that something else keeps up to date. It serves any
// number of registrations.
type Daylight struct {
	mu    sync.Mutex
	light bool
	armed []*observatory // in order, so that each run tells them in the same
}

type observatory struct{ report func(bool) }

func (d *Daylight) String() string { return "daylight" }

// Arm only records here, too.
func (d *Daylight) Arm(report func(bool), p activation.Port) error {
	o := &observatory{report}
	p.OnArm(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.armed = append(d.armed, o)
		report(d.light)
	})
	p.OnDisarm(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.armed = slices.DeleteFunc(d.armed, func(a *observatory) bool { return a == o })
	})
	return nil
}

// Set says whether it is light. The lock keeps the reports in order.
func (d *Daylight) Set(light bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.light = light
	for _, o := range d.armed {
		o.report(light)
	}
}

// A trigger and a condition of one's own.
func Example() {
	a, bell, sun := app.New(), new(Doorbell), new(Daylight)
	a.HandleFunc("open", func(context.Context, *tasks.Instance) error { fmt.Println("come in"); return nil })
	_, err := a.Register(tasks.Registration{Name: "open", Trigger: bell, Conditions: []activation.Condition{sun}})
	if err != nil {
		fmt.Println(err)
	}
	ctx := context.Background()
	if err := a.Start(ctx); err != nil {
		fmt.Println(err)
	}
	r, err := bell.Ring(ctx)
	fmt.Println(r.Result, err, a.Explain("open").Unmet)
	sun.Set(true)
	fmt.Println(r.Wait(ctx))
	if _, err := a.Stop(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Allowed <nil> [daylight]
	// come in
	// <nil>
}

func TestDoorbell(t *testing.T) {
	var bell *Doorbell
	activationtest.Trigger(t, activationtest.Source{
		New:     func(testing.TB) activation.Trigger { bell = new(Doorbell); return bell },
		Provoke: func(t testing.TB) { _, _ = bell.Ring(t.Context()) },
	})
}

func TestDaylight(t *testing.T) {
	var sun *Daylight
	activationtest.Condition(t, activationtest.State{
		New: func(testing.TB) activation.Condition { sun = new(Daylight); return sun },
		Set: func(_ testing.TB, light bool) { sun.Set(light) },
	})
}

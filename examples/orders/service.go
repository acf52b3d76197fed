// Package orders is the service of docs/simulation.md: it charges customers and
// enters that in its books. Built with the tag v1 it has a bug.
package orders

import (
	"context"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// An Order is what a customer asks for.
type Order struct {
	ID    int
	Cents int
}

// A Service takes orders.
type Service struct {
	*app.App

	// Orders is where they come in.
	Orders *trigger.Application[Order]

	// Charge asks the bank for the money. It takes it once for each key,
	// however often it is asked.
	Charge func(ctx context.Context, key uint64, o Order) error

	// Enter writes a paid order into the books. It may take its time.
	Enter func(ctx context.Context, o Order) error
}

// New returns a service that does not run yet. Its functions are to be set
// before it does.
func New(opts ...app.Option) (*Service, error) {
	s := &Service{App: app.New(opts...), Orders: trigger.NewApplication[Order]()}
	s.Handle("order", tasks.Typed(s.order))
	_, err := s.Register(tasks.Registration{
		Name:      "order",
		Trigger:   s.Orders,
		Keep:      tasks.Every(100),
		Overlap:   tasks.Parallel(4),
		TimeLimit: time.Minute,
		Retry:     tasks.Retry{Attempts: 5, Backoff: time.Second},
	})
	return s, err
}

// order handles one order: the money first, then the books.
func (s *Service) order(_ context.Context, in *tasks.Instance, o Order) error {
	err := in.Await(func(ctx context.Context) error { return s.Charge(ctx, key(in, o), o) })
	if err != nil {
		return err
	}
	return in.Await(func(ctx context.Context) error { return s.Enter(ctx, o) })
}

package orders_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/examples/orders"
	"github.com/bgloop/bgloop/sim"
)

// The test that was there from the beginning: it passes with the bug, too.
func TestOrder(t *testing.T) {
	s, err := orders.New()
	if err != nil {
		t.Fatal(err)
	}
	paid, entered := 0, 0
	s.Charge = func(context.Context, uint64, orders.Order) error { paid++; return nil }
	s.Enter = func(context.Context, orders.Order) error { entered++; return nil }
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := s.Orders.Request(t.Context(), orders.Order{ID: 1, Cents: 100})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if paid != 1 || entered != 1 {
		t.Errorf("paid %d times, entered %d times", paid, entered)
	}
}

// A bank keeps its word: it takes money once for each key.
type bank struct {
	keys map[uint64]bool
	paid map[int]int // by order: how often
}

// day is a day of the service, with customers, a bank, and books that fail now
// and then.
func day(s *sim.S) {
	b := bank{keys: map[uint64]bool{}, paid: map[int]int{}}
	var service *orders.Service
	s.App(func(env sim.Env) *app.App {
		var err error
		if service, err = orders.New(env.Options()...); err != nil {
			s.Fatalf("New: %v", err)
		}
		service.Charge = func(_ context.Context, key uint64, o orders.Order) error {
			s.RunFor(s.Between("bank", 0, 10*time.Second))
			if !b.keys[key] {
				b.keys[key] = true
				b.paid[o.ID]++
			}
			return nil
		}
		service.Enter = func(context.Context, orders.Order) error {
			s.RunFor(s.Between("books", 0, 10*time.Second))
			if s.Chance("the books are closed", 0.01) {
				return errors.New("the books are closed")
			}
			return nil
		}
		return service.App
	})
	s.Invariant("nobody pays twice", func() error {
		for id, n := range b.paid {
			if n > 1 {
				return fmt.Errorf("order %d was paid %d times", id, n)
			}
		}
		return nil
	})
	last := 0
	s.Every("customer", 20*time.Minute, func() {
		if s.Choose("orders", 2) == 1 {
			last++
			_, _ = service.Orders.Request(context.Background(), orders.Order{ID: last, Cents: 100})
		}
	})
	s.RunFor(24 * time.Hour)
}

func TestNobodyPaysTwice(t *testing.T) { sim.Test(t, day) }

// The life in which an order came in twice, as the hunt left it.
func TestOrderThatCameTwice(t *testing.T) {
	sim.Replay(t, day, "v1.4daDTHEBkbwhsZAB")
}

package sim_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/sim"
	"github.com/bgloop/bgloop/tasks"
)

// busyService is an App in which everything happens that can: every overlap,
// conditions, limits, retries, deferrals, details, groups.
type busyService struct {
	s       *sim.S
	durable bool
	online  atomic.Pointer[condition.Flag] // of the process that runs, as is orders
	orders  atomic.Pointer[trigger.Application[int]]
	done    atomic.Int64
}

func (b *busyService) build(env sim.Env) *app.App {
	opts := append(env.Options(), app.WithTimeLimit(time.Hour), app.WithCap(4))
	if b.durable {
		opts = append(opts, app.WithStore(env.Store))
	}
	a := app.New(opts...)
	net, orders := condition.NewFlag("online", true), trigger.NewApplication[int]()
	b.online.Store(net)
	b.orders.Store(orders)
	work := func(_ context.Context, in *tasks.Instance) error {
		if err := in.Sleep(b.s.Between("work of "+in.Name(), time.Second, 20*time.Minute)); err != nil {
			if b.s.Chance(in.Name()+" makes light of it", 0.5) {
				return errors.New("disturbed")
			}
			return err
		}
		if b.s.Chance(in.Name()+" fails", 0.1) {
			return errors.New("no luck")
		}
		b.done.Add(1)
		return nil
	}
	for _, name := range []string{"sync", "many", "replaced", "skipped", "retried", "limited", "chained"} {
		a.HandleFunc(name, work)
	}
	a.HandleFunc("deferred", func(_ context.Context, in *tasks.Instance) error {
		d, err := in.Deferral("later")
		if err != nil {
			return err
		}
		return in.Go(func(context.Context) error { defer d.Complete(); return in.Sleep(10 * time.Minute) })
	})
	a.HandleFunc("awaiting", func(_ context.Context, in *tasks.Instance) error {
		return in.Await(func(context.Context) error { return in.Sleep(time.Minute) })
	})
	a.Handle("order", tasks.Typed(func(_ context.Context, in *tasks.Instance, n int) error {
		return in.Sleep(time.Duration(n) * time.Minute)
	}))
	online := []activation.Condition{net}
	for _, r := range []tasks.Registration{
		{Name: "sync", Trigger: trigger.Every(15 * time.Minute), Conditions: online},
		b.many(),
		{Name: "replaced", Trigger: trigger.Every(17 * time.Minute), Overlap: tasks.Replace},
		{Name: "skipped", Trigger: trigger.Every(15 * time.Minute), Overlap: tasks.Skip, Conditions: online, KeepOnConditionLoss: true},
		{Name: "retried", Trigger: trigger.Every(time.Hour), Retry: tasks.Retry{Attempts: 3, Backoff: time.Minute}},
		{Name: "limited", Trigger: trigger.Every(30 * time.Minute), TimeLimit: 10 * time.Minute, Conditions: online},
		{Name: "chained", Trigger: trigger.Completion("sync", trigger.OnAny)},
		{Name: "deferred", Trigger: trigger.Cron("*/20 * * * *")},
		{Name: "awaiting", Trigger: trigger.Every(40 * time.Minute), OnAbandon: tasks.HoldSlot},
		{Name: "order", Trigger: orders, Keep: tasks.Every(3)},
	} {
		must(a.Register(r))
	}
	return a
}

func (b *busyService) many() tasks.Registration {
	return tasks.Registration{Name: "many", Trigger: trigger.Every(10 * time.Minute), Overlap: tasks.Parallel(3), Keep: tasks.Every(5)}
}

func busy(s *sim.S) { live(s, false, 24*time.Hour) }

func durable(s *sim.S) { live(s, true, 24*time.Hour) }

// live is so much of the busy service's life.
func live(s *sim.S, durable bool, d time.Duration) {
	b := &busyService{s: s, durable: durable}
	p := s.App(b.build)
	s.Every("network", time.Hour, func() { b.online.Load().Set(s.Choose("offline", 3) == 0) })
	s.Every("customer", 25*time.Minute, func() {
		r, err := b.orders.Load().Request(context.Background(), s.Choose("order", 20))
		if err == nil && r.Result == activation.Allowed && s.Chance("waits", 0.5) {
			_ = r.Wait(context.Background())
		}
	})
	s.Every("operator", 3*time.Hour, func() {
		task, ok := p.App().Task("many")
		if !ok {
			return
		}
		switch s.Choose("does", 6) {
		case 4:
			_, _ = p.App().Replace(b.many())
		case 5:
			for range 1 + s.Choose("more", 3) {
				_, _ = task.Fire(context.Background(), nil)
			}
			task.Cancel(activation.Abort)
		case 1:
			task.Pause()
			s.RunFor(s.Between("pause", time.Minute, time.Hour))
			task.Resume()
		case 2:
			task.Cancel(activation.Abort)
		case 3:
			_, _ = task.Fire(context.Background(), nil)
		}
	})
	s.RunFor(d)
	done := b.done.Load()
	b.online.Load().Set(true)
	s.Eventually("work goes on", 24*time.Hour, func() bool { return b.done.Load() > done+10 })
}

func TestSimBusyService(t *testing.T) {
	t.Run("calm", func(t *testing.T) { sim.Test(t, busy, sim.Seeds(100/slower), calm) })
	t.Run("usual", func(t *testing.T) { sim.Test(t, busy, sim.Seeds(100/slower)) })
	rough := sim.Usual()
	rough.Lost, rough.Aim = 0.01, 0.1
	t.Run("rough", func(t *testing.T) { sim.Test(t, busy, sim.Seeds(100/slower), sim.WithFaults(rough)) })
	rough.Kill = 0.002
	rough.StoreSlow, rough.StoreFails = 0.01, 0.01
	t.Run("killed", func(t *testing.T) { sim.Test(t, busy, sim.Seeds(50/slower), sim.WithFaults(rough)) })
	t.Run("stored", func(t *testing.T) { sim.Test(t, durable, sim.Seeds(30/slower)) })
	rough.StoreKill = 0.002
	t.Run("stored and killed", func(t *testing.T) { sim.Test(t, durable, sim.Seeds(30/slower), sim.WithFaults(rough)) })
}

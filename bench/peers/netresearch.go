package peers

import (
	"sync"
	"time"

	"github.com/netresearch/go-cron"
)

// fromNetresearch: robfig's cron with a heap, names, tags, jobs that run once,
// observers and a clock that can be replaced. It panics again what a job panics
// with unless a wrapper recovers, so the job does.
func fromNetresearch() []Contender {
	return []Contender{{
		Name: "netresearch/go-cron", Kind: Peer, Gives: "cron expressions, names, tags, run once, hooks, a clock of your own",
		Dispatch: func() (Dispatcher, error) {
			n := newHeapCron(nil)
			return n, n.Start()
		},
		Time:     func() (Timetable, error) { return newHeapCron(nil), nil },
		Register: func(names []string) (Register, error) { return newHeapCron(names), nil },
		Virtual:  newHeapSimulation,
		Cannot:   map[Ability]string{Storing: "it keeps what is pending in memory"},
	}}
}

type heapCron struct {
	c     *cron.Cron
	names []string
}

func newHeapCron(names []string) *heapCron {
	return &heapCron{cron.New(cron.WithLogger(cron.DiscardLogger)), names}
}

func (h *heapCron) Start() error {
	h.c.Start()
	return nil
}

func (h *heapCron) Close() { h.c.StopAndWait() }

func (h *heapCron) Submit(j *Job) {
	_, err := h.c.ScheduleOnceJob(new(once), cron.FuncJob(j.Safe))
	must(err)
}

func (h *heapCron) At(t time.Time, j *Job) error {
	_, err := h.c.ScheduleOnceJob(&once{at: t}, cron.FuncJob(j.Safe))
	return err
}

func (h *heapCron) Add(i int) error {
	_, err := h.c.ScheduleJob(cron.Every(Quarter), cron.FuncJob(func() {}), cron.WithName(h.names[i]))
	return err
}

func (h *heapCron) Remove(i int) error {
	h.c.RemoveByName(h.names[i])
	return nil
}

// heapSimulation waits until the scheduler has armed its one timer anew.
type heapSimulation struct {
	heapCron
	f  *cron.FakeClock
	wg sync.WaitGroup
}

func newHeapSimulation(tick func()) (Simulation, error) {
	h := &heapSimulation{f: cron.NewFakeClock(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))}
	h.c = cron.New(cron.WithLogger(cron.DiscardLogger), cron.WithClock(h.f))
	for range Ticking {
		_, err := h.c.ScheduleJob(cron.Every(TickEvery), cron.FuncJob(func() {
			tick()
			h.wg.Done()
		}))
		if err != nil {
			return nil, err
		}
	}
	return h, h.Start()
}

func (h *heapSimulation) Pass() {
	h.f.BlockUntil(1)
	h.wg.Add(Ticking)
	h.f.Advance(TickEvery)
	h.wg.Wait()
}

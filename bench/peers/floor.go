package peers

import (
	"container/heap"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// floors are what Go does by itself: no name, no ID, no lifecycle, no limit and
// no report.
func floors() []Contender {
	return []Contender{
		{
			Name: "go", Kind: Floor, Gives: "nothing: it is what the runtime costs; a panic ends the process",
			Dispatch: func() (Dispatcher, error) { return submit(func(j *Job) { go j.Bare() }), nil },
			Time:     func() (Timetable, error) { return new(afterFuncs), nil },
			Recur:    func(beat func(int64)) (Recurring, error) { return &resets{beat: beat}, nil },
			Register: func(names []string) (Register, error) { return &timers{list: make([]*time.Timer, len(names))}, nil },
			Virtual:  func(tick func()) (Simulation, error) { return newPlan(tick), nil },
			Years:    loopYear,
			Durable:  newJournal,
		},
		{
			Name: "go, recover", Kind: Floor, Gives: "recovery from panics",
			Dispatch: func() (Dispatcher, error) { return submit(func(j *Job) { go j.Safe() }), nil },
		},
		{
			Name: "go, then go", Kind: Floor, Gives: "a hand-over to a second goroutine, as with a deferral",
			Dispatch: func() (Dispatcher, error) { return submit(func(j *Job) { go func() { go j.Bare() }() }), nil },
		},
		{
			Name: "channel, 1 worker", Kind: Floor, Gives: "order; Submit waits for the worker",
			Dispatch: func() (Dispatcher, error) { return newWorkers(0, 1), nil },
		},
		{
			Name: "channel of 1024, 4 workers", Kind: Floor, Gives: "a bound",
			Dispatch: func() (Dispatcher, error) { return newWorkers(1024, 4), nil },
		},
		{
			Name: "time.AfterFunc", Kind: Floor, Gives: "a timer, due at once",
			Dispatch: func() (Dispatcher, error) { return submit(func(j *Job) { time.AfterFunc(0, j.Safe) }), nil },
		},
		{
			Name: "goroutine and ticker", Kind: Floor, Gives: "what many write by hand",
			Register: func(names []string) (Register, error) {
				return &tickers{stop: make([]chan struct{}, len(names))}, nil
			},
			Most:   map[Ability]int{Registering: 100_000},
			Cannot: map[Ability]string{Registering: "3 KB each: a million would fill the memory of a small machine"},
		},
	}
}

// submit is a Dispatcher that starts a goroutine for each job.
type submit func(*Job)

func (s submit) Submit(j *Job) { s(j) }

func (s submit) Close() {}

type workers struct {
	jobs chan *Job
	all  sync.WaitGroup
}

func newWorkers(buffer, n int) *workers {
	w := &workers{jobs: make(chan *Job, buffer)}
	for range n {
		w.all.Go(func() {
			for j := range w.jobs {
				j.Safe()
			}
		})
	}
	return w
}

func (w *workers) Submit(j *Job) { w.jobs <- j }

func (w *workers) Close() {
	close(w.jobs)
	w.all.Wait()
}

// afterFuncs has a runtime timer for each job.
type afterFuncs struct{}

func (*afterFuncs) At(t time.Time, j *Job) error {
	time.AfterFunc(time.Until(t), j.Safe)
	return nil
}

func (*afterFuncs) Start() error { return nil }

func (*afterFuncs) Close() {}

// resets has a runtime timer for each job, which sets itself anew.
type resets struct {
	beat func(int64)
	over atomic.Bool
}

func (r *resets) Every(first time.Time, every time.Duration) error {
	due := since(first)
	var t *time.Timer
	t = time.AfterFunc(time.Hour, func() { // which may be due already, and needs t
		this := due
		if r.over.Load() {
			return
		}
		for due += int64(every); due <= Now(); due += int64(every) {
		}
		t.Reset(time.Duration(due - Now()))
		guarded(func() { r.beat(this) })
	})
	t.Reset(time.Until(first))
	return nil
}

func (*resets) Start() error { return nil }

func (r *resets) Close() { r.over.Store(true) }

// timers has a runtime timer for each registration, which would set itself anew.
type timers struct{ list []*time.Timer }

func (r *timers) Add(i int) error {
	var t *time.Timer
	t = time.AfterFunc(Quarter, func() { t.Reset(Quarter) })
	r.list[i] = t
	return nil
}

func (r *timers) Remove(i int) error {
	r.list[i].Stop()
	r.list[i] = nil
	return nil
}

func (r *timers) Start() error { return nil }

func (r *timers) Close() {
	for _, t := range r.list {
		if t != nil {
			t.Stop()
		}
	}
}

// tickers has a goroutine with a time.Ticker for each registration.
type tickers struct {
	stop []chan struct{}
	all  sync.WaitGroup
}

func (r *tickers) Add(i int) error {
	stop := make(chan struct{})
	r.stop[i] = stop
	r.all.Go(func() {
		t := time.NewTicker(Quarter)
		defer t.Stop()
		for {
			select {
			case <-t.C:
			case <-stop:
				return
			}
		}
	})
	return nil
}

func (r *tickers) Remove(i int) error {
	close(r.stop[i])
	r.stop[i] = nil
	return nil
}

func (r *tickers) Start() error { return nil }

func (r *tickers) Close() {
	for _, stop := range r.stop {
		if stop != nil {
			close(stop)
		}
	}
	r.all.Wait()
}

// A plan is the least that virtual time takes: a heap of due times, and a loop
// that calls what is due.
type plan struct {
	due  dueTimes
	now  time.Duration
	tick func()
}

func newPlan(tick func()) *plan {
	p := &plan{tick: tick}
	for range Ticking {
		p.due = append(p.due, TickEvery)
	}
	return p
}

func (p *plan) Pass() {
	p.now += TickEvery
	for p.due[0] <= p.now {
		p.due[0] += TickEvery
		heap.Fix(&p.due, 0)
		p.tick()
	}
}

func (p *plan) Close() {}

type dueTimes []time.Duration

func (d dueTimes) Len() int           { return len(d) }
func (d dueTimes) Less(i, j int) bool { return d[i] < d[j] }
func (d dueTimes) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *dueTimes) Push(x any)        { *d = append(*d, x.(time.Duration)) }
func (d *dueTimes) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}

// A journal appends a record of 104 bytes for each job to a file, syncs it, and
// starts a goroutine.
type journal struct {
	mu     sync.Mutex // guards the following
	f      *os.File
	record [104]byte
}

func newJournal(dir string) (Dispatcher, error) {
	f, err := os.Create(filepath.Join(dir, "journal"))
	return &journal{f: f}, err
}

func (l *journal) Submit(j *Job) {
	l.mu.Lock()
	_, err := l.f.Write(l.record[:])
	must(err)
	must(l.f.Sync())
	l.mu.Unlock()
	go j.Safe()
}

func (l *journal) Close() { must(l.f.Close()) }

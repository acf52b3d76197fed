package measure

import (
	"fmt"
	"sync"

	"github.com/bgloop/bgloop/bench/peers"
)

// A Load is how jobs are asked for.
type Load struct {
	Name      string
	Producers int
	Each      int // jobs that a producer asks for before it waits
}

// Runs is how many jobs one batch has.
func (l Load) Runs() int { return l.Producers * l.Each }

// Loads are the three ways.
func Loads() []Load {
	return []Load{
		{"one at a time", 1, 1},
		{"burst of 1024, 1 producer", 1, 1024},
		{"burst of 1024, 8 producers", 8, 128},
	}
}

// A Batch asks a dispatcher for jobs, again and again, and each time waits until
// they are over.
type Batch struct {
	load Load
	d    peers.Dispatcher
	wait peers.Awaiter // the same, if its callers wait for outcomes
	jobs []*peers.Job
	done sync.WaitGroup
}

// NewBatch makes a batch; with timed, the jobs say when they began and ended.
func NewBatch(l Load, d peers.Dispatcher, timed bool) *Batch {
	b := &Batch{load: l, d: d}
	b.wait, _ = d.(peers.Awaiter)
	b.jobs = peers.NewJobs(l.Runs(), &b.done)
	for _, j := range b.jobs {
		j.Timed = timed
	}
	return b
}

// Run asks for the jobs and waits until they are over.
func (b *Batch) Run() {
	b.done.Add(len(b.jobs))
	if b.load.Producers == 1 {
		b.produce(b.jobs)
	} else {
		var all sync.WaitGroup
		for i := range b.load.Producers {
			all.Go(func() { b.produce(b.jobs[i*b.load.Each : (i+1)*b.load.Each]) })
		}
		all.Wait()
	}
	b.done.Wait()
}

func (b *Batch) produce(jobs []*peers.Job) {
	if b.wait != nil {
		for _, j := range jobs {
			if j.Timed {
				j.Due = peers.Now()
			}
		}
		b.wait.SubmitAll(jobs)
		return
	}
	for _, j := range jobs {
		if j.Timed {
			j.Due = peers.Now()
		}
		b.d.Submit(j)
	}
}

// warm runs some batches so that goroutines and memory are there.
func (b *Batch) warm() {
	for range max(2, 512/b.load.Runs()) {
		b.Run()
	}
}

// noPanics is an error if a handler has panicked.
func noPanics() error {
	if n := peers.Panics.Load(); n != 0 {
		return fmt.Errorf("%d handlers panicked", n)
	}
	return nil
}

// Jobs are the batch's.
func (b *Batch) Jobs() []*peers.Job { return b.jobs }

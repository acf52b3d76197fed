package peers

import (
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
)

// fromWorkqueue: client-go's queue of keys with four workers of ours, as a
// controller has them. Beyond the floor it gives one run at a time for each key,
// merging of a key that is queued, and delays. It does not recover from panics;
// the workers do.
func fromWorkqueue() []Contender {
	return []Contender{{
		Name: "client-go workqueue, 4 workers", Kind: Peer, Gives: "one run per key, merging, delays",
		Dispatch: func() (Dispatcher, error) { return newQueue(), nil },
		Time:     func() (Timetable, error) { return newDelays(), nil },
		Cannot: map[Ability]string{
			Registering: "what is in it comes once",
			Simulating:  "what is in it comes once",
			Storing:     "it keeps what is pending in memory",
		},
	}}
}

type queue struct {
	q   workqueue.TypedInterface[*Job]
	all sync.WaitGroup
}

func newQueue() *queue {
	q := &queue{q: workqueue.NewTyped[*Job]()}
	q.work()
	return q
}

func (q *queue) work() {
	for range 4 {
		q.all.Go(func() {
			for {
				j, over := q.q.Get()
				if over {
					return
				}
				j.Safe()
				q.q.Done(j)
			}
		})
	}
}

func (q *queue) Submit(j *Job) { q.q.Add(j) }

func (q *queue) Close() {
	q.q.ShutDownWithDrain()
	q.all.Wait()
}

type delays struct {
	queue
	d workqueue.TypedDelayingInterface[*Job]
}

func newDelays() *delays {
	d := &delays{d: workqueue.NewTypedDelayingQueue[*Job]()}
	d.q = d.d
	return d
}

func (d *delays) At(t time.Time, j *Job) error {
	d.d.AddAfter(j, time.Until(t))
	return nil
}

func (d *delays) Start() error {
	d.work()
	return nil
}

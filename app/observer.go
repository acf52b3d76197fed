package app

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/bgloop/bgloop/event"
)

// queueBound is how many events wait for an observer before the newest are left
// out.
const queueBound = 1024

// An Observer is told of events, in the order in which they happened, on a
// goroutine of the App's, one at a time. If it panics that is logged and it
// goes on with the next event.
type Observer struct {
	a    *App
	f    func(event.Event)
	only event.Kind // zero: all, lossy
	task *Task      // nil: of the App

	// head is how many of those in hand have been told. Once it is closed it is
	// at least closed, and none is anymore.
	head atomic.Int64

	mu      sync.Mutex    // guards the following
	queue   []event.Event // not in hand yet
	inHand  []event.Event // read by its strand without mu
	telling bool          // a strand is on it
	dropped uint64
}

// closed is where the head of an Observer is that is no more.
const closed = 1 << 62

// newObserver panics if f is nil, as Handle does, and not once at each event.
func newObserver(a *App, f func(event.Event), only event.Kind) *Observer {
	if f == nil {
		panic("app: nil observer of events")
	}
	return &Observer{a: a, f: f, only: only}
}

// Observe calls f for everything that happens from now on. While f is busy up
// to 1,024 events wait; beyond that they are left out, and counted. Nil panics.
func (a *App) Observe(f func(event.Event)) *Observer {
	o := newObserver(a, f, 0)
	a.own(func() {
		a.observers = append(a.observers, o)
		a.hear()
	})
	return o
}

// hear notes whether somebody is told everything. The owner calls it.
func (a *App) hear() {
	a.eng.Watched = len(a.observers) > 0 || a.witness != nil
	a.heard.Store(a.eng.Watched)
}

// Dropped is how many events were left out since the observer was too slow, or
// since the App stopped before they were told.
func (o *Observer) Dropped() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}

// Stop ends the observing. A call that is being made goes on.
func (o *Observer) Stop() {
	o.close()
	o.a.own(func() {
		gone := func(p *Observer) bool { return p == o }
		if o.task == nil {
			o.a.observers = slices.DeleteFunc(o.a.observers, gone)
			o.a.hear()
			return
		}
		o.task.tie(o.task.port(), slices.DeleteFunc(o.task.observers(), gone))
	})
}

func (o *Observer) close() (left int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	head := o.head.Swap(closed)
	if head >= closed {
		return 0
	}
	left = len(o.queue) + len(o.inHand) - int(head)
	o.queue = nil
	o.dropped += uint64(left)
	return left
}

func (o *Observer) wants(k event.Kind) bool { return o.only == k }

// putAll queues events.
func (o *Observer) putAll(list []event.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range list {
		o.add(&list[i])
	}
}

// put queues an event.
func (o *Observer) put(e *event.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.add(e)
}

// add queues an event, with o.mu held, and gives the observer a strand if it has
// none.
func (o *Observer) add(e *event.Event) {
	head := o.head.Load()
	switch {
	case head >= closed:
		return
	case o.only == 0 && len(o.queue)+len(o.inHand)-int(head) >= queueBound:
		o.dropped++
		return
	case o.only == event.Progressed && o.newer(e):
		return
	}
	o.queue = append(o.queue, *e)
	if !o.telling {
		o.telling = true
		o.a.spawnOwned(o)
	}
}

// newer puts e in the place of a waiting report of the same instance.
func (o *Observer) newer(e *event.Event) bool {
	for i := range o.queue {
		if o.queue[i].Instance == e.Instance {
			o.queue[i] = *e
			return true
		}
	}
	return false
}

// Run is the observer's strand: it tells until nothing waits. It implements
// seam.Job.
func (o *Observer) Run() {
	done := false
	defer func() {
		if v := recover(); !done {
			_ = o.a.caught("observer", v)
			o.a.spawn(o) // go on with the next event
		}
		o.a.rest()
	}()
	for list, from := o.next(); list != nil; list, from = o.next() {
		for i := from; i < len(list) && !o.a.silent.Load() && o.head.CompareAndSwap(int64(i), int64(i)+1); i++ {
			o.f(list[i])
		}
	}
	done = true
}

// next takes in hand what waits, and says where to go on there; nothing if it is
// to be told no more. Of progress it takes one, for what waits may be replaced.
func (o *Observer) next() (list []event.Event, from int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	head := o.head.Load()
	if head < closed && o.a.silent.Load() {
		o.dropped += uint64(len(o.queue) + len(o.inHand) - int(head))
		o.queue, head = o.queue[:0], int64(len(o.inHand))
	}
	if head < int64(len(o.inHand)) { // one of them made f panic
		return o.inHand, int(head)
	}
	clear(o.inHand) // what they point to is no longer needed
	told := o.inHand[:0]
	if head >= closed || len(o.queue) == 0 {
		o.telling = false
		if head < closed {
			o.inHand = told
			o.head.Store(0)
		}
		return nil, 0
	}
	if o.only == event.Progressed {
		o.inHand, o.queue = append(told, o.queue[0]), slices.Delete(o.queue, 0, 1)
	} else {
		o.inHand, o.queue = o.queue, told
	}
	o.head.Store(0)
	return o.inHand, 0
}

package app

import (
	"slices"
	"sync"

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

	mu      sync.Mutex // guards the following
	queue   []event.Event
	head    int
	telling bool // a strand is on it
	closed  bool
	dropped uint64
}

func newObserver(a *App, f func(event.Event), only event.Kind) *Observer {
	return &Observer{a: a, f: f, only: only}
}

// Observe calls f for everything that happens from now on. While f is busy up
// to 1,024 events wait; beyond that they are left out, and counted.
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
	left = len(o.queue) - o.head
	o.closed, o.queue, o.head = true, nil, 0
	o.dropped += uint64(left)
	return left
}

func (o *Observer) wants(k event.Kind) bool { return o.only == k }

// put queues an event, and gives the observer a strand if it has none.
func (o *Observer) put(e *event.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return
	case o.only == 0 && len(o.queue)-o.head >= queueBound:
		o.dropped++
		return
	case o.only == event.Progressed && o.newer(e):
		return
	}
	if o.head > queueBound && o.head > len(o.queue)/2 { // it never runs empty
		o.queue = slices.Delete(o.queue, 0, o.head)
		o.head = 0
	}
	o.queue = append(o.queue, *e)
	if !o.telling {
		o.telling = true
		o.a.spawn(o)
	}
}

// newer puts e in the place of a waiting report of the same instance.
func (o *Observer) newer(e *event.Event) bool {
	for i := o.head; i < len(o.queue); i++ {
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
	for e, ok := o.next(); ok; e, ok = o.next() {
		o.f(e)
	}
	done = true
}

func (o *Observer) next() (event.Event, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if left := len(o.queue) - o.head; left == 0 || o.a.silent.Load() {
		o.dropped += uint64(left)
		o.queue, o.head, o.telling = o.queue[:0], 0, false
		return event.Event{}, false
	}
	e := o.queue[o.head]
	o.queue[o.head] = event.Event{}
	o.head++
	return e, true
}

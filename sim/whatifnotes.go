package sim

import (
	"time"

	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// notes are what a WhatIf writes down as it lives.
type notes struct {
	f      *Forecast
	list   []*watched
	tasks  map[rowKey]*watched
	acts   map[uint64]*noted
	active int
}

// A noted is an activation that is not over.
type noted struct {
	fired, started time.Time
	waited         [event.ForStore + 1]bool
}

// A watched is a task, and those of its due times that are near an edge.
type watched struct {
	TaskForecast
	n      *notes
	active int
	edges  []*Edge
	near   []EdgeTask // for each of edges
}

func (n *notes) watch(k rowKey) *watched {
	t := &watched{TaskForecast: TaskForecast{Task: k.String()}, n: n}
	n.tasks[k] = t
	n.list = append(n.list, t)
	return t
}

// zone notes that a task goes by the wall clock of a zone.
func (t *watched) zone(loc *time.Location) {
	for _, e := range t.n.zone(loc) {
		t.edges = append(t.edges, e)
		t.near = append(t.near, EdgeTask{Task: t.Task})
	}
}

// zone returns the edges of a zone, which it looks up the first time.
func (n *notes) zone(loc *time.Location) (edges []*Edge) {
	for _, e := range n.f.Edges {
		if e.At.Location().String() == loc.String() {
			edges = append(edges, e)
		}
	}
	if edges == nil {
		edges = edgesOf(loc, n.f.From, n.f.To)
		n.f.Edges = append(n.f.Edges, edges...)
	}
	return edges
}

// Registering implements engine.Witness.
func (n *notes) Registering(string, *tasks.Registration) {}

// Saw implements engine.Witness.
func (n *notes) Saw(time.Time, engine.Input) {}

// Heeds implements engine.Witness.
func (n *notes) Heeds(engine.Op) bool { return false }

// Told implements engine.Witness.
func (n *notes) Told(e *event.Event) {
	t := n.tasks[rowKey{e.Group, e.Task}]
	if t == nil {
		return
	}
	switch e.Kind { //nolint:exhaustive // the others count nothing
	case event.Fired:
		n.acts[e.Activation] = &noted{fired: e.At}
		t.due(e.Due)
		t.Fired++
	case event.Merged:
		t.due(e.Due)
		t.Merged++
	case event.Refused:
		t.due(e.Due)
		t.Refused++
	case event.Waiting:
		n.waits(t, e)
	case event.Started:
		n.started(t, e)
	case event.Canceling:
		t.Canceled++
	case event.Ended:
		t.active--
		n.active--
		if x := n.acts[e.Activation]; x != nil {
			t.Busy += e.At.Sub(x.started)
		}
	case event.Completed:
		delete(n.acts, e.Activation)
		t.Completed++
	case event.Missed:
		t.Missed += e.N
	case event.Faulted:
		t.Fault = e.Err
	}
}

func (t *watched) due(at time.Time) {
	t.Due++
	for i, e := range t.edges {
		switch d, shift := at.Sub(e.At), e.Shift.Abs(); {
		case d >= -shift && d < 0:
			t.near[i].Before++
		case d >= 0 && d < shift:
			t.near[i].After++
		}
	}
}

// waits counts an activation once for each thing it waits for.
func (n *notes) waits(t *watched, e *event.Event) {
	x := n.acts[e.Activation]
	if x == nil || x.waited[e.Waits] {
		return
	}
	x.waited[e.Waits] = true
	switch e.Waits { //nolint:exhaustive // the others are not counted
	case event.ForOverlap:
		t.Waited++
	case event.ForCondition:
		t.Latched++
	case event.ForCap:
		t.Capped++
	}
}

func (n *notes) started(t *watched, e *event.Event) {
	t.Started++
	t.active++
	n.active++
	t.Peak = max(t.Peak, t.active)
	if n.active > n.f.Peak {
		n.f.Peak, n.f.PeakAt = n.active, e.At
	}
	if x := n.acts[e.Activation]; x != nil {
		x.started = e.At
		if e.Attempt == 1 {
			t.Longest = max(t.Longest, e.At.Sub(x.fired))
		}
	}
}

// end is when the days are over; what the stopping does is not part of them.
func (n *notes) end() {
	for _, t := range n.list {
		n.f.Tasks = append(n.f.Tasks, t.TaskForecast)
		for i, near := range t.near {
			if near.Before+near.After > 0 {
				t.edges[i].Tasks = append(t.edges[i].Tasks, near)
			}
		}
	}
	n.tasks = nil
}

package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/store"
)

// A journal writes what the engine says is to be kept to the App's store, on a
// strand of its own, one batch after the other: what is decided while one is
// written is the next. Until that is durable it holds back what depends on it:
// starts, outcomes, events and answers.
type journal struct {
	a     *App
	store store.Store

	ctx    context.Context //nolint:containedctx // of all its writing
	cancel context.CancelFunc

	// What follows belongs to the owner.
	seq     uint64 // of the last change
	done    uint64 // of the last that is durable
	queue   []change
	batch   []change // being written, or failed and to be written again
	writing bool
	failed  error // why the last batch could not be written
	pause   time.Duration
	timer   engine.Timer
	last    bool // it has been tried for the last time
	held    []held
	past    map[engine.Key]*past // of a former run, and not registered; nil before it is known
	anew    map[engine.Key]bool  // unregistered or replaced before it was
}

// A change is one record that is to be written, as it was decided: it is
// encoded on the journal's strand, for errors may have code of the user's.
type change struct {
	seq   uint64
	kind  store.Kind
	key   string
	task  *engine.TaskState
	terms *engine.Terms
	act   *engine.ActState
	app   *appRecord
}

// A held is an effect that waits for a change to be durable.
type held struct {
	seq   uint64
	run   *run    // to be started
	done  *handle // whose activation is over, with err
	err   error
	event *event.Event
	task  *engine.Task // whose observers are told it; may be nil
	wait  *promise
}

func newJournal(a *App, s store.Store) *journal {
	return &journal{a: a, store: s, anew: map[engine.Key]bool{}}
}

// begin is called before anything can be decided that is to be kept.
func (j *journal) begin() {
	j.ctx, j.cancel = context.WithCancel(context.WithoutCancel(j.a.base))
}

// carry takes over what the engine has decided: it queues what is to be kept,
// and does or holds back the rest.
func (j *journal) carry(effects []engine.Effect) {
	j.collect()
	for i := range effects {
		if f := &effects[i]; j.seq == j.done || !j.hold(f) {
			j.a.carry(f)
		}
	}
	j.write()
}

// collect queues the changes of the last Step.
func (j *journal) collect() {
	e := j.a.eng
	for _, c := range e.Changes() {
		switch {
		case c.Gone && c.Act != nil:
			j.put(change{kind: store.Delete, key: actKeyOf(c.Act.ID)})
		case c.Gone:
			j.put(change{kind: store.Delete, key: keyOf(c.Task.Key)})
		default:
			s := e.TaskState(c.Task)
			n := change{kind: store.Put, key: keyOf(c.Task.Key), task: &s, terms: c.Task.Terms}
			if c.Act != nil {
				act := e.ActState(c.Act)
				n.key, n.act = actKeyOf(act.ID), &act
			}
			j.put(n)
		}
	}
	if e.Begun() && e.PausesChanged() {
		all, groups := e.Pauses()
		r := appRecord{V: recordVersion, IDs: e.IDs(), Paused: all}
		for g, paused := range groups {
			if paused {
				r.Groups = append(r.Groups, g)
			}
		}
		slices.Sort(r.Groups)
		j.put(change{kind: store.Put, key: appKey, app: &r})
	}
}

func (j *journal) put(c change) {
	j.seq++
	c.seq = j.seq
	j.queue = append(j.queue, c)
}

// hold keeps an effect until all changes so far are durable, if it depends on
// them. Other events are held to keep their order, but not while the store fails.
func (j *journal) hold(f *engine.Effect) bool {
	h := held{seq: j.seq}
	switch f.Do {
	case engine.Start:
		if !f.Task.Durable() {
			return false
		}
		h.run = j.a.newRun(f.Inst)
	case engine.Stop:
		j.letGo(runOf(f.Inst))
		return false
	case engine.Settle:
		if !f.Act.Task.Durable() {
			return false
		}
		j.a.noteEnd(f.Act, f.Err)
		r, ok := f.Act.Host.(*run)
		if !ok || r.h == nil {
			return true
		}
		h.done, h.err = r.h, f.Err
	case engine.Emit:
		if j.failed != nil && (f.Task == nil || !f.Task.Durable()) {
			return false
		}
		e := *j.a.eventOf(f)
		h.event, h.task = &e, f.Task
	default:
		return false
	}
	j.held = append(j.held, h)
	return true
}

// letGo starts a run that was held back and is canceled: it runs no code of the
// user's anymore.
func (j *journal) letGo(r *run) {
	if i := slices.IndexFunc(j.held, func(h held) bool { return h.run == r }); i >= 0 {
		j.held = slices.Delete(j.held, i, i+1)
		j.a.driver.Spawn(r)
	}
}

// release does what was held back and is durable now.
func (j *journal) release() {
	n := 0
	for n < len(j.held) && j.held[n].seq <= j.done {
		h := &j.held[n]
		n++
		switch {
		case h.run != nil:
			j.a.launch(h.run)
		case h.done != nil:
			h.done.settle(h.err)
		case h.event != nil:
			j.a.tell(h.event, h.task)
		case h.wait != nil:
			h.wait.keep(nil)
		}
	}
	j.held = slices.Delete(j.held, 0, n)
}

// close ends the writing, and lets go of who waits for it. What was not written
// will be done again. The owner calls it when the App has stopped.
func (j *journal) close() {
	if j.cancel != nil {
		j.cancel()
	}
	for i := range j.held {
		switch h := &j.held[i]; {
		case h.done != nil:
			h.done.settle(h.err)
		case h.wait != nil:
			h.wait.keep(fmt.Errorf("%w: the app has stopped", ErrStore))
		}
	}
	j.held = nil
}

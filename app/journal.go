package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/internal/seam"
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

// A promise is a caller who waits for what he did to be durable.
type promise struct {
	park seam.Park
	err  error // set before the park is left
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

// write begins to write what is queued, unless it is writing or has to wait.
func (j *journal) write() {
	if j.writing || j.failed != nil || len(j.queue) == 0 {
		return
	}
	j.batch, j.queue = append(j.batch, j.queue...), j.queue[:0]
	j.writing = true
	j.a.spawn(j)
}

// Run implements seam.Job: it writes batches until none is left.
func (j *journal) Run() {
	defer j.a.rest()
	more := true
	written := func(err error) { j.a.own(func() { more = j.written(err) }) }
	for more {
		written(protect(j.append, written))
	}
}

// append encodes the batch and gives it to the store.
func (j *journal) append() error {
	records := make([]store.Record, 0, len(j.batch))
	for i := range j.batch {
		r, err := j.a.encode(&j.batch[i])
		if err != nil {
			return err
		}
		records = append(records, r)
	}
	return j.store.Append(j.ctx, records)
}

func (a *App) encode(c *change) (r store.Record, err error) {
	r = store.Record{Kind: c.kind, Key: c.key}
	switch {
	case c.act != nil:
		v := a.kinds.actRecordOf(c.act)
		v.Task = taskRecordOf(c.task, c.seq)
		r.Value, err = json.Marshal(v)
	case c.task != nil:
		v := taskRecordOf(c.task, c.seq)
		v.Options, v.Conditions = optionsOf(&c.terms.Reg), c.terms.Conditions
		r.Value, err = json.Marshal(v)
	case c.app != nil:
		r.Value, err = json.Marshal(c.app)
	}
	return r, err
}

// written is told how the writing of the batch has ended, and reports whether
// there is another. The owner calls it.
func (j *journal) written(err error) (more bool) {
	j.writing = false
	if j.a.closed {
		return false
	}
	if err != nil {
		j.fail(err)
		return false
	}
	j.done = j.batch[len(j.batch)-1].seq
	clear(j.batch)
	j.batch = j.batch[:0]
	j.release()
	if j.failed != nil {
		j.failed, j.pause = nil, 0
		j.a.step(&engine.Input{Op: engine.Stall}) // which may write
	}
	if j.writing || len(j.queue) == 0 {
		return false
	}
	j.batch, j.queue = append(j.batch, j.queue...), j.queue[:0]
	j.writing = true
	return true
}

// How long a store that failed is left alone.
const (
	firstStorePause   = 100 * time.Millisecond
	longestStorePause = time.Minute
)

// fail makes what is durable wait for the store, and tries it again later. Who
// waits for an answer is told that it is not known.
func (j *journal) fail(err error) {
	first := j.failed == nil
	j.failed = err
	j.held = slices.DeleteFunc(j.held, func(h held) bool {
		if h.wait != nil {
			h.wait.keep(fmt.Errorf("%w: %w", ErrStore, err))
		}
		return h.wait != nil
	})
	if first {
		j.a.spawn(&errand{j.a, nil, "log", func() { j.a.log.Error("bgloop: the store failed", "err", err) }, false})
		j.a.step(&engine.Input{Op: engine.Stall, On: true, Err: err})
	}
	j.pause = min(max(2*j.pause, firstStorePause), longestStorePause)
	j.timer.Host = j
	j.a.step(&engine.Input{Op: engine.Arm, Timer: &j.timer, For: j.pause})
}

// again writes the batch once more, with what was decided since. The owner
// calls it.
func (j *journal) again() {
	if j.writing || j.failed == nil || j.a.closed {
		return
	}
	j.batch, j.queue = append(j.batch, j.queue...), j.queue[:0]
	j.writing = true
	j.a.spawn(j)
}

// lastTry writes once more what could not be written, when nothing is left to
// be done, and reports whether it does.
func (j *journal) lastTry() bool {
	if j.last || j.failed == nil || j.writing {
		return j.writing
	}
	j.last = true
	j.again()
	return j.writing
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

func (p *promise) keep(err error) {
	p.err = err
	p.park.Unpark()
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

// call is App.call that returns when what was decided is durable. Details of
// what is to be kept are packed before, by the caller.
func (j *journal) call(in *engine.Input) (r answer) {
	packs := false
	ask := func() {
		if packs = in.Details != nil && j.keeps(in); !packs {
			r = j.a.ask(in)
		}
	}
	err := j.durably(ask)
	if packs {
		if in.Details, err = j.a.pack(in.Details); err != nil {
			if in.Op == engine.FirePlace {
				j.a.call(&engine.Input{Op: engine.Unreserve, Place: in.Place})
			}
			r.Result, r.Err = activation.UnknownError, err
			return r
		}
		err = j.durably(func() { r = j.a.ask(in) })
	}
	if err != nil && r.Err == nil {
		r.Err = err
		if r.outcome != nil {
			r.Result = activation.UnknownError
		}
	}
	return r
}

// keeps reports whether the details of a firing may have to be stored. The owner
// calls it.
func (j *journal) keeps(in *engine.Input) bool {
	switch {
	case in.Op == engine.Fire:
		return in.Task.Durable()
	case in.Op == engine.FirePlace:
		return in.Place.Task.Durable()
	}
	return in.Op == engine.Raise
}

// durably runs f as the owner, and waits until what it changed is durable.
func (j *journal) durably(f func()) error {
	var (
		p      *promise
		failed error
	)
	j.a.own(func() {
		before := j.seq
		f()
		switch {
		case j.seq == before || j.seq == j.done || j.a.closed:
		case j.failed != nil:
			failed = fmt.Errorf("%w: %w", ErrStore, j.failed)
		default:
			p = &promise{park: j.a.driver.NewPark()}
			j.held = append(j.held, held{seq: j.seq, wait: p})
		}
	})
	if p == nil {
		return failed
	}
	_ = p.park.Park(nil) //nolint:staticcheck // written, fail or close unpark it
	return p.err
}

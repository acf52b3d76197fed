package app

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/store"
)

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

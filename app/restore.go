package app

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/store"
)

// A past is what the store has of a registration of a former run.
type past struct {
	task taskRecord
	acts []actRecord
}

// A load is what the store has.
type load struct {
	app   appRecord
	tasks map[engine.Key]*past
	seq   uint64
	over  []string // keys of what is over, and was not deleted
}

// load reads the store. It is called before the App begins, by nobody's owner.
func (j *journal) load(ctx context.Context) (*load, error) {
	l := &load{tasks: map[engine.Key]*past{}}
	add := func(r store.Record) error {
		if err := l.add(r); err != nil {
			return err
		}
		return j.a.loaded(r)
	}
	if err := j.store.Load(ctx, add); err != nil {
		return nil, fmt.Errorf("app: loading the store: %w", err)
	}
	for k, p := range l.tasks {
		slices.SortFunc(p.acts, func(a, b actRecord) int { return cmp.Compare(a.ID, b.ID) })
		if p.task.Spent && len(p.acts) == 0 { // a one-shot that was over when the process ended
			delete(l.tasks, k)
			l.over = append(l.over, keyOf(k))
		}
	}
	slices.Sort(l.over)
	return l, nil
}

// loaded tells the witness of a record, if it wants to know. What the program
// keeps for itself is its own, and so are the details of activations.
func (a *App) loaded(r store.Record) error {
	w, wants := a.witness.(engine.Loader)
	if !wants || store.InCell(r) {
		return nil
	}
	if strings.HasPrefix(r.Key, actKey) {
		var v actRecord
		if err := read(r, &v); err != nil {
			return err
		}
		v.Kind, v.Details = "", nil
		bare, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("%w: key %q: %w", ErrRecord, r.Key, err)
		}
		r.Value = bare
	}
	w.Loaded(a.clock.Now(), r.Key, r.Value)
	return nil
}

func (l *load) add(r store.Record) error {
	switch {
	case r.Key == appKey:
		var v appRecord
		if err := read(r, &v); err != nil {
			return err
		}
		l.app.Paused, l.app.Groups = v.Paused, v.Groups
		l.noteIDs(v.IDs)
	case strings.HasPrefix(r.Key, taskKey):
		var v taskRecord
		if err := read(r, &v); err != nil {
			return err
		}
		l.note(&v)
	case strings.HasPrefix(r.Key, actKey):
		var v actRecord
		if err := read(r, &v); err != nil {
			return err
		}
		v.Task.V = recordVersion
		p := l.note(&v.Task)
		p.acts = append(p.acts, v)
	case store.InCell(r): // the program's own
	default:
		return fmt.Errorf("%w: key %q", ErrRecord, r.Key)
	}
	return nil
}

// note takes over where a task stands, if that is newer than what is known.
func (l *load) note(r *taskRecord) *past {
	l.noteIDs(r.IDs)
	l.seq = max(l.seq, r.Seq)
	p := l.tasks[r.key()]
	if p == nil {
		p = &past{task: *r}
		l.tasks[r.key()] = p
	}
	options, conditions := p.task.Options, p.task.Conditions
	if r.Options != nil {
		options, conditions = r.Options, r.Conditions
	}
	if r.Seq >= p.task.Seq {
		p.task = *r
	}
	p.task.Options, p.task.Conditions = options, conditions
	return p
}

func (l *load) noteIDs(ids engine.IDs) {
	l.app.IDs.Act = max(l.app.IDs.Act, ids.Act)
	l.app.IDs.Inst = max(l.app.IDs.Inst, ids.Inst)
}

// resume gives the registrations that were made so far what the store has of
// them, and returns what it has of all. The owner calls it, before the engine
// begins.
func (j *journal) resume(l *load) *engine.Former {
	j.seq, j.done, j.past = l.seq, l.seq, l.tasks
	for _, key := range l.over {
		j.put(change{kind: store.Delete, key: key})
	}
	for _, u := range j.unclaimed() { // in their order
		if key := (engine.Key{Group: u.Group, Name: u.Task}); j.anew[key] {
			j.forget(key)
		}
	}
	f := &engine.Former{IDs: l.app.IDs, Paused: l.app.Paused, Groups: l.app.Groups, Tasks: map[engine.Key]*engine.Stored{}}
	for _, t := range j.a.eng.Tasks(nil) {
		s := j.offer(t.Key, t.Durable() && !j.anew[t.Key])
		if s != nil {
			f.Tasks[t.Key] = s
		}
		j.claimed(t.Key, s != nil)
	}
	return f
}

// offer is what the store has of a registration that is being made.
func (j *journal) offer(key engine.Key, wanted bool) *engine.Stored {
	p := j.past[key]
	if p == nil || !wanted {
		return nil
	}
	s := &engine.Stored{TaskState: p.task.state()}
	for i := range p.acts {
		s.Acts = append(s.Acts, p.acts[i].state())
	}
	return s
}

// claimed says that a registration was made. What the store had of it is the
// task's now, or, if that was not wanted, gone.
func (j *journal) claimed(key engine.Key, wanted bool) {
	if !wanted {
		j.forget(key)
	}
	delete(j.past, key)
}

// register is enlist for who is not the owner.
func (j *journal) register(spec *engine.Spec) (err error) {
	j.a.own(func() { err = j.enlist(spec) })
	return err
}

// enlist gives a registration to the engine, with what the store has of it. The
// owner calls it.
func (j *journal) enlist(spec *engine.Spec) error {
	wanted := !spec.Replace && !spec.Reg.Volatile
	spec.Stored = j.offer(spec.Key, wanted)
	err := j.a.step(&engine.Input{Op: engine.Register, Spec: spec}).Err
	switch {
	case err != nil:
	case j.past == nil:
		if spec.Replace {
			j.anew[spec.Key] = true
		}
	default:
		j.claimed(spec.Key, spec.Stored != nil)
		j.write()
	}
	spec.Stored = nil // it may be in the way of nobody's memory
	return err
}

// forget makes the store forget a registration that nobody has made again. The
// owner calls it.
func (j *journal) forget(key engine.Key) {
	p := j.past[key]
	if p == nil {
		return
	}
	delete(j.past, key)
	for i := range p.acts {
		j.put(change{kind: store.Delete, key: actKeyOf(p.acts[i].ID)})
	}
	j.put(change{kind: store.Delete, key: keyOf(key)})
}

// unregister forgets a name that is not registered, whether the store has been
// read or not.
func (j *journal) unregister(key engine.Key) {
	_ = j.durably(func() {
		if j.past == nil {
			j.anew[key] = true
		}
		j.forget(key)
		j.write()
	})
}

// An Unclaimed is a registration that the store has from a former run of the
// program, and that the program has not made again. It is kept until it is
// registered, and goes on then, or unregistered.
type Unclaimed struct {
	Group, Task string
	// Trigger and Conditions are their texts.
	Trigger    string
	Conditions []string
	// Pending is how many activations wait for it.
	Pending int
}

// unclaimed lists them, by group and name. The owner calls it.
func (j *journal) unclaimed() (list []Unclaimed) {
	for k, p := range j.past {
		list = append(list, Unclaimed{k.Group, k.Name, p.task.Trigger, p.task.Conditions, len(p.acts)})
	}
	slices.SortFunc(list, func(x, y Unclaimed) int {
		return cmp.Or(cmp.Compare(x.Group, y.Group), cmp.Compare(x.Task, y.Task))
	})
	return list
}

// tellUnclaimed tells them as events. The owner calls it.
func (j *journal) tellUnclaimed() {
	for _, u := range j.unclaimed() {
		spec := &engine.Spec{Key: engine.Key{Group: u.Group, Name: u.Task}, Terms: &engine.Terms{Trigger: u.Trigger}}
		j.a.step(&engine.Input{Op: engine.Unclaimed, Spec: spec, N: uint64(u.Pending)}) //nolint:gosec // a length
	}
}

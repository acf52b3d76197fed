package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// A packed is details beside the form in which they are stored. Those that were
// loaded are opened when their handler is found.
type packed struct {
	value  any
	opened bool
	name   string
	data   []byte
}

// kinds are the types of which details can be made again, by name.
type kinds struct {
	mu    sync.RWMutex // guards the following
	types map[string]reflect.Type
}

func plainKinds() map[string]reflect.Type {
	m := map[string]reflect.Type{}
	for _, v := range []any{
		false, "", 0, int8(0), int16(0), int32(0), int64(0), uint(0), uint8(0), uint16(0), uint32(0), uint64(0),
		float32(0), float64(0), []byte(nil), []string(nil), map[string]string(nil),
		time.Time{},
		time.Duration(0),
	} {
		m[kindName(reflect.TypeOf(v))] = reflect.TypeOf(v)
	}
	return m
}

// learn adds a type.
func (k *kinds) learn(t reflect.Type) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.types == nil {
		k.types = plainKinds()
	}
	k.types[kindName(t)] = t
}

// learnFrom adds the type that a handler made by tasks.Typed wants.
func (k *kinds) learnFrom(h tasks.Handler) {
	if d, ok := h.(interface{ DetailsType() reflect.Type }); ok && d.DetailsType().Kind() != reflect.Interface {
		k.learn(d.DetailsType())
	}
}

func (k *kinds) find(name string) reflect.Type {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.types == nil {
		return plainKinds()[name]
	}
	return k.types[name]
}

func kindName(t reflect.Type) string {
	if t.PkgPath() != "" {
		return t.PkgPath() + "." + t.Name()
	}
	if t.Kind() == reflect.Pointer {
		return "*" + kindName(t.Elem())
	}
	return t.String()
}

// maxDetails is how many bytes details may have in store, so that a record
// holds them.
const maxDetails = store.MaxRecord / 2

// pack makes details ready to be stored, or drops them. It calls code of theirs,
// so the owner must not call it.
func (a *App) pack(details any) (any, error) {
	p, err := a.kinds.pack(details)
	if err != nil {
		if d, owns := details.(activation.Dropper); owns {
			d.Drop()
		}
		return nil, err
	}
	return p, nil
}

func (k *kinds) pack(details any) (*packed, error) {
	t := reflect.TypeOf(details)
	p := &packed{value: details, opened: true, name: kindName(t)}
	if e, ok := details.(event.Event); ok {
		p.data = encodeEvent(e)
		return p, nil
	}
	if _, owns := details.(activation.Dropper); owns {
		return nil, fmt.Errorf("%w: a %v owns something", ErrNotDurable, t)
	}
	if k.find(p.name) != t {
		return nil, fmt.Errorf("%w: %v is not a type of WithDetails or tasks.Typed", ErrNotDurable, t)
	}
	err := protect(func() (err error) { p.data, err = json.Marshal(details); return err }, func(error) {})
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrNotDurable, err)
	case len(p.data) > maxDetails:
		return nil, fmt.Errorf("%w: %d bytes", ErrNotDurable, len(p.data))
	}
	return p, nil
}

// open makes the value of what was loaded. The handler's strand calls it.
func (p *packed) open(k *kinds) error {
	if p.opened {
		return nil
	}
	if p.name == kindName(reflect.TypeFor[event.Event]()) {
		e, err := decodeEvent(p.data)
		p.value, p.opened = e, err == nil
		return err
	}
	t := k.find(p.name)
	if t == nil {
		return fmt.Errorf("%w: %s is not a type of WithDetails or tasks.Typed", tasks.ErrDetails, p.name)
	}
	v := reflect.New(t)
	if err := json.Unmarshal(p.data, v.Interface()); err != nil {
		return fmt.Errorf("%w: %w", tasks.ErrDetails, err)
	}
	p.value, p.opened = v.Elem().Interface(), true
	return nil
}

// An eventRecord is an event.Event in store: the details of a chain.
type eventRecord struct {
	Kind, Waits, Reason, Result uint8
	Attempt                     int
	At, Due                     instant
	Group, Task, Detail, Err    string
	Activation, Instance, N     uint64
}

func encodeEvent(e event.Event) []byte {
	r := eventRecord{
		Kind: uint8(e.Kind), Waits: uint8(e.Waits), Reason: uint8(e.Reason), Result: uint8(e.Result),
		Attempt: e.Attempt, At: instant(e.At), Due: instant(e.Due), Group: e.Group, Task: e.Task, Detail: e.Detail,
		Activation: e.Activation, Instance: e.Instance, N: e.N, Err: errText(e.Err),
	}
	data, _ := json.Marshal(r) //nolint:errchkjson // nothing in it can fail
	return data
}

func decodeEvent(data []byte) (event.Event, error) {
	var r eventRecord
	if err := json.Unmarshal(data, &r); err != nil {
		return event.Event{}, fmt.Errorf("%w: %w", tasks.ErrDetails, err)
	}
	return event.Event{
		Kind: event.Kind(r.Kind), Waits: event.Waits(r.Waits), Reason: activation.Reason(r.Reason),
		Result: activation.Result(r.Result), Attempt: r.Attempt, At: time.Time(r.At), Due: time.Time(r.Due),
		Group: r.Group, Task: r.Task, Detail: r.Detail, Activation: r.Activation, Instance: r.Instance, N: r.N,
		Err: textErr(r.Err),
	}, nil
}

// errText is what is stored of an error. One that panics when it is asked, as a
// nil pointer of its type may, must not keep the store from all that follows.
func errText(err error) (text string) {
	if err == nil {
		return ""
	}
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprintf("%T, which panics when it is asked: %v", err, v)
		}
	}()
	return err.Error()
}

// textErr is the error that was stored.
func textErr(text string) error {
	switch text {
	case "":
		return nil
	case tasks.ErrLost.Error():
		return tasks.ErrLost
	}
	return errors.New(text)
}

package record

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
)

// An encoder puts records behind one another. What it remembers of those before
// the decoder remembers too.
type encoder struct {
	buf     []byte
	at      int64 // nanoseconds since 1970
	strings map[string]uint64
	last    string // the name that was written last, and its number
	lastN   uint64
	places  map[*engine.Place]uint64
	placed  uint64
	codec   func(details any) ([]byte, error)

	unseen time.Time // of an input that is not recorded, and told nothing so far
}

func (e *encoder) uint(n uint64)              { e.buf = binary.AppendUvarint(e.buf, n) }
func (e *encoder) int(n int64)                { e.buf = binary.AppendVarint(e.buf, n) }
func (e *encoder) dur(d time.Duration)        { e.int(int64(d)) }
func (e *encoder) reason(r activation.Reason) { e.buf = append(e.buf, byte(r)) }

func (e *encoder) bool(b bool) {
	if b {
		e.buf = append(e.buf, 1)
		return
	}
	e.buf = append(e.buf, 0)
}

// How a string is written: empty, in full without being kept, or by number from
// firstString on; the next number introduces a string that is kept.
const (
	emptyString uint64 = iota
	rawString
	firstString
)

func (e *encoder) string(s string) {
	switch {
	case s == "":
		e.uint(emptyString)
		return
	case s == e.last:
		e.uint(e.lastN)
		return
	}
	if n, ok := e.strings[s]; ok {
		e.uint(n)
		e.last, e.lastN = s, n
		return
	}
	n := rawString
	if len(e.strings) < maxStrings && len(s) <= MaxText {
		n = firstString + uint64(len(e.strings))
		e.strings[strings.Clone(s)] = n
	}
	e.uint(n)
	e.bytes([]byte(s))
}

func (e *encoder) bytes(b []byte) {
	e.uint(uint64(len(b)))
	e.buf = append(e.buf, b...)
}

// text writes the first line of what may be long and is rarely twice the same.
func (e *encoder) text(s string) {
	s, _, _ = strings.Cut(s, "\n")
	s = s[:min(len(s), MaxText)]
	if n, ok := e.strings[s]; ok {
		e.uint(n)
		return
	}
	e.string(s)
}

func (e *encoder) err(err error) {
	class, d := classify(err)
	e.uint(class)
	if class == noError {
		return
	}
	e.text(err.Error())
	e.dur(d)
}

// begin writes what every record begins with.
func (e *encoder) begin(op Op, at time.Time) {
	now := at.UnixNano()
	e.unseen = time.Time{}
	e.buf = append(e.buf, byte(op))
	e.int(now - e.at)
	e.at = now
}

// kept writes what the store had under a key. Keys are many and come once, so they
// are not kept to be named by number.
func (e *encoder) kept(now time.Time, key string, value []byte) {
	e.begin(Kept, now)
	e.uint(rawString)
	e.bytes([]byte(key))
	e.uint(uint64(len(value)) + 1)
	e.buf = append(e.buf, value...)
}

func (e *encoder) key(k engine.Key) { e.string(k.Group); e.string(k.Name) }

// details writes nothing of what has no codec, or cannot be written by it.
func (e *encoder) details(d any) {
	b, ok := e.encode(d)
	if !ok || len(b) > maxDetails {
		e.uint(0)
		return
	}
	e.uint(uint64(len(b)) + 1)
	e.buf = append(e.buf, b...)
}

// encode asks the codec. It is the user's, and the owner must not panic.
func (e *encoder) encode(d any) (b []byte, ok bool) {
	if e.codec == nil || d == nil {
		return nil, false
	}
	defer func() {
		if recover() != nil {
			b, ok = nil, false
		}
	}()
	b, err := e.codec(d)
	return b, err == nil
}

// textOf is how many bytes of text the record of an input has, beside details.
func textOf(in *engine.Input) (n int) {
	n = len(in.Topic)
	t := in.Task
	if in.Place != nil {
		t = in.Place.Task
	}
	if t != nil {
		n += len(t.Key.Group) + len(t.Key.Name)
	}
	if in.Op == engine.Register {
		n += len(in.Spec.Key.Group) + len(in.Spec.Key.Name) + len(in.Spec.Trigger)
		for _, c := range in.Spec.Conditions {
			n += len(c) + 8
		}
	}
	return n
}

// place is the number of a reserved place.
func (e *encoder) place(p *engine.Place, ends bool) {
	n, ok := e.places[p]
	if !ok {
		e.placed++
		n = e.placed
		e.places[p] = n
	}
	if ends {
		delete(e.places, p)
	}
	e.uint(n)
}

// input writes what went into the engine, if it is of those that are recorded.
func (e *encoder) input(now time.Time, in *engine.Input) {
	switch in.Op {
	case engine.Tick:
		if !in.On {
			e.begin(Tick, now)
		}
	case engine.Register:
		e.begin(Register, now)
		e.key(in.Spec.Key)
		e.registration(in.Spec)
	case engine.Unregister:
		e.begin(Unregister, now)
		e.key(in.Task.Key)
		e.bool(in.On)
	case engine.Begin:
		e.begin(Begin, now)
	case engine.Fire:
		e.begin(Fire, now)
		e.key(in.Task.Key)
		e.bool(in.Spec != nil)
		e.uint(uint64(in.Index))
		e.details(in.Details)
	case engine.FirePlace:
		e.begin(FirePlace, now)
		e.place(in.Place, true)
		e.details(in.Details)
	case engine.Raise:
		e.begin(Raise, now)
		e.string(in.Topic)
		e.details(in.Details)
	case engine.Reserve:
		e.begin(Reserve, now)
		e.key(in.Place.Task.Key)
		e.uint(uint64(in.Place.Scope))
		e.place(in.Place, false)
	case engine.Unreserve:
		e.begin(Unreserve, now)
		e.place(in.Place, true)
	case engine.Report:
		e.begin(Report, now)
		e.key(in.Task.Key)
		e.uint(uint64(in.Index))
		e.bool(in.On)
	default:
		e.more(now, in)
	}
}

func (e *encoder) more(now time.Time, in *engine.Input) {
	switch in.Op {
	case engine.Pause:
		e.begin(Pause, now)
		e.key(in.Task.Key)
		e.bool(in.On)
	case engine.PauseGroup:
		e.begin(PauseGroup, now)
		e.string(in.Topic)
		e.bool(in.On)
	case engine.PauseAll:
		e.begin(PauseAll, now)
		e.bool(in.On)
	case engine.CancelTask:
		e.begin(CancelTask, now)
		e.key(in.Task.Key)
		e.reason(in.Reason)
	case engine.Jump:
		e.begin(Jump, now)
		e.dur(in.For)
	case engine.Returned:
		e.ofInstance(Returned, now, in)
		e.err(in.Err)
	case engine.Over:
		e.ofInstance(Over, now, in)
		e.err(in.Err)
	case engine.Progress:
		e.begin(Progress, now)
		e.uint(in.ID) // the record behind it may serve another by now
		e.uint(in.N)
	case engine.SourceEnded:
		e.begin(SourceEnded, now)
		e.key(in.Task.Key)
		e.err(in.Err)
	case engine.Drain:
		e.begin(Drain, now)
	case engine.DrainNow:
		e.begin(DrainNow, now)
	case engine.Update:
		e.begin(Update, now)
		e.key(in.Task.Key)
	case engine.Unclaimed: // it comes of Begin
	default: // what is due by now happens all the same: then it was the alarm
		e.unseen = now
	}
}

func (e *encoder) ofInstance(op Op, now time.Time, in *engine.Input) {
	e.begin(op, now)
	e.uint(in.Inst.ID)
}

func (e *encoder) registration(s *engine.Spec) {
	e.bool(s.Replace)
	e.string(s.Trigger)
	e.uint(uint64(len(s.Conditions)))
	for i, text := range s.Conditions {
		e.string(text)
		e.bool(s.Holds[i])
		e.bool(s.Unheard == nil || !s.Unheard[i])
		e.bool(s.Polled[i])
	}
}

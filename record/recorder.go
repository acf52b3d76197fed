package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/tasks"
)

// Defaults of a Recorder.
const (
	DefaultLimit = 64 << 20
	DefaultDelay = 200 * time.Millisecond
)

// ErrClosed is returned by the second Close.
var ErrClosed = errors.New("record: closed")

// A Recorder writes down the life of one App. Give it to app.WithWitness, and
// Close it when the App has stopped. An App of its own is a second recording.
type Recorder struct {
	limit int64
	delay time.Duration

	mu     sync.Mutex // guards the following
	enc    encoder
	spare  []byte
	armed  bool // a flush is on its way
	urgent bool // one is at once
	lost   uint64
	total  uint64 // of lost
	size   int64  // of the file, with what is in memory
	full   bool   // the limit is reached, or closed
	closed bool

	out sync.Mutex // guards the following; held while writing, taken before mu
	w   io.Writer
	err error
}

var (
	_ engine.Witness = (*Recorder)(nil)
	_ engine.Loader  = (*Recorder)(nil)
)

// An Option changes a Recorder.
type Option func(*Recorder)

// WithLimit sets how many bytes are written at most. When a record might not fit
// anymore, up to 300 KiB before that, the recording stops, and its last record
// says so. The default, and what zero and negative mean, is
// DefaultLimit.
func WithLimit(bytes int64) Option {
	return func(r *Recorder) {
		if bytes > 0 {
			r.limit = bytes
		}
	}
}

// WithDelay sets how long what happened may stay in memory before it is
// written: a killed process loses no more. The default, and what zero and
// negative mean, is DefaultDelay.
func WithDelay(d time.Duration) Option {
	return func(r *Recorder) {
		if d > 0 {
			r.delay = d
		}
	}
}

// WithCodec has the details of firings written, as encode makes them bytes. It
// is called by the owner of the App's engine: it must be quick, and must not
// call the App. What it returns an error for or panics at, and what is longer
// than 64 KiB, is left out. The default is that no details are written.
func WithCodec(encode func(details any) ([]byte, error)) Option {
	return func(r *Recorder) { r.enc.codec = encode }
}

// Create makes a Recorder that writes to a new file. If there is a file of that
// name that is not empty, as a run that was killed leaves it, it is kept under
// path + ".old", in place of one that was there.
func Create(path string, opts ...Option) (*Recorder, error) {
	if i, err := os.Lstat(path); err == nil && i.Mode().IsRegular() && i.Size() > 0 {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, fmt.Errorf("record: %w", err)
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	r, err := New(f, opts...)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

// New makes a Recorder that writes to w. Each frame is one Write. If w is an
// io.Closer, Close closes it.
func New(w io.Writer, opts ...Option) (*Recorder, error) {
	r := &Recorder{limit: DefaultLimit, delay: DefaultDelay, w: w}
	r.enc.strings, r.enc.places = map[string]uint64{}, map[*engine.Place]uint64{}
	for _, o := range opts {
		o(r)
	}
	r.enc.buf = make([]byte, frameSize, 1<<14)
	r.spare = make([]byte, frameSize, 1<<14)
	r.size = int64(headerSize)
	head := append([]byte(magic), 0, version)
	if _, err := w.Write(head); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	return r, nil
}

// Registering implements engine.Witness.
func (r *Recorder) Registering(string, *tasks.Registration) {}

// Heeds implements engine.Witness: of all.
func (r *Recorder) Heeds(engine.Op) bool { return true }

// Saw implements engine.Witness.
func (r *Recorder) Saw(now time.Time, in engine.Input) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.room(now) {
		return
	}
	if textOf(&in) > maxDetails {
		r.leaveOut()
		return
	}
	before := len(r.enc.buf)
	if r.enc.input(now, &in); len(r.enc.buf) > before {
		r.wrote()
	}
}

// Loaded implements engine.Loader. The App does not run yet: so it waits for the
// disk where there is much.
func (r *Recorder) Loaded(now time.Time, key string, value []byte) {
	if r.load(now, key, value) > maxFrame/4 {
		r.flush()
	}
}

// load writes a record, and returns how much there is in memory.
func (r *Recorder) load(now time.Time, key string, value []byte) (size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !r.room(now):
	case len(key) > maxDetails || len(value) > maxDetails:
		r.leaveOut()
	default:
		r.enc.kept(now, key, value)
		r.wrote()
	}
	return len(r.enc.buf)
}

// Told implements engine.Witness.
func (r *Recorder) Told(e *event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !r.room(e.At):
	case len(e.Group)+len(e.Task) > maxDetails:
		r.leaveOut()
	default:
		r.enc.event(e)
		r.wrote()
	}
}

// leaveOut counts a record that there is no room for.
func (r *Recorder) leaveOut() {
	r.lost++
	r.total++
}

// largest is more than any record needs that is not left out: texts and details
// of maxDetails each at most, or those of an event.
const largest = 2*maxDetails + 16*(MaxText+32)

// room reports whether there is room for a record, and says what was left out
// when there was none.
func (r *Recorder) room(at time.Time) bool {
	switch used := int64(len(r.enc.buf)); {
	case r.full:
		return false
	case r.size+used+2*largest > r.limit:
		r.full = true
		r.enc.begin(Full, at)
		r.wrote()
		return false
	case used+2*largest > maxFrame:
		r.leaveOut()
		return false
	}
	if r.lost > 0 {
		r.enc.begin(Lost, at)
		r.enc.uint(r.lost)
		r.lost = 0
	}
	return true
}

// wrote makes sure that what is in memory gets written.
func (r *Recorder) wrote() {
	switch {
	case !r.armed:
		r.armed = true
		clock.System().AfterFunc(r.delay, r.flush)
	case !r.urgent && len(r.enc.buf) > maxFrame/4:
		r.urgent = true
		clock.System().AfterFunc(0, r.flush)
	}
}

// flush writes what is in memory, on a goroutine of the clock's or of Close.
func (r *Recorder) flush() {
	r.out.Lock()
	defer r.out.Unlock()
	r.mu.Lock()
	frame := r.enc.buf
	r.enc.buf, r.armed = r.spare[:frameSize], false
	r.urgent = false
	r.size += int64(len(frame))
	r.mu.Unlock()
	if len(frame) > frameSize && r.err == nil {
		binary.LittleEndian.PutUint32(frame, uint32(len(frame)-frameSize))
		binary.LittleEndian.PutUint32(frame[4:], castagnoli(frame[frameSize:]))
		_, r.err = r.w.Write(frame)
	}
	r.mu.Lock()
	r.spare = frame
	r.mu.Unlock()
}

// Flush writes at once what is in memory, and returns the first error of a
// write, Close's included.
func (r *Recorder) Flush() error {
	r.flush()
	r.out.Lock()
	defer r.out.Unlock()
	if r.err != nil {
		return fmt.Errorf("record: %w", r.err)
	}
	return nil
}

// Lost is how many records were left out since the writer was too slow, or since
// their texts are longer than 64 KiB.
func (r *Recorder) Lost() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total
}

// Close writes what is left and ends the recording; the App may go on. The
// second call returns ErrClosed.
func (r *Recorder) Close() error {
	r.mu.Lock()
	closed := r.closed
	r.closed, r.full = true, true
	r.mu.Unlock()
	if closed {
		return ErrClosed
	}
	err := r.Flush()
	if c, ok := r.w.(io.Closer); ok {
		err = errors.Join(err, c.Close())
	}
	return err
}

package record

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
)

// Errors of reading.
var (
	// ErrFormat says that it is no recording, or not of a version known here.
	ErrFormat = errors.New("record: not a recording of a known version")

	// ErrCorrupt says that a frame whose sum is right holds no records.
	ErrCorrupt = errors.New("record: corrupt")
)

// A Reader reads a recording, front to back. It keeps one frame in memory and
// the names, whatever a file may claim.
type Reader struct {
	r    io.Reader
	dec  decoder
	torn bool
	err  error
}

// NewReader reads the head of a recording. Its error is ErrFormat or that of r.
func NewReader(r io.Reader) (*Reader, error) {
	var head [headerSize]byte
	b := bufio.NewReader(r)
	if _, err := io.ReadFull(b, head[:]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if string(head[:len(magic)]) != magic || binary.BigEndian.Uint16(head[len(magic):]) != version {
		return nil, fmt.Errorf("%w: it begins with %q", ErrFormat, head[:])
	}
	return &Reader{r: b}, nil
}

// Next returns the next record; io.EOF when there is none, which a torn tail
// is as well; or ErrCorrupt, then and ever after.
func (r *Reader) Next() (Record, error) {
	for r.err == nil && len(r.dec.buf) == 0 {
		r.err = r.frame()
	}
	if r.err != nil {
		return Record{}, r.err
	}
	rec := r.dec.record()
	if r.dec.bad {
		r.err = ErrCorrupt
		return Record{}, r.err
	}
	return rec, nil
}

// Torn reports whether the recording ends in the middle of a frame, as that of
// a killed process may.
func (r *Reader) Torn() bool { return r.torn }

// frame reads a frame, or finds the end.
func (r *Reader) frame() error {
	var head [frameSize]byte
	n, err := io.ReadFull(r.r, head[:])
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		r.torn = n > 0
		return io.EOF
	case err != nil:
		return err
	}
	size := binary.LittleEndian.Uint32(head[:])
	if size == 0 || size > maxFrame {
		r.torn = true
		return io.EOF
	}
	b, err := io.ReadAll(io.LimitReader(r.r, int64(size)))
	if err != nil {
		return err
	}
	if len(b) < int(size) || castagnoli(b) != binary.LittleEndian.Uint32(head[4:]) {
		r.torn = true
		return io.EOF
	}
	r.dec.buf = b
	return nil
}

// All reads a file record by record. What cannot be read is the last pair's
// error.
func All(path string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Record{}, fmt.Errorf("record: %w", err))
			return
		}
		defer func() { _ = f.Close() }()
		r, err := NewReader(f)
		if err != nil {
			yield(Record{}, err)
			return
		}
		for {
			rec, err := r.Next()
			if errors.Is(err, io.EOF) || !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// A decoder takes records off a frame. After a mistake bad is set, and what it
// returned is not to be used.
type decoder struct {
	buf     []byte
	bad     bool
	at      int64
	strings []string
}

func (d *decoder) fail() {
	d.bad, d.buf = true, nil
}

func (d *decoder) uint() uint64 {
	n, size := binary.Uvarint(d.buf)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.buf = d.buf[size:]
	return n
}

func (d *decoder) int() int64 {
	n, size := binary.Varint(d.buf)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.buf = d.buf[size:]
	return n
}

func (d *decoder) byte() byte {
	if len(d.buf) == 0 {
		d.fail()
		return 0
	}
	b := d.buf[0]
	d.buf = d.buf[1:]
	return b
}

func (d *decoder) bool() bool { return d.byte() != 0 }

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.buf)) {
		d.fail()
		return nil
	}
	b := d.buf[:n:n]
	d.buf = d.buf[n:]
	return b
}

func (d *decoder) string() string {
	switch n := d.uint(); {
	case n == emptyString:
		return ""
	case n == rawString:
		return string(d.bytes(d.uint()))
	case n-firstString < uint64(len(d.strings)):
		return d.strings[n-firstString]
	case n-firstString == uint64(len(d.strings)) && len(d.strings) < maxStrings:
		s := string(d.bytes(d.uint()))
		d.strings = append(d.strings, s)
		return s
	}
	d.fail()
	return ""
}

func (d *decoder) small() int {
	n := d.uint()
	if n > 1<<20 {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) err() error {
	class := d.uint()
	if class == noError {
		return nil
	}
	text := d.string()
	return rebuild(class, text, time.Duration(d.int()))
}

func (d *decoder) details() []byte {
	n := d.uint()
	if n == 0 {
		return nil
	}
	return d.bytes(n - 1)
}

func (d *decoder) instant() time.Time { return time.Unix(0, d.at).UTC() }

// record takes one record off.
func (d *decoder) record() (r Record) {
	r.Op = Op(d.byte())
	d.at += d.int()
	r.At = d.instant()
	switch r.Op {
	case Register, Unregister, Fire, Reserve, Report, Pause, CancelTask, SourceEnded, Update:
		r.Group, r.Task = d.string(), d.string()
	case Returned, Over, Progress:
		r.Instance = d.uint()
	case Tick, Begin, FirePlace, Raise, Unreserve, PauseGroup, PauseAll, Jump, Drain, DrainNow, Told, Lost, Full, Kept:
	default:
		d.fail()
	}
	d.rest(&r)
	return r
}

// rest takes off what only some records have.
func (d *decoder) rest(r *Record) {
	switch r.Op {
	case Register:
		r.Registration = d.registration()
	case Unregister, Pause, PauseAll:
		r.On = d.bool()
	case Fire:
		r.On, r.Index, r.Details = d.bool(), d.small(), d.details()
	case FirePlace:
		r.Place, r.Details = d.uint(), d.details()
	case Raise, Kept:
		r.Topic, r.Details = d.string(), d.details()
	case Reserve:
		r.Index, r.Place = d.small(), d.uint()
	case Unreserve:
		r.Place = d.uint()
	case Report:
		r.Index, r.On = d.small(), d.bool()
	case PauseGroup:
		r.Group, r.On = d.string(), d.bool()
	case CancelTask:
		r.Reason = activation.Reason(d.byte())
	case Jump:
		r.For = time.Duration(d.int())
	case Returned, Over, SourceEnded:
		r.Err = d.err()
	case Progress, Lost:
		r.N = d.uint()
	case Told:
		r.Event = d.event()
	case Tick, Begin, Drain, DrainNow, Update, Full:
	}
}

func (d *decoder) registration() *Registration {
	r := &Registration{Replace: d.bool(), Trigger: d.string()}
	for range d.small() {
		if d.bad {
			break
		}
		r.Conditions = append(r.Conditions, Condition{Text: d.string(), Holds: d.bool(), Heard: d.bool(), Polled: d.bool()})
	}
	return r
}

func (d *decoder) event() (v event.Event) {
	v.At, v.Attempt = d.instant(), 0
	v.Kind = event.Kind(d.byte())
	has := d.uint()
	v.Group, v.Task = d.string(), d.string()
	if has&hasIDs != 0 {
		v.Activation, v.Instance = d.uint(), d.uint()
	}
	if v.Instance != 0 {
		v.Attempt = 1
	}
	if has&hasAttempt != 0 {
		v.Attempt = d.small()
	}
	if has&hasWaits != 0 {
		v.Waits = event.Waits(d.byte())
	}
	if has&hasReason != 0 {
		v.Reason = activation.Reason(d.byte())
	}
	if has&hasResult != 0 {
		v.Result = activation.Result(d.byte())
	}
	if has&hasDue != 0 {
		v.Due = time.Unix(0, d.at+d.int()).UTC()
	}
	if has&hasN != 0 {
		v.N = d.uint()
	}
	if has&hasDetail != 0 {
		v.Detail = d.string()
	}
	if has&hasErr != 0 {
		v.Err = d.err()
	}
	return v
}

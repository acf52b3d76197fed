package record

import (
	"errors"
	"hash/crc32"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// MaxText is how many bytes of an error's or a detail's first line are kept.
const MaxText = 256

const (
	magic      = "bgloop"
	version    = 1
	headerSize = len(magic) + 2
	frameSize  = 8       // of the head of a frame
	maxFrame   = 1 << 20 // bytes of records in one
	maxStrings = 1 << 12 // that are kept to be named by number
	maxDetails = 1 << 16
)

// castagnoli is the table of the frames' sums.
func castagnoli(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// An Op says what a Record is. The numbers are those of the file: they do not
// change.
type Op uint8

// The records, with the fields they use beside At.
const (
	Tick        Op = iota + 1 // the App's alarm rang
	Register                  // Group, Task, Registration
	Unregister                // Group, Task, On: running instances are canceled
	Begin                     // the App runs
	Fire                      // Group, Task, On: by its trigger, whose branch is Index; Details
	FirePlace                 // Place, Details
	Raise                     // Topic, Details
	Reserve                   // Group, Task, Index: branch of the trigger, Place
	Unreserve                 // Place
	Report                    // Group, Task, Index: which condition, On
	Pause                     // Group, Task, On
	PauseGroup                // Group, On
	PauseAll                  // On
	CancelTask                // Group, Task, Reason
	Jump                      // For: by how much the wall clock was set
	Returned                  // Instance, Err: the handler returned, deferrals are open
	Over                      // Instance, Err: it returned and none is open
	Progress                  // Instance, N
	SourceEnded               // Group, Task, Err
	Drain                     // the App stops
	DrainNow                  // and abandons what is left
	Update                    // Group, Task: Apply changed it
	Told                      // Event: what the App did
	Lost                      // N: records left out before this one
	Full                      // the file has come to its limit
	Kept                      // Topic, Details: a key of the App's store as it began, and what was there
)

var ops = [...]string{
	Tick: "tick", Register: "register", Unregister: "unregister", Begin: "begin", Fire: "fire", FirePlace: "fire place",
	Raise: "raise", Reserve: "reserve", Unreserve: "unreserve", Report: "report", Pause: "pause", PauseGroup: "pause group",
	PauseAll: "pause all", CancelTask: "cancel", Jump: "jump", Returned: "returned", Over: "over", Progress: "progress",
	SourceEnded: "source ended", Drain: "drain", DrainNow: "drain now", Update: "update", Told: "told", Lost: "lost", Full: "full", Kept: "kept",
}

// String is the record's kind in words.
func (o Op) String() string {
	if int(o) < len(ops) && ops[o] != "" {
		return ops[o]
	}
	return "unknown"
}

// A Record is one thing that went into an App, or one that it told.
type Record struct {
	Op           Op
	On           bool
	Reason       activation.Reason
	At           time.Time // by the App's clock, in UTC
	Group, Task  string
	Topic        string
	Index        int
	N            uint64
	Instance     uint64
	Place        uint64 // counted from 1 by Reserve
	For          time.Duration
	Err          error  // see Rebuild
	Details      []byte // nil: none, or no codec
	Registration *Registration
	Event        event.Event
}

// A Registration is what is recorded of one.
type Registration struct {
	Replace    bool
	Trigger    string
	Conditions []Condition
}

// A Condition is what is recorded of one.
type Condition struct {
	Text   string
	Holds  bool // as it reported when it was armed
	Heard  bool // it did report
	Polled bool // it asked to be told when it matters
}

// How an error is to be made again.
const (
	noError uint64 = iota
	plain
	permanent
	retryAfter
	snooze
	unknownTask
)

// classify says what an App would make of an error.
func classify(err error) (class uint64, d time.Duration) {
	if err == nil { // as most are; what follows allocates
		return noError, 0
	}
	var (
		s *tasks.SnoozeError
		p *tasks.PermanentError
		r *tasks.RetryAfterError
	)
	switch {
	case errors.As(err, &s):
		return snooze, s.For
	case errors.As(err, &p):
		return permanent, 0
	case errors.Is(err, tasks.ErrUnknownTask):
		return unknownTask, 0
	case errors.As(err, &r):
		return retryAfter, r.After
	}
	return plain, 0
}

// An unknownError is a recorded ErrUnknownTask.
type unknownError struct{ text string }

func (e unknownError) Error() string { return e.text }
func (e unknownError) Unwrap() error { return tasks.ErrUnknownTask }

// rebuild makes an error of which an App makes the same.
func rebuild(class uint64, text string, d time.Duration) error {
	switch class {
	case noError:
		return nil
	case permanent:
		return tasks.Permanent(errors.New(text))
	case retryAfter:
		return tasks.RetryAfter(d, errors.New(text))
	case snooze:
		return tasks.Snooze(d)
	case unknownTask:
		return unknownError{text}
	}
	return errors.New(text)
}

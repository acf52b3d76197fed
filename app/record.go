package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/tasks"
)

// The keys of the records, and how their values are read.
const (
	taskKey = "task/" // and group, a zero byte, name
	actKey  = "act/"  // and its ID
	appKey  = "app"

	recordVersion = 1
)

func keyOf(k engine.Key) string { return taskKey + k.Group + "\x00" + k.Name }
func actKeyOf(id uint64) string { return actKey + strconv.FormatUint(id, 10) }

// An instant is a time in a record: seconds since 1970 and nanoseconds, so that
// any year will do.
type instant time.Time

// MarshalText implements encoding.TextMarshaler.
func (t instant) MarshalText() ([]byte, error) {
	at := time.Time(t)
	if at.IsZero() {
		return nil, nil
	}
	return fmt.Appendf(nil, "%d.%09d", at.Unix(), at.Nanosecond()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *instant) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*t = instant{}
		return nil
	}
	s, ns, _ := strings.Cut(string(text), ".")
	sec, err := strconv.ParseInt(s, 10, 64)
	nsec, err2 := strconv.ParseInt(ns, 10, 64)
	*t = instant(time.Unix(sec, nsec).UTC())
	return errors.Join(err, err2)
}

type phaseRecord struct {
	Registered, Last, Completed instant
	N                           uint64
}

func phaseOf(ph activation.Phase) phaseRecord {
	return phaseRecord{instant(ph.Registered), instant(ph.Last), instant(ph.Completed), ph.N}
}

func (r phaseRecord) phase() activation.Phase {
	return activation.Phase{Registered: time.Time(r.Registered), Last: time.Time(r.Last), Completed: time.Time(r.Completed), N: r.N}
}

// A taskRecord is where a registration stands, and what it is.
type taskRecord struct {
	V            int
	Seq          uint64 // of several, the one with the highest counts
	Group, Name  string
	Trigger      string
	Conditions   []string       `json:",omitempty"`
	Options      *optionsRecord `json:",omitempty"` // nil in an actRecord
	Registered   instant
	Scopes       []phaseRecord `json:",omitempty"`
	Sources      []phaseRecord `json:",omitempty"`
	Spent        bool          `json:",omitempty"`
	Paused       bool          `json:",omitempty"`
	WhilePaused  int           `json:",omitempty"`
	MissedPaused uint64        `json:",omitempty"`
	MissedLast   instant
	Counts       tasks.Counts
	IDs          engine.IDs
}

// An optionsRecord is what was asked for. It is for people: the program asks
// for it again.
type optionsRecord struct {
	KeepOnConditionLoss   bool
	TimeLimit, Grace      time.Duration
	Keep, Overlap, Missed string
	Retry                 tasks.Retry
	OnAbandon             string
	OnLoop                bool
	Priority              int
	Key                   string
}

// An actRecord is a pending or an accepted activation, and where its task
// stands, so that one record is enough to know both.
type actRecord struct {
	V        int
	ID       uint64
	Kind     string          `json:",omitempty"`
	Details  json.RawMessage `json:",omitempty"`
	Due      instant
	Since    instant
	NotYet   instant
	Expires  instant
	Cancels  bool `json:",omitempty"`
	Merged   uint64
	Attempts int    `json:",omitempty"`
	Running  bool   `json:",omitempty"`
	Failures int    `json:",omitempty"`
	Err      string `json:",omitempty"`
	Former   bool   `json:",omitempty"`
	Task     taskRecord
}

// An appRecord is what concerns all.
type appRecord struct {
	V      int
	IDs    engine.IDs
	Paused bool
	Groups []string `json:",omitempty"`
}

func taskRecordOf(s *engine.TaskState, seq uint64) taskRecord {
	r := taskRecord{
		V: recordVersion, Seq: seq, Group: s.Key.Group, Name: s.Key.Name, Trigger: s.Trigger, Registered: instant(s.Registered),
		Spent: s.Spent, Paused: s.Paused, WhilePaused: s.WhilePaused, MissedPaused: s.MissedPaused,
		MissedLast: instant(s.MissedLast), Counts: s.Counts, IDs: s.IDs,
	}
	for _, ph := range s.Scopes {
		r.Scopes = append(r.Scopes, phaseOf(ph))
	}
	for _, ph := range s.Sources {
		r.Sources = append(r.Sources, phaseOf(ph))
	}
	return r
}

func (r *taskRecord) key() engine.Key { return engine.Key{Group: r.Group, Name: r.Name} }

func (r *taskRecord) state() engine.TaskState {
	s := engine.TaskState{
		Key: r.key(), Trigger: r.Trigger, Registered: time.Time(r.Registered), Spent: r.Spent, Paused: r.Paused,
		WhilePaused: r.WhilePaused, MissedPaused: r.MissedPaused, MissedLast: time.Time(r.MissedLast),
		Counts: r.Counts, IDs: r.IDs,
	}
	for _, ph := range r.Scopes {
		s.Scopes = append(s.Scopes, ph.phase())
	}
	for _, ph := range r.Sources {
		s.Sources = append(s.Sources, ph.phase())
	}
	return s
}

func optionsOf(r *tasks.Registration) *optionsRecord {
	return &optionsRecord{
		KeepOnConditionLoss: r.KeepOnConditionLoss, TimeLimit: r.TimeLimit, Grace: r.Grace, Keep: r.Keep.String(),
		Overlap: r.Overlap.String(), Missed: r.Missed.String(), Retry: r.Retry, OnAbandon: r.OnAbandon.String(),
		OnLoop: r.OnLoop, Priority: r.Priority, Key: r.Key,
	}
}

func (k *kinds) actRecordOf(s *engine.ActState) actRecord {
	r := actRecord{
		V: recordVersion, ID: s.ID, Due: instant(s.Due), Since: instant(s.Since), NotYet: instant(s.NotYet),
		Expires: instant(s.Expires), Cancels: s.Cancels, Merged: s.Merged, Attempts: s.Attempts,
		Running: s.Running, Failures: s.Failures, Err: errText(s.LastErr), Former: s.Former,
	}
	p, ok := s.Details.(*packed)
	if !ok && s.Details != nil { // those that the App made itself
		var err error
		if p, err = k.pack(s.Details); err != nil {
			p = &packed{name: fmt.Sprintf("%T, which was not stored", s.Details)}
		}
	}
	if p != nil {
		r.Kind, r.Details = p.name, p.data
	}
	return r
}

func (r *actRecord) state() engine.ActState {
	s := engine.ActState{
		ID: r.ID, Due: time.Time(r.Due), Since: time.Time(r.Since), NotYet: time.Time(r.NotYet),
		Expires: time.Time(r.Expires), Cancels: r.Cancels, Merged: r.Merged, Attempts: r.Attempts,
		Running: r.Running, Failures: r.Failures, LastErr: textErr(r.Err), Former: r.Former,
	}
	if r.Kind != "" {
		s.Details = &packed{name: r.Kind, data: r.Details}
	}
	return s
}

// read makes v of a record's value.
func read(r store.Record, v any) error {
	var head struct{ V int }
	if err := json.Unmarshal(r.Value, &head); err != nil {
		return fmt.Errorf("%w: key %q: %w", ErrRecord, r.Key, err)
	}
	if head.V != recordVersion {
		return fmt.Errorf("%w: key %q: version %d", ErrRecord, r.Key, head.V)
	}
	if err := json.Unmarshal(r.Value, v); err != nil {
		return fmt.Errorf("%w: key %q: %w", ErrRecord, r.Key, err)
	}
	return nil
}

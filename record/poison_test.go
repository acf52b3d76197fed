package record_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"testing"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/record"
	"github.com/bgloop/bgloop/tasks"
)

// A named trigger is fired by hand.
type named string

func (n named) String() string          { return string(n) }
func (named) Arm(activation.Port) error { return nil }

// poison lives with a recorder that is given a task, which is fired once.
func poison(t *testing.T, text, details string, outcome error, opts ...record.Option) []record.Record {
	t.Helper()
	var file bytes.Buffer
	rec, err := record.New(&file, opts...)
	if err != nil {
		t.Fatal(err)
	}
	a := app.New(app.WithWitness(rec), app.WithLogger(slog.New(slog.DiscardHandler)))
	a.HandleFunc("x", func(context.Context, *tasks.Instance) error { return outcome })
	task, err := a.Register(tasks.Registration{Name: "x", Trigger: named(text)})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := task.Fire(t.Context(), details); err != nil {
		t.Error(err)
	} else if err := r.Wait(t.Context()); (err == nil) != (outcome == nil) {
		t.Errorf("outcome: got %v, want %v", err, outcome)
	}
	if _, err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
	all, torn := read(t, file.Bytes())
	if torn {
		t.Error("the recording is torn")
	}
	return all
}

func first(all []record.Record, op record.Op) (record.Record, bool) {
	for _, r := range all {
		if r.Op == op {
			return r, true
		}
	}
	return record.Record{}, false
}

// Code of the user's that panics when it is asked harms neither the App nor the
// recording.
func TestRecording_ErrorThatPanics(t *testing.T) {
	all := poison(t, "by hand", "", (*fs.PathError)(nil))
	if r, ok := first(all, record.Over); !ok || r.Err == nil {
		t.Errorf("over: got %+v, want an error", r)
	}
}

func TestRecording_CodecThatPanics(t *testing.T) {
	all := poison(t, "by hand", "secret", nil, record.WithCodec(func(any) ([]byte, error) { panic("no") }))
	if r, ok := first(all, record.Fire); !ok || r.Details != nil {
		t.Errorf("fire: got %+v, want no details", r)
	}
}

// What no frame has room for is left out and counted, and what follows it can be
// read.
func TestRecording_TooLarge(t *testing.T) {
	for name, n := range map[string]int{"a little": 1 << 16, "far": 2 << 20} {
		t.Run(name, func(t *testing.T) {
			all := poison(t, strings.Repeat("x", n), "", errors.New("done"))
			lost, ok := first(all, record.Lost)
			if _, fired := first(all, record.Fire); !ok || lost.N != 1 || !fired {
				t.Errorf("got %d records and lost %d, want the registration alone lost", len(all), lost.N)
			}
		})
	}
}

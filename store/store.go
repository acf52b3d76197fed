// Package store is what survives a restart: records under keys, kept by a Store.
//
// It imports nothing of bgloop's and knows nothing of what the records mean: an
// App writes and reads them, see app.WithStore. Memory is a Store for tests,
// whose crashes are chosen; Log is one in a file. Package storetest says
// whether another one keeps its promises.
package store

import (
	"context"
	"errors"
)

// A Kind says what a Record does.
type Kind uint8

// The kinds.
const (
	// Put: from now on Key has this Value, whatever it had before.
	Put Kind = iota + 1
	// Delete: from now on there is no such Key. Value means nothing.
	Delete
)

// A Record is one change. A later record of the same Key supersedes it, so that
// a Store need keep no more than the last of each Key, and need not grow.
type Record struct {
	Kind  Kind
	Key   string
	Value []byte
}

// A Store keeps records. Its methods may be called from any goroutine, at the
// same time. One program at a time uses what it keeps.
type Store interface {
	// Append adds records, in order. When it returns nil all of them are
	// durable: no end of the process, however sudden, undoes them. A process
	// that ends meanwhile leaves all of them or the first few, each of them
	// whole. After an error, that of ctx included, it is not known how many of
	// them there are, and the caller appends them again: a record counts once,
	// however often it was appended. Append does not keep the slice or the
	// values. No records are no error.
	//
	// Appends that are made at the same time take effect one after the other.
	Append(ctx context.Context, records []Record) error

	// Load calls f for the last record of each Key that was not deleted, in the
	// order in which those were appended; it may pass f values that f must not
	// keep. It tells what was durable at one moment between its call and its
	// return. It returns the error of f or of ctx as soon as there is one. f
	// may call the Store.
	Load(ctx context.Context, f func(Record) error) error
}

// Errors of Memory and Log.
var (
	// ErrLocked: another Log has the file, of this process or of another one.
	ErrLocked = errors.New("store: in use")
	// ErrKind: a record is neither Put nor Delete. Nothing was appended.
	ErrKind = errors.New("store: record is neither put nor delete")
	// ErrTooBig: a record is larger than MaxRecord. Nothing was appended.
	ErrTooBig = errors.New("store: record is too big")
	// ErrClosed: the Log was closed.
	ErrClosed = errors.New("store: closed")
	// ErrBroken: it is not known anymore what is in the file, since writing it
	// failed. Opening it again tells.
	ErrBroken = errors.New("store: broken")
	// ErrCrashed: the Memory was crashed; what is left of it is another one.
	ErrCrashed = errors.New("store: crashed")
)

// ready says what stands against appending records.
func ready(ctx context.Context, records []Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, r := range records {
		if r.Kind != Put && r.Kind != Delete {
			return ErrKind
		}
		if len(r.Key)+len(r.Value) > MaxRecord {
			return ErrTooBig
		}
	}
	return nil
}

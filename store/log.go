package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// A Log is a Store in a file: each Append adds to its end and waits until the
// disk has it. When most of the file counts no longer, an Append writes it anew
// beside itself and puts that in its place. (Windows does not let it: there it
// grows.)
//
// It holds in memory where each live record is, not what is in it.
//
// One Log at a time has the file: Open refuses a second one, of this process or
// of another. The system sees to it by flock, on Linux, macOS, the BSDs and
// illumos; elsewhere, as on Windows, and on file systems without locks, it is the
// program's to see to. A process that ends, or is killed, has given the file up.
type Log struct {
	path string
	cut  int64

	mu    sync.Mutex // guards the following
	file  *os.File
	end   int64 // of what is whole and durable
	again int64 // when that is reached, compact again
	index index
	buf   []byte
	err   error // why nothing can be appended anymore
}

// Open opens the Log in the file of that name, and makes it if there is none,
// which nobody but the user may read. A record at the end that was cut short is
// cut off: no Append had returned for it.
//
// The error is that of the file system; or ErrLocked, if another Log has the
// file; ErrVersion, if it has a record that this version does not know;
// ErrCorrupt, if it begins with what never was a record, so that it is some other
// file. The file is left as it was. A record that is damaged in the middle of
// the file, by a disk that forgets, cannot be told from one that was cut short:
// what follows it is lost, and CutOff says how much that was.
func Open(path string) (*Log, error) {
	file, err := openLocked(path)
	if err != nil {
		return nil, err
	}
	l := &Log{path: path, file: file}
	if err := l.recover(); err != nil {
		return nil, errors.Join(err, shut(file))
	}
	return l, nil
}

// openLocked opens the file that has the name when it is locked: the Log that
// had it until then may have put another in its place.
func openLocked(path string) (*os.File, error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := lock(file); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		mine, err := file.Stat()
		if err != nil {
			return nil, errors.Join(err, shut(file))
		}
		named, err := os.Stat(path)
		switch {
		case err == nil && os.SameFile(mine, named):
			return file, nil
		case err != nil && !errors.Is(err, os.ErrNotExist):
			return nil, errors.Join(err, shut(file))
		}
		_ = shut(file)
	}
}

// shut closes a file that was locked.
func shut(file *os.File) error {
	unlock(file)
	return file.Close()
}

// recover reads the file and cuts off what is not whole.
func (l *Log) recover() error {
	data, err := io.ReadAll(l.file)
	if err != nil {
		return err
	}
	x, whole := scan(data)
	switch _, _, err := Decode(data[whole:]); {
	case errors.Is(err, ErrVersion), whole == 0 && errors.Is(err, ErrCorrupt) && !began(data):
		return fmt.Errorf("%w: at byte %d of %s", err, whole, l.path)
	}
	l.index, l.end, l.cut = x, int64(whole), int64(len(data)-whole)
	if l.cut > 0 {
		if err := l.file.Truncate(l.end); err != nil {
			return err
		}
	}
	if err := l.file.Sync(); err != nil {
		return err
	}
	return syncDir(l.path)
}

// began reports whether the bytes may be a first record that is not whole: they
// begin as one does, or with the zeros that a system leaves where it did not come
// to write.
func began(data []byte) bool { return data[0] == version || data[0] == 0 }

// CutOff is how many bytes Open has cut off.
func (l *Log) CutOff() int64 { return l.cut }

// Append implements Store. If writing fails and can be undone, as when the disk
// is full, a later Append may succeed; otherwise this one and all later ones
// return ErrBroken. A ctx that has ended before is Append's error; one that ends
// later means nothing to it.
func (l *Log) Append(ctx context.Context, records []Record) error {
	if err := ready(ctx, records); err != nil || len(records) == 0 {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	if err := l.write(records); err != nil {
		return err
	}
	if l.end > max(l.again, 2*l.index.bytes+slack) && l.compact() != nil {
		l.again = 2 * l.end // nothing is lost: this file stays
	}
	return nil
}

func (l *Log) write(records []Record) error {
	l.buf = l.buf[:0]
	for _, r := range records {
		l.buf = Encode(l.buf, r)
	}
	if _, err := l.file.WriteAt(l.buf, l.end); err != nil {
		if undo := l.file.Truncate(l.end); undo != nil {
			l.err = fmt.Errorf("%w: %w", ErrBroken, errors.Join(err, undo))
			return l.err
		}
		return err
	}
	if err := l.file.Sync(); err != nil { // what the system has of the file is unknown now
		l.err = fmt.Errorf("%w: %w", ErrBroken, err)
		return l.err
	}
	x := int64(0)
	for _, r := range records {
		n := Size(r)
		l.index.note(r, span{l.end + x, n})
		x += int64(n)
	}
	l.end += x
	return nil
}

// compact writes what counts to another file and puts it in the place of this.
// Where an open file cannot be replaced, as on Windows, it fails.
func (l *Log) compact() error {
	name := l.path + ".new"
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = lock(file) // before it has the name
	var data []byte
	if err == nil {
		data, err = l.live()
	}
	if err == nil {
		_, err = file.Write(data)
	}
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = os.Rename(name, l.path)
	}
	if err != nil {
		return errors.Join(err, file.Close(), os.Remove(name))
	}
	old := l.file
	l.file, l.end, l.again = file, int64(len(data)), 0
	l.index, _ = scan(data)
	if err := syncDir(l.path); err != nil { // which of the files has the name is unknown now
		l.err = fmt.Errorf("%w: %w", ErrBroken, err)
	}
	_ = old.Close() // it has no name anymore
	return nil
}

// live are the frames that count, in order.
func (l *Log) live() (data []byte, err error) {
	data = make([]byte, 0, l.index.bytes)
	for _, s := range l.index.inOrder() {
		at := len(data)
		data = data[:at+s.n]
		if _, err := l.file.ReadAt(data[at:], s.at); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// Load implements Store. It reads all that counts before it calls f.
func (l *Log) Load(ctx context.Context, f func(Record) error) error {
	data, err := l.snapshot()
	if err != nil {
		return err
	}
	for len(data) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		r, n, err := Decode(data)
		if err != nil {
			return err
		}
		if err := f(r); err != nil {
			return err
		}
		data = data[n:]
	}
	return ctx.Err()
}

func (l *Log) snapshot() ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.err, ErrClosed) {
		return nil, l.err
	}
	return l.live()
}

// Close closes the file, after an Append that is being made. The methods return
// ErrClosed then; closing again does nothing.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.err, ErrClosed) {
		return nil
	}
	l.err = ErrClosed
	return shut(l.file)
}

// syncDir makes the names of a directory durable, where directories can be
// synced.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	return dir.Sync()
}

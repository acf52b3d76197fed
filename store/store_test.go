package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/bgloop/bgloop/store"
	"github.com/bgloop/bgloop/store/storetest"
)

func TestMemoryIsAStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Disk { return memoryDisk() })
}

func memoryDisk() storetest.Disk {
	m := new(store.Memory)
	return storetest.Disk{
		Open:  func() (store.Store, error) { return m, nil },
		Crash: func() { m = m.Crash(0) },
		Tear: func(records []store.Record, n int) (more bool) {
			var left *store.Memory
			m.Sync = func(context.Context, []store.Record) error {
				more = n < m.Unsynced()
				left = m.Crash(n)
				return nil
			}
			_ = m.Append(context.Background(), records)
			m = left
			return more
		},
		Fail: func() {
			failed := false
			m.Sync = func(context.Context, []store.Record) error {
				if failed {
					return nil
				}
				failed = true
				return io.ErrShortWrite
			}
		},
	}
}

func TestLogIsAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Disk { return logDisk(t) })
}

func logDisk(t *testing.T) storetest.Disk {
	path := filepath.Join(t.TempDir(), "log")
	var open *store.Log
	t.Cleanup(func() { _ = open.Close() })
	return storetest.Disk{
		Open: func() (_ store.Store, err error) {
			open, err = store.Open(path)
			return open, err
		},
		Crash: func() { _ = open.Close() }, // which does nothing that a kill does not
		Tear: func(records []store.Record, n int) bool {
			var frames []byte
			for _, r := range records {
				frames = store.Encode(frames, r)
			}
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write(frames[:min(n, len(frames))]); err != nil {
				t.Fatal(err)
			}
			_, _ = f.Close(), open.Close()
			return n < len(frames)
		},
		Size: func() int64 {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			return info.Size()
		},
	}
}

// What was torn off is not lost silently, and what follows it is not read.
func TestLogSaysHowMuchItCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	whole := store.Encode(nil, store.Record{Kind: store.Put, Key: "a", Value: []byte("1")})
	torn := store.Encode(nil, store.Record{Kind: store.Put, Key: "b", Value: []byte("1")})[:10]
	if err := os.WriteFile(path, append(bytes.Clone(whole), torn...), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := store.Open(path)
	if err != nil || l.CutOff() != int64(len(torn)) {
		t.Fatalf("Open: got %v and %d bytes cut off, want %d", err, l.CutOff(), len(torn))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, whole) {
		t.Errorf("the file: got %q, %v, want %q", left, err, whole)
	}
}

func TestLogOfALaterVersionIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	frame := store.Encode(nil, store.Record{Kind: store.Put, Key: "a"})
	later := append(bytes.Clone(frame), 2, 0, 0)
	if err := os.WriteFile(path, later, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(path); !errors.Is(err, store.ErrVersion) {
		t.Errorf("Open: got %v, want ErrVersion", err)
	}
	if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, later) {
		t.Errorf("the file: got %q, %v, want it left alone", left, err)
	}
}

func TestClosedLogAnswersErrClosed(t *testing.T) {
	l, err := store.Open(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Errorf("Close: got %v", err)
	}
	if err := l.Append(t.Context(), []store.Record{{Kind: store.Put}}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Append: got %v, want ErrClosed", err)
	}
	if err := l.Load(t.Context(), nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Load: got %v, want ErrClosed", err)
	}
}

// Crash ends the old Memory, so that a program that was left behind cannot
// write into what the next one has.
func TestCrashedMemoryAnswersErrCrashed(t *testing.T) {
	m := new(store.Memory)
	next := m.Crash(0)
	if err := m.Append(t.Context(), []store.Record{{Kind: store.Put}}); !errors.Is(err, store.ErrCrashed) {
		t.Errorf("Append: got %v, want ErrCrashed", err)
	}
	if err := m.Load(t.Context(), nil); !errors.Is(err, store.ErrCrashed) {
		t.Errorf("Load: got %v, want ErrCrashed", err)
	}
	if err := next.Append(t.Context(), []store.Record{{Kind: store.Put}}); err != nil {
		t.Errorf("Append to the next: got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(store.Encode(nil, store.Record{Kind: store.Put, Key: "key", Value: []byte("value")}))
	f.Add(store.Encode(nil, store.Record{Kind: store.Delete}))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, n, err := store.Decode(data)
		if err != nil {
			return
		}
		if n != store.Size(r) {
			t.Fatalf("Size: got %d, want %d", store.Size(r), n)
		}
		again, m, err := store.Decode(store.Encode([]byte{}, r))
		if err != nil || m != n || again.Kind != r.Kind || again.Key != r.Key || !bytes.Equal(again.Value, r.Value) {
			t.Fatalf("again: got %v, %d, %v, want %v, %d", again, m, err, r, n)
		}
	})
}

// Each byte of a frame counts.
func TestDamagedFrameIsNoRecord(t *testing.T) {
	frame := store.Encode(nil, store.Record{Kind: store.Put, Key: "key", Value: []byte("value")})
	for i := range frame {
		for bit := range 8 {
			damaged := bytes.Clone(frame)
			damaged[i] ^= 1 << bit
			if r, _, err := store.Decode(damaged); err == nil {
				t.Errorf("byte %d, bit %d: got %v", i, bit, r)
			}
		}
	}
	for n := range frame {
		if _, _, err := store.Decode(frame[:n]); !errors.Is(err, store.ErrTorn) {
			t.Errorf("%d bytes: got %v, want ErrTorn", n, err)
		}
	}
}

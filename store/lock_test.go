package store_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/bgloop/bgloop/store"
)

// hasLocks says where Open can refuse a file that is in use.
func hasLocks() bool {
	return runtime.GOOS != "windows" && runtime.GOOS != "solaris" && runtime.GOOS != "aix" && runtime.GOOS != "plan9"
}

// One Log at a time has the file: also when it has put another file in the place
// of the first meanwhile, and not after it was closed.
func TestLogThatIsInUseIsRefused(t *testing.T) {
	l, path := openLocked(t)
	refused := func(when string) {
		t.Helper()
		if _, err := store.Open(path); !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), path) {
			t.Errorf("Open of a log in use, %s: got %v, want ErrLocked and the path", when, err)
		}
	}
	refused("at first")
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for anew := false; !anew; {
		err := l.Append(t.Context(), []store.Record{{Kind: store.Put, Key: "a", Value: make([]byte, 1<<16)}})
		if err != nil {
			t.Fatal(err)
		}
		after, err := os.Stat(path)
		anew = err == nil && !os.SameFile(before, after)
	}
	refused("when it was written anew")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := store.Open(path)
	if err != nil {
		t.Fatalf("Open of a log that was closed: got %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// Neither does another process get the file.
func TestLogThatIsInUseIsRefusedToOtherProcesses(t *testing.T) {
	l, path := openLocked(t)
	defer func() { _ = l.Close() }()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$") //nolint:gosec // ourselves
	child.Env = append(os.Environ(), childLog+"="+path)
	out, err := child.CombinedOutput()
	if err == nil || !strings.Contains(string(out), store.ErrLocked.Error()) {
		t.Errorf("the other process: got %v and %q, want %v", err, out, store.ErrLocked)
	}
}

// A file that never was a log, such as that of a path that was mistaken, is left
// alone. One whose first record did not come to the disk is empty.
func TestFileThatIsNoLogIsLeftAlone(t *testing.T) {
	whole := store.Encode(nil, store.Record{Kind: store.Put, Key: "a", Value: []byte("1")})
	damaged := bytes.Clone(whole)
	damaged[len(damaged)-1]++
	tests := []struct {
		name string
		data []byte
		want error
	}{
		{"text", []byte("[service]\nname = x\n"), store.ErrCorrupt},
		{"an empty line", []byte("\n"), store.ErrVersion}, // or a record of version 10
		{"a first byte that was damaged", append([]byte{whole[0] ^ 0x40}, whole[1:]...), store.ErrCorrupt},
		{"zeros", make([]byte, 4096), nil},
		{"a damaged record alone", damaged, nil},
		{"text after a record", append(bytes.Clone(whole), "text"...), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(path, tt.data, 0o600); err != nil {
				t.Fatal(err)
			}
			l, err := store.Open(path)
			if !errors.Is(err, tt.want) {
				t.Fatalf("Open: got %v, want %v", err, tt.want)
			}
			if err == nil {
				_ = l.Close()
				return
			}
			if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, tt.data) {
				t.Errorf("the file: got %q, %v, want %q", left, err, tt.data)
			}
		})
	}
}

// openLocked opens a log of its own, where that can be locked.
func openLocked(t *testing.T) (l *store.Log, path string) {
	t.Helper()
	if !hasLocks() {
		t.Skip("this system has no flock")
	}
	path = filepath.Join(t.TempDir(), "log")
	l, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return l, path
}

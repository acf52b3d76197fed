package store_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bgloop/bgloop/store"
)

// childDisk is set for the process of TestFullDiskLosesNothing: the file of its
// log.
const childDisk = "BGLOOP_STORE_CHILD_DISK"

// TestChildWithAFullDisk is that process, which may write no more than a few
// bytes for a while.
func TestChildWithAFullDisk(t *testing.T) {
	path := os.Getenv(childDisk)
	if path == "" {
		t.Skip("this is for a process of its own")
	}
	signal.Ignore(syscall.SIGXFSZ) // so that it is an error
	var size syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &size); err != nil {
		t.Fatal(err)
	}
	limit := func(n uint64) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: size.Max}); err != nil {
			t.Fatal(err)
		}
	}
	l, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	add := func(n int) error {
		return l.Append(t.Context(), []store.Record{{Kind: store.Put, Key: fmt.Sprint(n), Value: make([]byte, 1000)}})
	}
	limit(10_500)
	n := 0
	for ; err == nil; n++ {
		err = add(n)
	}
	if n != 11 || !errors.Is(err, syscall.EFBIG) || errors.Is(err, store.ErrBroken) {
		t.Fatalf("append %d: got %v, want the system's error at append 11", n, err)
	}
	if err := add(n); !errors.Is(err, syscall.EFBIG) {
		t.Fatalf("append to a full disk, again: got %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 10_400 {
		t.Fatalf("the file: got %v, %v, want what was half written undone", info, err)
	}
	limit(size.Cur)
	if err := add(n); err != nil {
		t.Fatalf("append, when there is room again: got %v", err)
	}
	fmt.Println("went on") // and ends without Close
}

// A full disk is an error, and no more: what was durable stays, and when there is
// room again it goes on.
func TestFullDiskLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildWithAFullDisk$") //nolint:gosec // ourselves
	child.Env = append(os.Environ(), childDisk+"="+path)
	if out, err := child.CombinedOutput(); err != nil || !strings.Contains(string(out), "went on") {
		t.Fatalf("the process: got %v\n%s", err, out)
	}
	l, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	keys := ""
	err = l.Load(t.Context(), func(r store.Record) error { keys += r.Key + " "; return nil })
	if want := "0 1 2 3 4 5 6 7 8 9 11 "; err != nil || keys != want || l.CutOff() != 0 {
		t.Errorf("after it: got %q, %v and %d bytes cut off, want %q and none", keys, err, l.CutOff(), want)
	}
}

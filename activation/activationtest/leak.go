package activationtest

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// twice runs f two times. What the process keeps for ever, such as the
// goroutine that receives its signals, is there after the first.
func twice(t testing.TB, patience time.Duration, f func(testing.TB)) {
	t.Helper()
	once(t, f)
	if t.Failed() {
		return
	}
	goroutines, files := settled(patience), descriptors()
	once(t, f)
	if t.Failed() {
		return
	}
	late := after(patience)
	for runtime.NumGoroutine() > goroutines || len(descriptors()) > len(files) {
		select {
		case <-late:
			sayLeft(t, goroutines, files)
			return
		case <-after(tick):
		}
	}
}

// settled is the number of goroutines once it has ceased to fall.
func settled(patience time.Duration) int {
	n, same := runtime.NumGoroutine(), 0
	for late := after(patience); same < 10; {
		select {
		case <-late:
			return n
		case <-after(tick):
		}
		same++
		if now := runtime.NumGoroutine(); now != n {
			n, same = now, 0
		}
	}
	return n
}

func sayLeft(t testing.TB, goroutines int, files map[string]string) {
	t.Helper()
	if n := runtime.NumGoroutine(); n > goroutines {
		all := make([]byte, 1<<16)
		all = all[:runtime.Stack(all, true)]
		t.Errorf("goroutines left: %d; all there are:\n%s", n-goroutines, all)
	}
	now := descriptors()
	if len(now) > len(files) {
		var left []string
		for fd, what := range now {
			if files[fd] != what {
				left = append(left, what)
			}
		}
		t.Errorf("descriptors left: %d, among %s", len(now)-len(files), strings.Join(left, ", "))
	}
}

// descriptors is what the process has open, by number; nil where that cannot be
// known.
func descriptors() map[string]string {
	const dir = "/proc/self/fd"
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	open := make(map[string]string, len(list))
	for _, fd := range list {
		// The one that read the directory is closed by now.
		if what, err := os.Readlink(filepath.Join(dir, fd.Name())); err == nil {
			open[fd.Name()] = what
		}
	}
	return open
}

// once runs f, and then what it asked for as its Cleanup.
func once(t testing.TB, f func(testing.TB)) {
	t.Helper()
	s := &scope{TB: t}
	defer s.end()
	f(s)
}

// A scope is a test whose Cleanup comes at the end of a part of it.
type scope struct {
	testing.TB
	ends []func()
}

// Cleanup has f called when the part is over.
func (s *scope) Cleanup(f func()) { s.ends = append(s.ends, f) }

func (s *scope) end() {
	for i := len(s.ends) - 1; i >= 0; i-- {
		s.ends[i]()
	}
}

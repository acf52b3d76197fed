package sim

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/clock"
)

// A watchdog sees, by the real time, when a step does not come to its end: a
// strand blocks on something that is none of the simulation's.
type watchdog struct {
	beats    atomic.Uint64 // grows while steps are taken
	patience time.Duration

	mu    sync.Mutex // guards the following
	seen  uint64
	timer clock.Timer
	done  bool
	bark  chan string // the stacks; has room for one
}

// newWatchdog begins to watch, until its stop. With no patience it never barks.
func newWatchdog(patience time.Duration) *watchdog {
	d := &watchdog{patience: patience, bark: make(chan string, 1)}
	if patience > 0 {
		d.arm()
	}
	return d
}

func (d *watchdog) arm() { d.timer = clock.System().AfterFunc(d.patience, d.look) }

func (d *watchdog) look() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done {
		return
	}
	beats := d.beats.Load()
	if beats == d.seen {
		d.done = true
		d.bark <- blocked()
		return
	}
	d.seen = beats
	d.arm()
}

func (d *watchdog) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done = true
	if d.timer != nil {
		d.timer.Stop()
	}
}

// guard runs f on a goroutine of its own, and fails t if that gets stuck. What
// is stuck stays behind.
func (c *config) guard(t testing.TB, f func(*config)) {
	t.Helper()
	d := newWatchdog(c.stuck)
	defer d.stop()
	watched := *c
	watched.dog = d
	over, returned := make(chan struct{}), false
	go func() {
		defer close(over)
		f(&watched)
		returned = true
	}()
	select {
	case <-over:
		if !returned {
			t.FailNow() // as a bubble did
		}
	case stacks := <-d.bark:
		t.Fatalf("sim: %s: no step within %v of real time. A strand blocks on what is none of the simulation's: a channel, a mutex, time.Sleep, the network; it may wait by the App, or do that inside Instance.Await on a fake. It is one of:\n\n%s", t.Name(), c.stuck, stacks)
	}
}

// idle is the state of a goroutine that is none of the culprits.
var idle = regexp.MustCompile(`^goroutine \d+ \[(coroutine|running)`)

// blocked are the stacks of the strands that could be to blame.
func blocked() string {
	buf := make([]byte, 4<<20)
	all := string(buf[:runtime.Stack(buf, true)])
	var found []string
	for g := range strings.SplitSeq(all, "\n\n") {
		if (strings.Contains(g, "seam/coro.(*strand).run(") || strings.Contains(g, "bubbletest.(*Bubble).run(")) && !idle.MatchString(g) {
			found = append(found, strings.TrimSpace(g))
		}
	}
	if len(found) == 0 {
		return fmt.Sprintf("(none found among all goroutines)\n\n%s", all)
	}
	return strings.Join(found, "\n\n")
}

package condition_test

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/event"
)

var errIll = errors.New("ill")

// It turns after Good good answers in a row, and back after Bad bad ones; fewer
// change nothing.
func TestProbe_Hysteresis(t *testing.T) {
	play(t, func(s *stage) {
		const answers = "ggbgggbbgbbbggbggg" // one a second
		var asked atomic.Int64
		ask := holding(s, condition.Probe{Name: "db", Every: time.Second, Good: 3, Bad: 2, Check: func(context.Context) error {
			if n := asked.Add(1); n <= int64(len(answers)) && answers[n-1] == 'b' {
				return errIll
			}
			return nil
		}})
		for n := range len(answers) {
			ask(n >= 5 && n < 7 || n >= 17) // after the sixth until the eighth, and after the last
			if got := asked.Load(); got != int64(n+1) {
				t.Fatalf("asked: got %d times, want %d", got, n+1)
			}
			time.Sleep(time.Second)
		}
	})
}

// An answer that does not come in time is a bad one; the next question comes when
// it is over. A panic is told, and is a bad one too.
func TestProbe_TimeoutAndPanic(t *testing.T) {
	play(t, func(s *stage) {
		s.tell(event.SourceFailed)
		n := 0
		ask := holding(s, condition.Probe{Name: "db", Every: time.Minute, Timeout: time.Second, Check: func(ctx context.Context) error {
			s.note("asked")
			switch n++; n {
			case 2:
				<-ctx.Done() // and says that all is well
			case 4:
				panic("no answer")
			}
			return nil
		}})
		ask(true)
		time.Sleep(61 * time.Second)
		ask(false)
		time.Sleep(time.Minute)
		ask(true)
		time.Sleep(time.Minute)
		ask(false)
		time.Sleep(time.Minute)
		ask(true)
		s.heard("0s asked", "1m0s asked", "2m1s asked", "3m1s asked", `3m1s x source failed err="tasks: panic: no answer"`, "4m1s asked")
	})
}

// Nobody is asked after the end, and ctx ends with it.
func TestProbe_Ends(t *testing.T) {
	play(t, func(s *stage) {
		s.run(s.sleeps(0), condition.Probe{Name: "db", Timeout: time.Hour, Check: func(ctx context.Context) error {
			s.note("asked")
			<-ctx.Done()
			s.note("ended")
			return nil
		}})
		time.Sleep(time.Minute)
		s.Unregister("x", true)
		time.Sleep(time.Hour)
		s.heard("0s asked", "1m0s ended")
	})
}

func TestProbe_Refused(t *testing.T) {
	check := func(context.Context) error { return nil }
	for _, c := range []condition.Probe{
		{Check: check},
		{Name: "x"},
		{Name: "x", Check: check, Every: -1},
		{Name: "x", Check: check, Timeout: -1},
		{Name: "x", Check: check, Good: -1},
		{Name: "x", Check: check, Bad: -1},
	} {
		refused(t, c, condition.ErrProbe)
	}
}

// A service that flaps each millisecond for ten seconds never turns the probe,
// and each answer is asked for once.
func TestProbe_Flaps(t *testing.T) {
	play(t, func(s *stage) {
		var changes atomic.Int64
		s.Observe(func(e event.Event) {
			if e.Kind == event.ConditionChanged {
				changes.Add(1)
			}
		})
		var asked atomic.Int64
		ask := holding(s, condition.Probe{Name: "db", Every: time.Millisecond, Good: 2, Bad: 2, Check: func(context.Context) error {
			if asked.Add(1)%2 == 0 {
				return errIll
			}
			return nil
		}})
		time.Sleep(10 * time.Second)
		ask(false)
		if n := asked.Load(); n != 10_001 || changes.Load() != 0 {
			t.Errorf("got %d questions and %d changes, want 10001 and none", n, changes.Load())
		}
	})
}

// The space is asked for when it matters.
func TestDiskSpace(t *testing.T) {
	switch runtime.GOOS {
	case "linux", "darwin", "windows":
	default:
		refused(t, condition.DiskSpace(".", 1), errors.ErrUnsupported)
		t.Skip("not on this system")
	}
	dir := t.TempDir()
	play(t, func(s *stage) {
		task := s.run(s.sleeps(0), condition.DiskSpace(dir, 1))
		s.fire(task)
		s.heard("0s x runs")
	})
	play(t, func(s *stage) {
		task := s.run(s.sleeps(0), condition.DiskSpace(dir, 1<<62))
		s.fire(task)
		time.Sleep(time.Hour)
		s.heard()
	})
	refused(t, condition.DiskSpace(dir+"/none", 1), fs.ErrNotExist)
}

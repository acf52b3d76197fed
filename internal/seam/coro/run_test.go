package coro_test

import (
	"cmp"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bgloop/bgloop/clock"
	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/coro"
)

// caught returns what f panics with, or nil.
func caught(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

func wantPanic(t *testing.T, f func(), text string) {
	t.Helper()
	if v, _ := caught(f).(string); !strings.Contains(v, text) {
		t.Errorf("panic: got %q, want one with %q", v, text)
	}
}

func TestRunStopsAtUntilInclusive(t *testing.T) {
	w := world(t)
	var rang []time.Duration
	for _, d := range []time.Duration{1, 2, 3} {
		w.AfterFunc(d*time.Hour, func() { rang = append(rang, w.Now().Sub(start)) })
	}
	until := start.Add(2 * time.Hour)
	w.Run(until)
	if want := []time.Duration{time.Hour, 2 * time.Hour}; !slices.Equal(rang, want) {
		t.Errorf("alarms rang at %v, want %v", rang, want)
	}
	if !w.Now().Equal(until) {
		t.Errorf("Now after Run: got %v, want %v", w.Now(), until)
	}
	w.RunFor(90 * time.Minute)
	if got := w.Now().Sub(start); len(rang) != 3 || got != 210*time.Minute {
		t.Errorf("after RunFor: %d alarms, %v, want 3 and 3h30m", len(rang), got)
	}
}

func TestRunIntoThePastLetsNoTimePass(t *testing.T) {
	w, ran := world(t), false
	w.RunFor(time.Hour)
	spawn(w, func() { ran = true })
	w.Run(start)
	if got := w.Now().Sub(start); !ran || got != time.Hour {
		t.Errorf("ran is %v at %v, want true at 1h", ran, got)
	}
}

func TestIdleLetsNoTimePass(t *testing.T) {
	w := world(t)
	var log []string
	w.AfterFunc(1, func() { log = append(log, "later") })
	spawn(w, func() {
		w.AfterFunc(0, func() { log = append(log, "alarm") })
		log = append(log, "strand")
	})
	w.Idle()
	if want := []string{"strand", "alarm"}; !slices.Equal(log, want) || !w.Now().Equal(start) {
		t.Errorf("Idle: got %q at %v, want %q at %v", log, w.Now(), want, start)
	}
}

func TestTimeStandsWhileAStrandIsReady(t *testing.T) {
	w := world(t)
	p := w.NewPark()
	w.AfterFunc(time.Second, p.Unpark)
	spawn(w, func() {
		wait(p)
		for range 100 {
			spawn(w, func() {
				if got := w.Now().Sub(start); got != time.Second {
					t.Errorf("ready since 1s, ran at %v", got)
				}
			})
		}
		w.AfterFunc(1, func() {})
	})
	w.RunFor(time.Hour)
}

func TestAlarmsAtOneInstantRingInArmOrder(t *testing.T) {
	w := world(t)
	var rang []int
	for i := range 20 {
		w.AfterFunc(time.Second, func() {
			rang = append(rang, i)
			spawn(w, func() {})
		})
	}
	w.RunFor(time.Second)
	if len(rang) != 20 || !slices.IsSorted(rang) {
		t.Errorf("alarms rang in the order %v", rang)
	}
}

func TestAlarmsRingByInstant(t *testing.T) {
	w := world(t)
	random := rand.New(rand.NewPCG(1, 2))
	type ring struct{ at, n int }
	var got, want []ring
	var timers []clock.Timer
	for n := range 1000 {
		r := ring{random.IntN(100), n}
		timers = append(timers, w.AfterFunc(time.Duration(r.at), func() { got = append(got, r) }))
		want = append(want, r)
	}
	for n := 999; n >= 0; n-- {
		if random.IntN(3) == 0 {
			if !timers[n].Stop() {
				t.Fatal("Stop of an alarm that waits: got false")
			}
			want = slices.Delete(want, n, n+1)
		}
	}
	slices.SortStableFunc(want, func(a, b ring) int { return a.at - b.at })
	w.RunFor(100)
	if !slices.Equal(got, want) {
		t.Error("alarms did not ring by instant and then in arm order")
	}
}

// Alarms that are set anew, before they ring or after, ring by what was set last.
func TestRearmedAlarmsRingByInstant(t *testing.T) {
	w := world(t)
	random := rand.New(rand.NewPCG(3, 4))
	type due struct{ at, order int }
	var rang, want []int
	timers, dues := make([]seam.Rearmer, 20), make([]due, 20)
	for n := range timers {
		timers[n] = w.AfterFunc(time.Hour, func() { rang = append(rang, n) }).(seam.Rearmer)
	}
	for now := 0; now < 1000; now += 10 {
		for n := range dues {
			dues[n] = due{-1, n}
			timers[n].(clock.Timer).Stop()
		}
		for order := range 40 {
			n, d := random.IntN(len(timers)), random.IntN(10)
			timers[n].Rearm(time.Duration(d))
			dues[n] = due{d, order}
		}
		var line []int
		for n, d := range dues {
			if d.at >= 0 {
				line = append(line, n)
			}
		}
		slices.SortFunc(line, func(a, b int) int {
			return cmp.Or(cmp.Compare(dues[a].at, dues[b].at), cmp.Compare(dues[a].order, dues[b].order))
		})
		want = append(want, line...)
		w.RunFor(10)
	}
	if !slices.Equal(rang, want) {
		t.Error("alarms that were set anew did not ring by instant and then in that order")
	}
}

func TestStopTakesAnAlarmBackOnce(t *testing.T) {
	w := world(t)
	timer := w.AfterFunc(time.Second, func() { t.Error("a stopped alarm rang") })
	if !timer.Stop() || timer.Stop() {
		t.Error("Stop twice: want true, then false")
	}
	var inside clock.Timer
	inside = w.AfterFunc(time.Second, func() {
		if inside.Stop() {
			t.Error("Stop in the alarm itself: got true")
		}
	})
	w.RunFor(time.Minute)
	if inside.Stop() {
		t.Error("Stop of an alarm that rang: got true")
	}
}

func TestAlarmDueAtOnceRingsFromTheLoop(t *testing.T) {
	for _, d := range []time.Duration{0, -1, math.MinInt64} {
		w, rang := world(t), false
		w.AfterFunc(d, func() { rang = true })
		if rang {
			t.Errorf("alarm of %d rang inside AfterFunc", d)
		}
		w.Idle()
		if !rang {
			t.Errorf("alarm of %d is not due at once", d)
		}
	}
}

func TestAlarmBeyondTheWorldNeverRings(t *testing.T) {
	w := world(t)
	w.RunFor(time.Hour)
	w.AfterFunc(math.MaxInt64, func() { t.Error("it rang") })
	w.Run(start.Add(math.MaxInt64))
	w.Idle()
}

func TestDueAlarmsMixWithReadyStrands(t *testing.T) {
	orders := map[string]bool{}
	for seed := range uint64(50) {
		w := coro.New(seed, start)
		order := ""
		spawn(w, func() { order += "s" })
		spawn(w, func() { order += "s" })
		w.AfterFunc(0, func() { order += "a" })
		w.Idle()
		w.Close()
		orders[order] = true
	}
	if len(orders) != 3 {
		t.Errorf("orders of two strands and an alarm: got %v, want all 3", orders)
	}
}

func guilty() { panic(errGuilty) }

var errGuilty = errors.New("guilty")

func TestPanicInAStrandComesOutOfRun(t *testing.T) {
	switches(t, func(t *testing.T, opts ...coro.Option) {
		w, cleaned := world(t, opts...), false
		spawn(w, func() {
			defer func() { cleaned = true }()
			guilty()
		})
		p, _ := caught(func() { w.RunFor(time.Hour) }).(*coro.StrandPanic)
		if p == nil || p.Strand != 1 || !errors.Is(p, errGuilty) {
			t.Fatalf("Run panics with %v, want the error of strand 1", p)
		}
		if !strings.Contains(string(p.Stack), "coro_test.guilty") || !strings.Contains(p.Error(), "coro_test.guilty") {
			t.Errorf("the stack lacks the guilty function:\n%s", p.Stack)
		}
		ran := false
		spawn(w, func() { ran = true })
		w.Idle()
		if !cleaned || !ran {
			t.Errorf("deferred function ran: %v, World went on: %v, want both", cleaned, ran)
		}
	})
}

func TestPanicInAnAlarmComesOutOfRun(t *testing.T) {
	w := world(t)
	w.AfterFunc(0, guilty)
	if got := caught(w.Idle); got != any(errGuilty) {
		t.Errorf("Idle panics with %v, want %v", got, errGuilty)
	}
	w.Idle()
}

func TestGoexitIsContained(t *testing.T) {
	switches(t, func(t *testing.T, opts ...coro.Option) {
		w, ran := world(t, opts...), 0
		for range 10 {
			spawn(w, func() {
				defer func() { ran++ }()
				runtime.Goexit()
			})
		}
		returned := make(chan bool, 1) // a slot: the goroutine must end in any case
		go func() {
			ok := false
			defer func() { returned <- ok }()
			w.Idle()
			ok = true
		}()
		if !<-returned || ran != 10 {
			t.Errorf("the World's goroutine ended with a strand, or not all ran: %d", ran)
		}
	})
}

func TestPanicAfterGoexitComesOutOfRun(t *testing.T) {
	switches(t, func(t *testing.T, opts ...coro.Option) {
		w := world(t, opts...)
		spawn(w, func() {
			defer guilty()
			runtime.Goexit()
		})
		if p, _ := caught(w.Idle).(*coro.StrandPanic); !errors.Is(p, errGuilty) {
			t.Errorf("Idle panics with %v, want %v", p, errGuilty)
		}
		w.Idle()
	})
}

func TestRunInsideTheWorldPanics(t *testing.T) {
	w := world(t)
	check := func() {
		wantPanic(t, func() { w.Run(start) }, "Run inside a World that runs")
		wantPanic(t, func() { w.RunFor(0) }, "Run inside a World that runs")
		wantPanic(t, w.Idle, "Idle inside a World that runs")
		wantPanic(t, func() { _ = w.Do(func() {}) }, "Do inside a World that runs")
	}
	spawn(w, check)
	w.AfterFunc(0, check)
	w.Idle()
}

package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/tasks"
)

// A model says what an engine must do, as naively as it can be said: lists that
// are scanned, nothing counted that can be looked up, no heap and no lines. It is
// written from the design, not from the engine. Both number what they make, so
// that the two can be compared line by line.
//
// model_test.go is the life of tasks and firings, model_inst_test.go that of
// instances.
type model struct {
	now      time.Time
	running  bool
	draining bool
	drained  bool // has been said
	caps     map[string]int
	paused   map[string]bool // by group; "*" is everything
	tasks    []*mTask        // every one there was
	insts    []*mInst        // every one there was
	acts     int
	entered  int
	timers   int
	alarms   []*alarm
	out      []string
}

type mTask struct {
	*kit
	id         int
	group      string
	name       string // with its group
	order      int    // among those who listen
	registered time.Time
	fired      int // firings that came through
	due        int // due times that have passed
	source     *alarm
	holds      []bool
	wanted     bool
	paused     bool
	spent      bool
	gone       bool
	epoch      int // of its trigger
	heir       *mTask
	waited     int // due while it was paused, and accepted
	unmade     int // due while it was paused, and not made up for
	pending    []*mAct
	places     []*mPlace // granted
	queue      []*mPlace // asked for
	timers     []*alarm
	counts     tasks.Counts
}

type mAct struct {
	id       int
	task     *mTask
	details  any
	merged   int
	epoch    int
	attempts int
	failures int
	tried    bool
	had      bool   // some handler had its details
	lastErr  string // of an attempt that failed
	last     *mInst
	cancels  bool
	putOff   *alarm
	expiry   *alarm
}

type mPlace struct {
	id   int
	task *mTask
}

// An alarm is something that waits for time. Among those of one instant, the
// lower rank rings first.
type alarm struct {
	at      time.Time
	rank    int
	elapsed bool // it waits for time to pass
	ring    func()
	off     bool
}

const (
	closing = iota
	ripening
	ordinary
)

func (m *model) say(format string, args ...any) {
	m.out = append(m.out, fmt.Sprintf(format, args...))
}

// arm adds an alarm behind those of the same instant and rank.
func (m *model) arm(a *alarm) *alarm {
	m.alarms = append(m.alarms, a)
	return a
}

// after is an alarm for when some time has passed.
func (m *model) after(d time.Duration, ring func()) *alarm {
	return m.arm(&alarm{at: m.now.Add(d), rank: ordinary, elapsed: true, ring: ring})
}

func (a *alarm) on() bool { return a != nil && !a.off }

func (a *alarm) stop() bool {
	was := a.on()
	if was {
		a.off = true
	}
	return was
}

// first is the alarm that rings next.
func (m *model) first() *alarm {
	m.alarms = slices.DeleteFunc(m.alarms, func(a *alarm) bool { return a.off })
	var first *alarm
	for _, a := range m.alarms {
		if first == nil || a.at.Before(first.at) || a.at.Equal(first.at) && a.rank < first.rank {
			first = a
		}
	}
	return first
}

// pass lets time pass.
func (m *model) pass(now time.Time) {
	m.now = now
	for a := m.first(); a != nil && !a.at.After(now); a = m.first() {
		a.off = true
		a.ring()
	}
}

// jump sets the clock.
func (m *model) jump(d time.Duration) {
	m.now = m.now.Add(d)
	for _, a := range m.alarms {
		if a.elapsed {
			a.at = a.at.Add(d)
		} else if a.rank == ripening {
			a.at = a.at.Add(min(d, 0))
		}
	}
	for _, t := range m.tasks {
		if (t.count || t.follow > 0) && d < 0 {
			t.registered = t.registered.Add(d)
			if t.source.on() {
				t.source.at = t.source.at.Add(d)
			}
		}
	}
	m.say("event clock jumped %v", d)
	m.pass(m.now)
	if m.running && !m.stopped() {
		m.raise("clock/jump")
	}
}

func (m *model) endAll(t *mTask, r activation.Reason) {
	for len(t.pending) > 0 {
		a := t.pending[0]
		if a.lastErr != "" && r == activation.Abort {
			m.endPending(a, a.lastErr)
		} else {
			m.endPending(a, "canceled: "+r.String())
		}
	}
}

// endPending ends an activation that will not start anymore.
func (m *model) endPending(a *mAct, outcome string) {
	a.task.pending = without(a.task.pending, a)
	a.putOff.stop()
	if !a.had {
		m.drop(a.details)
	}
	m.complete(a, outcome)
}

// timer arms one of the host's, of a task or of nobody.
func (m *model) timer(t *mTask, d time.Duration) *alarm {
	m.timers++
	n := m.timers
	if t != nil && (t.gone || m.draining) {
		return nil
	}
	a := m.after(d, func() { m.say("wake timer=%d", n) })
	if t != nil {
		t.timers = append(t.timers, a)
	}
	m.pass(m.now)
	return a
}

var errBoom = errors.New("boom")

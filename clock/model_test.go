package clock_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bgloop/bgloop/clock"
)

// A model is Virtual as one would explain it: a list that is sorted whenever it
// is looked at. It is what TestVirtualIsTheModel compares Virtual with.
type model struct {
	wall      time.Time
	elapsed   time.Duration
	target    time.Duration
	advancing bool
	armed     []*modelTimer // in the order of AfterFunc
}

type modelTimer struct {
	m  *model
	at time.Duration
	f  func()
}

func (t *modelTimer) Stop() bool {
	i := slices.Index(t.m.armed, t)
	if i < 0 {
		return false
	}
	t.m.armed = slices.Delete(t.m.armed, i, i+1)
	return true
}

func (m *model) Now() time.Time { return m.wall.Add(m.elapsed) }

func (m *model) Jump(d time.Duration) { m.wall = m.wall.Add(d) }

func (m *model) AfterFunc(d time.Duration, f func()) clock.Timer {
	t := &modelTimer{m, m.elapsed + max(d, 0), f}
	m.armed = append(m.armed, t)
	return t
}

func (m *model) first() *modelTimer {
	byDue := slices.Clone(m.armed)
	slices.SortStableFunc(byDue, func(a, b *modelTimer) int { return int(a.at - b.at) })
	return byDue[0]
}

func (m *model) Next() (time.Time, bool) {
	if len(m.armed) == 0 {
		return time.Time{}, false
	}
	return m.wall.Add(m.first().at), true
}

func (m *model) Advance(d time.Duration) (n int) {
	if m.advancing {
		m.target += d
		return 0
	}
	m.advancing, m.target = true, m.elapsed+d
	for len(m.armed) > 0 && m.first().at <= m.target {
		t := m.first()
		m.elapsed = t.at
		t.Stop()
		n++
		t.f()
	}
	m.elapsed, m.advancing = m.target, false
	return n
}

type movable interface {
	clock.Clock
	Advance(time.Duration) int
	Next() (time.Time, bool)
	Jump(time.Duration)
}

// A life is a random history of a clock: the same for the same seed, as long as
// the clock does the same.
type life struct {
	c      movable
	rnd    *rand.Rand
	timers []clock.Timer
	log    []string
}

func (l *life) say(format string, args ...any) {
	l.log = append(l.log, fmt.Sprintf(format, args...))
}

func (l *life) step() {
	switch p := l.rnd.IntN(100); {
	case p < 45:
		l.arm()
	case p < 65:
		l.stop()
	case p < 70:
		d := time.Duration(l.rnd.IntN(41) - 20)
		l.c.Jump(d)
		l.say("jump %d", d)
	case p < 80:
		at, ok := l.c.Next()
		l.say("next %v %v", at.Sub(millennium), ok)
	default:
		l.advance()
	}
}

func (l *life) arm() {
	id, d := len(l.timers), time.Duration(l.rnd.IntN(30)-4)
	l.timers = append(l.timers, nil)
	l.timers[id] = l.c.AfterFunc(d, func() { l.fire(id) })
	l.say("arm %d in %d", id, d)
}

// fire is what a timer does: often nothing, at times a step of its own.
func (l *life) fire(id int) {
	l.say("fire %d at %d", id, l.c.Now().Sub(millennium))
	for l.rnd.IntN(3) == 0 {
		l.step()
	}
}

func (l *life) stop() {
	if len(l.timers) > 0 {
		id := len(l.timers) - 1 - l.rnd.IntN(min(len(l.timers), 20))
		l.say("stop %d: %v", id, l.timers[id].Stop())
	}
}

func (l *life) advance() {
	d := time.Duration(l.rnd.IntN(12))
	l.say("advance %d, to be", d)
	n := l.c.Advance(d)
	l.say("advanced %d: %d calls, now %d", d, n, l.c.Now().Sub(millennium))
}

func live(seed uint64, c movable) []string {
	l := &life{c: c, rnd: rand.New(rand.NewPCG(seed, 0))}
	for range 300 {
		l.step()
	}
	return l.log
}

func TestVirtualIsTheModel(t *testing.T) {
	for seed := range uint64(200) {
		got := live(seed, clock.NewVirtual(millennium))
		want := live(seed, &model{wall: millennium})
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				t.Fatalf("seed %d, line %d: got %q, want %q after\n%q", seed, i, got[min(i, len(got)):min(i+1, len(got))], want[i], want[max(0, i-10):i])
			}
		}
		if len(got) != len(want) {
			t.Fatalf("seed %d: got %d lines, want %d", seed, len(got), len(want))
		}
	}
}

func TestVirtualRepeatsItself(t *testing.T) {
	first := live(42, clock.NewVirtual(millennium))
	for range 10 {
		if !slices.Equal(live(42, clock.NewVirtual(millennium)), first) {
			t.Fatal("the same calls gave another history")
		}
	}
}

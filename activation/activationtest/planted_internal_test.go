package activationtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// A rehearsal is a test whose failures are looked at instead of reported.
type rehearsal struct {
	testing.TB
	mu   sync.Mutex // guards the following
	said []string
}

func (r *rehearsal) Helper()                      {}
func (r *rehearsal) Log(...any)                   {}
func (r *rehearsal) Logf(string, ...any)          {}
func (r *rehearsal) Error(args ...any)            { r.say(fmt.Sprint(args...)) }
func (r *rehearsal) Fatal(args ...any)            { r.say(fmt.Sprint(args...)); runtime.Goexit() }
func (r *rehearsal) Errorf(f string, args ...any) { r.say(fmt.Sprintf(f, args...)) }
func (r *rehearsal) Fatalf(f string, args ...any) { r.say(fmt.Sprintf(f, args...)); runtime.Goexit() }

func (r *rehearsal) say(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, s)
}

func (r *rehearsal) Failed() bool { return r.all() != "" }

func (r *rehearsal) all() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.said, "\n")
}

// rehearse runs a story, and returns what it complained of.
func rehearse(t *testing.T, f func(testing.TB)) string {
	r := &rehearsal{TB: t}
	over := make(chan struct{})
	go func() { defer close(over); f(r) }()
	<-over
	return r.all()
}

// short is the patience with what is known to be broken. On a machine that is
// slow something else may be said first, and then there is more.
const short = 150 * time.Millisecond

// many is how much is left, so that it is seen beside what an earlier story has
// left, which ends meanwhile.
const many = 50

func leakGoroutines() {
	for range many {
		go func() { <-make(chan int) }()
	}
}

// A bell is a trigger in which a bug can be planted. It has a bug if its bug
// is not empty.
type bell struct {
	bug   string
	rings chan struct{}
	fails chan struct{}
	made  *atomic.Int64
	drops *atomic.Int64
	calls atomic.Int64
	leak  []*os.File
}

// A coin is details that own something.
type coin struct{ drops *atomic.Int64 }

func (c coin) Drop() { c.drops.Add(1) }

func (b *bell) String() string {
	if b.bug == "name changes" {
		return fmt.Sprint("bell ", b.calls.Add(1))
	}
	return "bell"
}

func (b *bell) Arm(p activation.Port) error {
	switch b.bug {
	case "acts in Arm":
		_, _ = p.Fire(context.Background(), nil)
	case "opens in Arm":
		f, _ := os.Open(os.DevNull)
		p.OnDisarm(func() { _ = f.Close() })
		b.leak = append(b.leak, f)
	case "goroutine":
		p.OnArm(leakGoroutines)
	case "descriptor":
		p.OnArm(func() {
			for range many {
				f, _ := os.Open(os.DevNull)
				b.leak = append(b.leak, f)
			}
		})
	case "disarm hangs":
		p.OnDisarm(func() { <-make(chan int) })
	case "once only":
		if b.calls.Add(1) > 1 {
			return errors.New("spent")
		}
	}
	p.Payload()
	p.Go(func(ctx context.Context) error { return b.listen(ctx, p) })
	return nil
}

func (b *bell) coin() coin { b.made.Add(1); return coin{b.drops} }

func (b *bell) listen(ctx context.Context, p activation.Port) error {
	for {
		if b.bug == "ignores ctx" {
			ctx = context.Background()
		}
		slot, err := p.Reserve(ctx)
		if err != nil {
			return nil
		}
		select {
		case <-ctx.Done():
			if b.bug != "keeps the place" {
				slot.Release()
			}
			return nil
		case <-b.fails:
			slot.Release()
			if b.bug == "gives up" {
				return nil
			}
			return errors.New("broken")
		case <-b.rings:
		}
		switch b.bug {
		case "loses":
			if b.calls.Add(1)%3 == 0 {
				slot.Release()
				continue
			}
		case "fires twice":
			_, _ = p.Fire(ctx, b.coin())
		case "never fires":
			slot.Release()
			continue
		case "drops as well":
			b.drops.Add(1)
		case "fails for ever":
			if b.calls.Add(1) > 1 {
				slot.Release()
				return errors.New("broken")
			}
		}
		_, _ = slot.Fire(ctx, b.coin())
	}
}

// The kit finds nothing wrong with a good trigger, and finds every bug.
func TestPlantedTriggers(t *testing.T) {
	find(t, planted, []plant{
		{"name changes", "HasAStableName", "String: got"},
		{"acts in Arm", "FiresWhileTheAppRuns", "called inside Arm"},
		{"opens in Arm", "RefusedLeavesNothing", "Arm opened"},
		{"once only", "RefusedLeavesNothing", "Register after a refusal: spent"},
		{"goroutine", "FiresWhileTheAppRuns", "goroutines left"},
		{"descriptor", "FiresWhileTheAppRuns", "descriptors left"},
		{"disarm hangs", "ProvokedAfterUnregister", "did not end"},
		{"ignores ctx", "ProvokedAfterStop", "did not end"},
		{"ignores ctx", "ProvokedAfterUnregister", "the end of what the trigger began"},
		{"keeps the place", "ProvokedAfterStop", "neither fired nor released"},
		{"loses", "SlowConsumer", "provoked while the task was busy"},
		{"fires twice", "SlowConsumer", "activations: got"},
		{"never fires", "FiresWhileTheAppRuns", "an activation after Provoke"},
		{"drops as well", "FiresWhileTheAppRuns", "details dropped"},
		{"fails for ever", "FiresWhileTheAppRuns", "an activation after Provoke"},
		{"gives up", "FailsAndRestarts", "a failure of the source"},
		{"fails for ever", "FailsAndRestarts", "an activation after Provoke"},
		{"once only", "RegisteredAgain", "Register again: "},
	})
}

// A plant is a bug, the story that is to find it, and what that is to say.
type plant struct{ bug, story, want string }

// find tells each story without its bug and with it.
func find(t *testing.T, tell func(t testing.TB, story, bug string, patience time.Duration), list []plant) {
	t.Helper()
	for _, c := range list {
		t.Run(c.bug+" "+c.story, func(t *testing.T) {
			if said := rehearse(t, func(t testing.TB) { tell(t, c.story, "", patience) }); said != "" {
				t.Fatalf("without the bug: got %s", said)
			}
			said := ""
			for more := short; more <= patience && !strings.Contains(said, c.want); more *= 8 {
				said = rehearse(t, func(t testing.TB) { tell(t, c.story, c.bug, more) })
			}
			if !strings.Contains(said, c.want) {
				t.Errorf("with the bug: got %q, want %q in it", said, c.want)
			}
		})
	}
}

func planted(t testing.TB, name, bug string, patience time.Duration) {
	var (
		newest      *bell
		all         []*bell
		made, drops atomic.Int64
	)
	defer func() { // or the collector would, in the midst of another story
		for _, b := range all {
			for _, f := range b.leak {
				_ = f.Close()
			}
		}
	}()
	s := Source{
		New: func(testing.TB) activation.Trigger {
			newest = &bell{bug: bug, rings: make(chan struct{}, 1000), fails: make(chan struct{}, 1), made: &made, drops: &drops}
			all = append(all, newest)
			return newest
		},
		Provoke:  func(testing.TB) { newest.rings <- struct{}{} },
		Fail:     func(testing.TB) { newest.fails <- struct{}{} },
		Lossless: true,
		Owned:    func() (int, int) { return int(made.Load()), int(drops.Load()) },
	}
	for _, y := range triggerStories {
		if y.name == name {
			y.live(t, s, patience)
			return
		}
	}
	t.Fatalf("no story %s", name)
}

// A lamp is a condition in which a bug can be planted.
type lamp struct {
	bug string
	mu  sync.Mutex // guards the following
	on  bool
	all []func(bool)
	n   int
}

func (l *lamp) String() string {
	if l.bug == "name changes" {
		l.n++
		return fmt.Sprint("lamp ", l.n)
	}
	return "lamp"
}

func (l *lamp) Arm(report func(bool), p activation.Port) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	if l.bug == "serves one" && l.n > 1 {
		return errors.New("taken")
	}
	if l.bug == "only the last" {
		l.all = nil
	}
	if l.bug != "silent at first" {
		report(l.on)
	}
	if l.bug == "goroutine" {
		p.OnArm(leakGoroutines)
	}
	l.all = append(l.all, report)
	return nil
}

func (l *lamp) set(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on = on
	switch {
	case l.bug == "deaf", l.bug == "deaf to loss" && !on, l.bug == "deaf to gain" && on:
		return
	}
	for _, report := range l.all {
		report(on)
	}
}

// The kit finds nothing wrong with a good condition, and finds every bug.
func TestPlantedConditions(t *testing.T) {
	find(t, plantedLamp, []plant{
		{"name changes", "HasAStableName", "String: got"},
		{"silent at first", "HoldsFromTheStart", "a start while it holds"},
		{"deaf", "IsLost", "a cancel when it ceases to hold"},
		{"deaf to loss", "IsLost", "a cancel when it ceases to hold"},
		{"deaf to gain", "ComesToHold", "a start when it comes to hold"},
		{"deaf to loss", "ServesTwo", "a report that it does not hold"},
		{"serves one", "ServesTwo", "Register: taken"},
		{"only the last", "ServesTwo", "a report that it does not hold"},
		{"goroutine", "ChangesAfterStop", "goroutines left"},
	})
}

func plantedLamp(t testing.TB, name, bug string, patience time.Duration) {
	var newest *lamp
	on := false
	s := State{
		New: func(testing.TB) activation.Condition { newest = &lamp{bug: bug, on: on}; return newest },
		Set: func(_ testing.TB, holds bool) {
			if on = holds; newest != nil {
				newest.set(holds)
			}
		},
	}
	for _, y := range conditionStories {
		if y.name == name {
			y.live(t, s, patience)
			return
		}
	}
	t.Fatalf("no story %s", name)
}

// A latecomer is a condition whose source looks while it flaps, and tells what it
// saw when that is over.
type latecomer struct {
	mu     sync.Mutex // guards the following
	sets   int
	on     bool
	report func(bool)
}

func (*latecomer) String() string { return "latecomer" }

func (l *latecomer) Arm(report func(bool), p activation.Port) error {
	p.Go(func(ctx context.Context) error {
		for !l.told(report) {
			<-after(20 * tick) // a moment for the story to go on
		}
		<-ctx.Done()
		return nil
	})
	return nil
}

func (l *latecomer) told(report func(bool)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sets <= 20 {
		return false
	}
	report(true)
	<-after(20 * tick)
	report(l.on)
	l.report = report
	return true
}

func (l *latecomer) set(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sets++
	l.on = on
	if l.report != nil {
		l.report(on)
	}
}

// What is heard of a flapping state only when that is over is no fault of the
// condition's: its last word is what counts.
func TestFlapsHeardLate(t *testing.T) {
	var newest *latecomer
	s := State{
		New: func(testing.TB) activation.Condition { newest = new(latecomer); return newest },
		Set: func(_ testing.TB, on bool) { newest.set(on) },
	}
	for _, y := range conditionStories {
		if y.name == "Flaps" {
			y.live(t, s, patience)
		}
	}
}

package clock_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	bb "github.com/benbjohnson/clock"

	"github.com/bgloop/bgloop/clock"
)

func Example() {
	c := clock.NewVirtual(time.Time{})
	say := func(what string) func() {
		return func() { fmt.Println(c.Now().Format("15:04"), what) }
	}
	c.AfterFunc(time.Hour, say("tea"))
	c.AfterFunc(15*time.Minute, func() {
		say("mail")()
		c.AfterFunc(15*time.Minute, say("mail again"))
	})
	lunch := c.AfterFunc(20*time.Minute, say("lunch"))
	fmt.Println("lunch stopped:", lunch.Stop())
	fmt.Println(c.Advance(2*time.Hour), "calls, and it is", c.Now().Format("15:04"))
	// Output:
	// lunch stopped: true
	// 00:15 mail
	// 00:30 mail again
	// 01:00 tea
	// 3 calls, and it is 02:00
}

func ExampleWrap() {
	mock := bb.NewMock()
	c := clock.Wrap(mock)
	done := make(chan bool)
	c.AfterFunc(0, func() { done <- true })
	fmt.Println("at once, without Add:", <-done)
	// Output: at once, without Add: true
}

func ExampleVirtual_Next() {
	c := clock.NewVirtual(time.Time{})
	for _, d := range []time.Duration{time.Hour, time.Minute} {
		c.AfterFunc(d, func() { fmt.Println("after", d) })
	}
	for at, ok := c.Next(); ok; at, ok = c.Next() {
		c.Advance(at.Sub(c.Now()))
	}
	// Output:
	// after 1m0s
	// after 1h0m0s
}

func ExampleVirtual_Jump() {
	c := clock.NewVirtual(time.Date(2026, time.March, 29, 1, 59, 0, 0, time.UTC))
	c.AfterFunc(time.Minute, func() { fmt.Println("a minute later it is", c.Now().Format("15:04")) })
	c.Jump(time.Hour)
	fmt.Println("calls:", c.Advance(59*time.Second))
	fmt.Println("calls:", c.Advance(time.Second))
	// Output:
	// calls: 0
	// a minute later it is 03:00
	// calls: 1
}

func TestMonotonic(t *testing.T) {
	tests := []struct {
		name string
		t    time.Time
		want bool
	}{
		{"system", clock.System().Now(), true},
		{"precise", clock.Precise().Now(), true},
		{"system, later", clock.System().Now().Add(time.Hour), true},
		{"system, in a zone", clock.System().Now().UTC(), false},
		{"system, stripped", clock.System().Now().Round(0), false},
		{"wrapped system", clock.Wrap(bb.New()).Now(), true},
		{"mock", clock.Wrap(bb.NewMock()).Now(), false},
		{"virtual", clock.NewVirtual(time.Time{}).Now(), false},
		{"virtual from the system's", clock.NewVirtual(time.Now()).Now(), false},
		{"date", time.Date(2026, time.July, 1, 0, 0, 0, 1, time.Local), false},
		{"zero", time.Time{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := clock.Monotonic(tt.t); got != tt.want {
				t.Errorf("Monotonic(%v): got %v, want %v", tt.t, got, tt.want)
			}
		})
	}
}

func TestSystemIsNotMonotonicInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if clock.Monotonic(clock.System().Now()) {
			t.Error("Monotonic: got true for the clock of a bubble")
		}
	})
}

func TestSystemIsEqualToItself(t *testing.T) {
	if clock.System() != clock.System() {
		t.Error("two values of System differ")
	}
}

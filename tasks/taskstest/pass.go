package taskstest

import (
	"testing"
	"time"

	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/clock"
)

// Pass lets d go by on the clock of a: one alarm after the other, and after each
// it waits until a is idle, so that what is due is done at its own instant. It
// waits as well for what was begun before. Zero lets no time go by, and calls
// what is due at the present instant; a negative d panics.
//
// A handler that waits by Instance.Sleep lets time go by, one that blocks does
// not: Pass waits for it until the test is over, which is fatal to t. It must be
// called from the goroutine of the test.
func Pass(t testing.TB, a *app.App, c *clock.Virtual, d time.Duration) {
	t.Helper()
	for end, last := c.Elapsed()+d, false; !last; {
		idle(t, a)
		wait := end - c.Elapsed()
		at, armed := c.Next()
		if last = !armed || at.Sub(c.Now()) > wait; !last {
			wait = at.Sub(c.Now())
		}
		c.Advance(wait)
	}
	idle(t, a)
}

func idle(t testing.TB, a *app.App) {
	t.Helper()
	if err := a.WaitIdle(t.Context()); err != nil {
		t.Fatalf("taskstest: %v", err)
	}
}

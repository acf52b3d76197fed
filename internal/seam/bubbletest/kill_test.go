package bubbletest_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/bubbletest"
)

// modes are how a bubble gives turns.
func modes(t *testing.T, f func(t *testing.T, opts ...bubbletest.Option)) {
	t.Run("serial", func(t *testing.T) { synctest.Test(t, func(t *testing.T) { f(t) }) })
	t.Run("batch", func(t *testing.T) { synctest.Test(t, func(t *testing.T) { f(t, bubbletest.WithBatch()) }) })
}

// A strand of a killed process does not return from where it waits, wherever
// that is, and runs its deferred functions when the Bubble is closed. Another
// process, and who waits for the dead from outside, goes on.
func TestKillEndsAProcessAndNothingElse(t *testing.T) {
	modes(t, func(t *testing.T, opts ...bubbletest.Option) {
		b := bubbletest.New(start, opts...)
		defer synctest.Wait()
		victim, other := b.Process(), b.Process()
		var dead, alive, native, deferred atomic.Int64
		beat := func(p *bubbletest.Process, n *atomic.Int64) {
			p.Spawn(seam.JobFunc(func() {
				for {
					park := p.NewPark()
					p.AfterFunc(time.Second, park.Unpark)
					if park.Park(nil) != nil { //nolint:staticcheck // nothing ends this wait but the time
						return
					}
					n.Add(1)
				}
			}))
		}
		beat(victim, &dead)
		beat(other, &alive)
		theirs := b.NewPark()
		for _, wait := range []func(){
			func() { _ = victim.NewPark().Park(nil) }, //nolint:staticcheck // it ends by Close
			func() { _ = theirs.Park(nil) },           //nolint:staticcheck // as above
			func() { time.Sleep(3 * time.Second); native.Add(1); victim.Admit(1) },
			func() {
				time.Sleep(3 * time.Second)
				native.Add(1)
				_ = b.NewPark().Park(nil) //nolint:staticcheck // as above
			},
		} {
			victim.Spawn(seam.JobFunc(func() { defer deferred.Add(1); wait(); dead.Add(100) }))
		}
		waited := make(chan error, 1)
		b.Spawn(seam.JobFunc(func() { waited <- victim.NewPark().Park(nil) })) //nolint:staticcheck // the kill ends it
		b.RunFor(2500 * time.Millisecond)
		b.AfterFunc(0, victim.Kill)
		victim.Spawn(seam.JobFunc(func() {}))
		b.RunFor(time.Second)
		victim.Kill() // it is already
		theirs.Unpark()
		victim.Spawn(seam.JobFunc(func() { dead.Add(100) }))
		if victim.AfterFunc(0, func() { dead.Add(100) }).Stop() {
			t.Error("a dead process armed an alarm")
		}
		b.RunFor(time.Second)
		if dead.Load() != 2 || alive.Load() != 4 || native.Load() != 2 || deferred.Load() != 0 {
			t.Errorf("beats of the dead, of the other, native waits that ended, deferred functions: got %d, %d, %d, %d, want 2, 4, 2, 0",
				dead.Load(), alive.Load(), native.Load(), deferred.Load())
		}
		if err := <-waited; !errors.Is(err, bubbletest.ErrKilled) {
			t.Errorf("who waited for it from outside: got %v, want %v", err, bubbletest.ErrKilled)
		}
		b.Spawn(seam.JobFunc(func() { waited <- victim.NewPark().Park(nil) })) //nolint:staticcheck // the kill ends it
		b.Idle()
		if err := <-waited; !errors.Is(err, bubbletest.ErrKilled) {
			t.Errorf("who waits for the dead: got %v, want %v", err, bubbletest.ErrKilled)
		}
		b.Close()
		if deferred.Load() != 4 {
			t.Errorf("after Close: %d deferred functions ran, want 4", deferred.Load())
		}
	})
}

func TestAStrandThatKillsItsProcessDoesNotGoOn(t *testing.T) {
	modes(t, func(t *testing.T, opts ...bubbletest.Option) {
		b := bubbletest.New(start, opts...)
		defer synctest.Wait()
		defer b.Close()
		p, after, held := b.Process(), false, false
		p.Freeze(time.Minute, false)
		p.Spawn(seam.JobFunc(func() { held = true }))
		p.Kill()
		q := b.Process()
		q.Spawn(seam.JobFunc(func() { q.Kill(); after = true }))
		b.RunFor(time.Hour)
		if after || held || p.Frozen() != 0 {
			t.Errorf("went on %v, began %v, frozen for %v", after, held, p.Frozen())
		}
	})
}

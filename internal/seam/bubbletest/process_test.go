package bubbletest_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bgloop/bgloop/internal/seam"
	"github.com/bgloop/bgloop/internal/seam/bubbletest"
)

// What a process does while it is frozen comes when it is that no more; who is
// not of it goes on.
func TestAProcessIsFrozen(t *testing.T) {
	for _, tt := range []struct {
		name      string
		opts      []bubbletest.Option
		suspended bool
		want      []string
	}{
		{"stands still", nil, false, []string{
			"other's alarm 1m0s", "alarm 10m0s", "job 10m0s", "native 10m0s", "late alarm 20m0s",
		}},
		{"sleeps", nil, true, []string{
			"other's alarm 1m0s", "job 10m0s", "native 10m0s", "alarm 11m0s", "late alarm 30m0s",
		}},
		{"batch", []bubbletest.Option{bubbletest.WithBatch()}, false, []string{
			"other's alarm 1m0s", "alarm 10m0s", "job 10m0s", "native 10m0s", "late alarm 20m0s",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bubbletest.New(start, tt.opts...)
				defer synctest.Wait()
				defer b.Close()
				p, other := b.Process(), b.Process()
				said := make(chan string, 10)
				says := func(what string) func() { return func() { said <- fmt.Sprint(what, " ", b.Age()) } }
				p.Spawn(seam.JobFunc(func() { time.Sleep(5 * time.Minute); p.Admit(1); says("native")() }))
				b.Idle()
				p.AfterFunc(time.Minute, says("alarm"))
				p.AfterFunc(20*time.Minute, says("late alarm"))
				other.AfterFunc(time.Minute, says("other's alarm"))
				p.Freeze(10*time.Minute, tt.suspended)
				p.Freeze(time.Hour, tt.suspended) // it is already
				p.Spawn(seam.JobFunc(says("job")))
				b.RunFor(time.Hour)
				close(said)
				got := slices.Collect(func(yield func(string) bool) {
					for s := range said {
						yield(s)
					}
				})
				if tt.opts != nil { // what is due at one instant has no order
					slices.SortStableFunc(got[1:4], func(x, y string) int { return slices.Index(tt.want, x) - slices.Index(tt.want, y) })
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// A process that is suspended does not know of the time, but its clock does. A
// clock that is set is that of its process alone.
func TestAProcessHasAClockOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bubbletest.New(start)
		defer synctest.Wait()
		defer b.Close()
		p, other := b.Process(), b.Process()
		p.Freeze(time.Hour, true)
		b.RunFor(90 * time.Minute)
		p.Jump(-6 * time.Hour)
		for _, is := range []struct {
			what      string
			got, want any
		}{
			{"Now", p.Now(), start.Add(90*time.Minute - 6*time.Hour)},
			{"Elapsed", p.Elapsed(), 30 * time.Minute},
			{"Frozen", p.Frozen(), time.Duration(0)},
			{"Now of the other", other.Now(), start.Add(90 * time.Minute)},
			{"Elapsed of the other", other.Elapsed(), 90 * time.Minute},
		} {
			if is.got != is.want {
				t.Errorf("%s: got %v, want %v", is.what, is.got, is.want)
			}
		}
	})
}

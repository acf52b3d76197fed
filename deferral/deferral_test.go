package deferral_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bgloop/bgloop/deferral"
)

func Example() {
	g := deferral.New(func() { fmt.Println("over") })
	d, _ := g.Take("upload")
	g.Returned()
	fmt.Println("handler returned, still open:", g.Open()[0].Why)
	fmt.Println(d.Complete(), d.Complete())
	_, err := g.Take("too late")
	fmt.Println(err)
	// Output:
	// handler returned, still open: upload
	// over
	// true false
	// deferral: the instance is over
}

// take takes a deferral that must be granted.
func take(t *testing.T, g *deferral.Group, why string) *deferral.Deferral {
	t.Helper()
	d, err := g.Take(why)
	if err != nil {
		t.Fatalf("Take(%q): %v", why, err)
	}
	return d
}

func names(open []deferral.Open) (whys []string) {
	for _, o := range open {
		whys = append(whys, o.Why)
	}
	return whys
}

func TestOverWhenHandlerReturnedAndNoneOpen(t *testing.T) {
	tests := []struct {
		name  string
		steps string // take, complete the oldest open one, return
		over  int    // the step that ends it, from 1
	}{
		{"no deferral", "r", 1},
		{"completed before the return", "tcr", 3},
		{"completed after the return", "trc", 3},
		{"two, around the return", "ttcrc", 5},
		{"taken while another is open, after the return", "trtcc", 5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			over := false
			g := deferral.New(func() { over = true })
			var open []*deferral.Deferral
			for i, s := range tt.steps {
				switch s {
				case 't':
					open = append(open, take(t, g, fmt.Sprint(i)))
				case 'c':
					open[0].Complete()
					open = open[1:]
				case 'r':
					g.Returned()
				}
				if want := i+1 >= tt.over; over != want || g.Done() != want {
					t.Errorf("after step %d: over is %v, Done %v, want %v", i+1, over, g.Done(), want)
				}
			}
		})
	}
}

func TestAbandonMakesOpenDeferralsInertAndReleasesWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := deferral.New(func() { t.Error("zero called for an abandoned group") })
		a, b := take(t, g, "a"), take(t, g, "b")
		released := false
		go func() { g.Wait(); released = true }()
		synctest.Wait()
		if released {
			t.Fatal("Wait returned while two deferrals are open")
		}
		if got, want := names(g.Abandon()), []string{"a", "b"}; !slices.Equal(got, want) {
			t.Errorf("Abandon: got %q, want %q", got, want)
		}
		synctest.Wait()
		if !released {
			t.Error("Wait still waits after Abandon")
		}
		if a.Complete() || b.Complete() {
			t.Error("Complete had an effect after Abandon")
		}
		g.Returned()
		if _, err := g.Take("c"); !errors.Is(err, deferral.ErrOver) {
			t.Errorf("Take after Abandon: got %v, want %v", err, deferral.ErrOver)
		}
	})
}

func TestCompleteIsIdempotentFromManyGoroutines(t *testing.T) {
	for range 100 {
		zeros := 0
		g := deferral.New(func() { zeros++ })
		d := take(t, g, "shared")
		var wg sync.WaitGroup
		won := make(chan bool, 8)
		for range cap(won) {
			wg.Go(func() { won <- d.Complete() })
		}
		g.Returned()
		wg.Wait()
		close(won)
		wins := 0
		for w := range won {
			if w {
				wins++
			}
		}
		if wins != 1 || zeros != 1 {
			t.Fatalf("%d calls completed the deferral and the group was over %d times, want 1 and 1", wins, zeros)
		}
	}
}

func TestNilDeferralIsInert(t *testing.T) {
	var d *deferral.Deferral
	if d.Complete() || d.Why() != "" {
		t.Error("a nil deferral did something")
	}
}

func TestStacksAreKeptWhenAsked(t *testing.T) {
	var g deferral.Group
	g.Init(nobody{}, true)
	take(t, &g, "leaky")
	open := g.Open()
	if len(open) != 1 || open[0].Stack == "" {
		t.Fatalf("Open: got %v, want one deferral with its stack", open)
	}
	if !g.Held() {
		t.Error("Held: got false with an open deferral")
	}
}

type nobody struct{}

func (nobody) Over() {}

func TestReturnedAloneOnlyWithoutDeferrals(t *testing.T) {
	told := false
	g := deferral.New(func() { told = true })
	d := take(t, g, "open")
	if g.ReturnedAlone() {
		t.Error("ReturnedAlone: got true with an open deferral")
	}
	d.Complete()
	if !g.ReturnedAlone() || told {
		t.Errorf("ReturnedAlone: the group is not over, or its end was told (%v)", told)
	}
	g.Wait()
	if _, err := g.Take("late"); !errors.Is(err, deferral.ErrOver) {
		t.Errorf("Take: got %v, want %v", err, deferral.ErrOver)
	}
}

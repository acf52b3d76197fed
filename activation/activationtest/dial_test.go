package activationtest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/bgloop/bgloop/activation/activationtest"
)

// A Dial tells what it shows and each change; Break ends one Watch, and no other.
func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := activationtest.NewDial(1)
		ctx, cancel := context.WithCancel(t.Context())
		var told []int
		ended := make(chan error, 1)
		watch := func() {
			go func() { ended <- d.Watch(ctx, nil, func(n int) { told = append(told, n) }) }()
			synctest.Wait()
		}
		watch()
		d.Set(2)
		synctest.Wait()
		d.Break()
		if err := <-ended; !errors.Is(err, activationtest.ErrBroken) {
			t.Errorf("broken: got %v, want %v", err, activationtest.ErrBroken)
		}
		watch()
		d.Set(3)
		d.Set(4)
		synctest.Wait()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("canceled: got %v, want nil", err)
		}
		if want := []int{1, 2, 2, 4}; !slices.Equal(told, want) && !slices.Equal(told, []int{1, 2, 2, 3, 4}) || d.Get() != 4 {
			t.Errorf("told %v, want %v, or 3 as well; it shows %d", told, want, d.Get())
		}
	})
}

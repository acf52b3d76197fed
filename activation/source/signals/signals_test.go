package signals_test

import (
	"errors"
	"os"
	"testing"

	"github.com/bgloop/bgloop/activation/source/signals"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// What cannot be received is refused by Register.
func TestRegister_Errors(t *testing.T) {
	a := app.New()
	for _, c := range []struct {
		sigs []os.Signal
		want error
	}{
		{nil, signals.ErrNoSignal},
		{[]os.Signal{os.Interrupt, nil}, signals.ErrNoSignal},
		{[]os.Signal{os.Interrupt, os.Kill}, signals.ErrUncatchable},
		{[]os.Signal{os.Kill}, errors.ErrUnsupported},
	} {
		_, err := a.Register(tasks.Registration{Name: "x", Trigger: signals.On(c.sigs...)})
		if !errors.Is(err, c.want) {
			t.Errorf("Register of %v: got %v, want %v", c.sigs, err, c.want)
		}
	}
}

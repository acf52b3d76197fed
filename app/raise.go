package app

import (
	"context"
	"fmt"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/internal/engine"
)

// Raise makes due every task, in whatever group, whose trigger is trigger.Custom
// of this name, each with the same details. It returns how many firings were
// accepted, and ErrNotRunning before Run and after Stop. The activations'
// contexts take their values from ctx. Details that own something, an
// activation.Dropper, cannot be shared: they are ErrShared, and nobody is fired.
func (a *App) Raise(ctx context.Context, name string, details any) (accepted int, err error) {
	if _, owns := details.(activation.Dropper); owns {
		return 0, fmt.Errorf("%w: event %q", ErrShared, name)
	}
	r := a.call(&engine.Input{Op: engine.Raise, Topic: "event/" + name, Details: details, Origin: origin(ctx)})
	return r.N, r.Err
}

package app

import (
	"context"

	"github.com/bgloop/bgloop/internal/engine"
)

// Raise makes due every task, in whatever group, whose trigger is trigger.Custom
// of this name, each with the same details. It returns how many firings were
// accepted, and ErrNotRunning before Run and after Stop. The activations'
// contexts take their values from ctx.
func (a *App) Raise(ctx context.Context, name string, details any) (accepted int, err error) {
	r := a.call(engine.Input{Op: engine.Raise, Topic: "event/" + name, Details: details, Origin: origin(ctx)}).reply
	return r.N, r.Err
}

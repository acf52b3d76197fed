package engine

import (
	"time"

	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A Witness is told everything that goes into an Engine and every event that
// comes out, by the host, while that owns the engine: nothing is left out, and
// an input comes before what it caused. It must not block and must not call the
// host.
type Witness interface {
	// Registering is told a registration before its trigger and conditions are
	// armed, on the caller's goroutine, and may change it.
	Registering(group string, r *tasks.Registration)

	// Heeds reports whether Saw is to be told an input that asks for this: an
	// Input is large, and most are no matter to most witnesses.
	Heeds(op Op) bool

	Saw(now time.Time, in Input)

	// Told is given an event that is valid until it returns, and does not change
	// it.
	Told(e *event.Event)
}

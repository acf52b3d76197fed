package engine

import (
	"time"

	"github.com/bgloop/bgloop/event"
)

// A Witness is told everything that goes into an Engine and every event that
// comes out, by the host, while that owns the engine: nothing is left out, and
// an input comes before what it caused. It must not block and must not call the
// host; what it is given is valid during the call.
type Witness interface {
	Saw(now time.Time, in *Input)
	Told(e *event.Event)
}

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

// A Veil is what a Witness has put around a trigger or a condition: what is
// compared is what is behind it.
type Veil interface {
	Behind() any
}

// A Loader is a Witness that wants to know what the App begins with.
type Loader interface {
	// Loaded is told each record of the App's store, but for the details of
	// activations, on the caller's goroutine, before the App begins. It may wait.
	Loaded(now time.Time, key string, value []byte)
}

// A Digester is a Witness that wants to know when a state is one that was there
// before.
type Digester interface {
	// Digesting is given what sums up the App's state, to be called when nobody
	// owns the engine. Two Apps that are built the same and whose sums are the
	// same and known go on the same, as far as that is up to them. It is called
	// before the App begins.
	Digesting(sum func() (sum uint64, known bool))
}

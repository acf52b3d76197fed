package condition

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// ErrProbe is returned by Register for a Probe without a name or a Check, or with
// a negative number.
var ErrProbe = errors.New("condition: probe without a name or check, or with a negative number")

// A Probe is a condition that holds while something is healthy, such as a
// service that the task calls. It is asked from the start on and for as long as
// the registration stands, whether or not anything waits, so that it knows when
// a task becomes due; what should be asked only then is a Func.
//
// It begins to hold after Good answers in a row that are good, and ceases to
// after Bad in a row that are bad: until the first Good answers it does not hold.
// A panic of Check is told as an event, and is a bad answer.
type Probe struct {
	// Name is what people see. It is required.
	Name string

	// Check asks; nil is a good answer. It is required, and called on a goroutine
	// of the App's, once at a time for each registration.
	Check func(ctx context.Context) error

	// Every is the pause between an answer and the next question. Zero means ten
	// seconds.
	Every time.Duration

	// Timeout is how long an answer may take before ctx ends and it is a bad one,
	// whatever Check returns. Zero means as long as Every.
	Timeout time.Duration

	// Good and Bad are how many answers in a row turn it. Zero means one.
	Good, Bad int
}

// String is the probe's name.
func (c Probe) String() string { return "probe(" + c.Name + ")" }

// Arm is for Register.
func (c Probe) Arm(tell func(bool), p activation.Port) error {
	if c.Name == "" || c.Check == nil || c.Every < 0 || c.Timeout < 0 || c.Good < 0 || c.Bad < 0 {
		return fmt.Errorf("%w: %q", ErrProbe, c.Name)
	}
	if c.Every == 0 {
		c.Every = 10 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = c.Every
	}
	c.Good, c.Bad = max(c.Good, 1), max(c.Bad, 1)
	ctx, cancel := context.WithCancel(context.Background())
	x := &patient{Probe: c, tell: tell, port: p, ctx: ctx, cancel: cancel}
	p.OnArm(func() { x.wait(0) })
	p.OnDisarm(x.close)
	return nil
}

// A patient is probed for one registration.
type patient struct {
	Probe
	tell   func(bool)
	port   activation.Port
	ctx    context.Context //nolint:containedctx // ends with the registration
	cancel context.CancelFunc

	mu     sync.Mutex // guards the following, and keeps reports in order
	closed bool
	holds  bool
	told   bool
	row    int // answers that are not what holds says, one after the other
	stop   func() bool
}

func (x *patient) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	if x.stop != nil {
		x.stop()
	}
	x.cancel()
}

// wait asks after a while.
func (x *patient) wait(d time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.closed {
		x.stop = x.port.After(d, x.ask)
	}
}

func (x *patient) ask() {
	good := false
	defer func() {
		x.hear(good)
		x.wait(x.Every)
	}()
	ctx, cancel := context.WithCancel(x.ctx)
	defer cancel()
	stop := x.port.After(x.Timeout, cancel)
	defer stop()
	good = x.Check(ctx) == nil && ctx.Err() == nil
}

// hear counts an answer, and reports when it turns. An unhealthy one says so at
// once, for nobody knows yet.
func (x *patient) hear(good bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if good == x.holds {
		x.row = 0
	} else {
		x.row++
	}
	turns := x.row > 0 && (good && x.row >= x.Good || !good && x.row >= x.Bad)
	if turns {
		x.holds, x.row = good, 0
	}
	if !x.closed && (turns || !x.told) {
		x.told = true
		x.tell(x.holds)
	}
}

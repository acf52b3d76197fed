// Package push makes tasks due by HTTP: a Handler that a program mounts in its
// server, and a trigger for each name that it answers.
//
//	h := &push.Handler{Secret: secret}
//	mux.Handle("/push/{name}", h)
//	a.Register(tasks.Registration{Name: "deploy", Trigger: h.Trigger("deploy")})
//
// It never opens a port and starts no goroutine: listening is the program's.
package push

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// Errors of Arm, returned by Register.
var (
	ErrNoName = errors.New("push: name is empty")
	ErrSecret = errors.New("push: secret is there, but empty")
)

// The defaults of a Handler's fields.
const (
	DefaultMaxBody = 1 << 20
	DefaultTimeout = 10 * time.Second
	DefaultMaxWait = 30 * time.Second
	DefaultMaxSeen = 1 << 16
)

// Window is how far the timestamp of a signed request may be from the App's
// time, in either direction.
const Window = 5 * time.Minute

// A Handler answers POST requests by activating the task that has the trigger of
// the request's name: its path value "name" if the pattern of a ServeMux has
// one, else its path without the leading slash. It serves one App. The zero
// value is ready, and open to everybody. Its fields must not change once it is
// in use; its methods may be called from any goroutine.
//
// A request is answered in this order:
//
//	405  it is no POST
//	404  no task is registered for the name (names are no secret)
//	413  the body is larger than MaxBody
//	401  its timestamp is not within Window of the App's time, or a header of
//	     the signature is missing or malformed
//	408  the body did not arrive within Timeout
//	400  the body broke off
//	401  its signature is wrong
//	409  a request with its ID was accepted before: a replay
//	503  as many IDs are remembered as may be, Retry-After says for how long
//	429  CurrentlyRunning: there is no place for it, see tasks.Keep
//	503  DisabledByPolicy, or the App does not run, or cannot take it: see Log
//	202  accepted
//
// Only the last has activated anything. The answers are JSON objects: an
// accepted request's has the activation's ID as its "activation", the others
// have an "error". With the header "Prefer: wait=10" (seconds), or "Prefer:
// wait" for as long as may be, the answer is given when the activation is over:
// 200 and the outcome "succeeded", or 500 and "failed", or "canceled" and its
// reason. The error itself is not told. What is not over by then is 202.
//
// The details are a *Message, which an App with a store takes if a handler made
// by tasks.Typed has that type, after app.WithDetails(&push.Message{}), or for a
// task that is Volatile.
type Handler struct {
	// Secret is what senders sign with, see Sign. Nil means that nobody has
	// to, and that the headers of a signature mean nothing. A secret that is
	// empty and not nil is refused with ErrSecret by Register: it is more
	// likely forgotten than meant.
	Secret []byte

	// MaxBody is how large a body may be, in bytes. Zero and below mean
	// DefaultMaxBody.
	MaxBody int64

	// Timeout is how long the body may take to arrive, by the App's clock.
	// Zero and below mean DefaultTimeout. The time that headers may take is
	// the server's to bound. So is the body's where the ResponseWriter of a
	// middleware in front hides the server's, as that of http.TimeoutHandler
	// does: it must have an Unwrap, as http.ResponseController has it, or the
	// 408 is not given before the body has ended, and Log is told.
	Timeout time.Duration

	// MaxWait is how long a request may wait for the outcome, by the App's
	// clock. Zero means DefaultMaxWait; negative means that none waits.
	MaxWait time.Duration

	// MaxSeen is how many IDs of accepted requests are remembered, each until
	// its timestamp is out of the Window; zero and below mean DefaultMaxSeen.
	// When there are as many, a signed request is refused: forgetting one
	// would let it be replayed. The memory does not survive a restart.
	MaxSeen int

	// Log is told why the App cannot take a request, as when its store fails or
	// it does not know how to store a *Message; the sender is not told why. It
	// is told, too, of a body that cannot be interrupted. Nil means
	// slog.Default.
	Log *slog.Logger

	mu    sync.Mutex // guards the following
	doors map[string]*door
	seen  memory
}

// A Message is what a request brought.
type Message struct {
	Header http.Header
	Body   []byte
}

// Trigger makes a task due for each request of the given name. It serves one
// registration at a time. The task's name may be another. Keep is Every(1)
// unless the registration says otherwise. An empty name is refused with
// ErrNoName.
func (h *Handler) Trigger(name string) activation.Trigger { return knock{h, name} }

// A knock is the trigger of one name.
type knock struct {
	h    *Handler
	name string
}

func (k knock) String() string { return "push(" + k.name + ")" }

func (k knock) Arm(p activation.Port) error {
	switch {
	case k.name == "":
		return ErrNoName
	case k.h.Secret != nil && len(k.h.Secret) == 0:
		return fmt.Errorf("%w: %s", ErrSecret, k)
	}
	d := &door{port: p, readings: map[*reading]bool{}}
	p.Payload()
	p.Exclusive(k)
	p.OnArm(func() { k.h.open(k.name, d) })
	p.OnDisarm(d.close)
	return nil
}

// open makes d the door of the name. It stays when the registration has ended,
// since its port knows whether that was the App's end.
func (h *Handler) open(name string, d *door) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.doors == nil {
		h.doors = map[string]*door{}
	}
	h.doors[name] = d
}

func (h *Handler) door(name string) *door {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.doors[name]
}

// A door leads to one registration.
type door struct {
	port activation.Port

	mu       sync.Mutex // guards the following
	closed   bool
	readings map[*reading]bool
}

// close ends the reading of bodies: nobody is left to limit the time for it.
func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for r := range d.readings {
		_ = r.interrupt() // what cannot be interrupted is refused when it has ended
	}
}

// enter counts a reading, unless the registration has ended.
func (d *door) enter(r *reading) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.readings[r] = true
	}
	return !d.closed
}

func (d *door) leave(r *reading) {
	r.end()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.readings, r)
}

// A reading is the reading of a body. It ends when the body does, or by an
// interrupt.
type reading struct {
	conn *http.ResponseController

	mu   sync.Mutex // guards the following
	over bool
	late bool
}

// interrupt makes a read of the body fail, unless it is over: the connection may
// have another request by then.
func (r *reading) interrupt() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return nil
	}
	return r.conn.SetReadDeadline(time.Unix(1, 0))
}

// expire is interrupt when the time is up: a body that arrives all the same is
// late.
func (r *reading) expire() error {
	r.mu.Lock()
	r.late = !r.over
	r.mu.Unlock()
	return r.interrupt()
}

// end reports whether the body came in time.
func (r *reading) end() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	return !r.late
}

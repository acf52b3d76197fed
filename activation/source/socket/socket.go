// Package socket makes a task due by what happens on sockets: a connection that
// arrives, and, for a connection that a handler has given back, data, the end of
// its keep-alive time, or its close. It is the model's SocketActivityTrigger.
//
// A connection always has one owner:
//
//	listener --accepted--> handler --GiveBack--> trigger --activity--> handler
//	                          |                     |
//	                        Close          end of the registration
//
// The package never reads from or writes to a connection.
package socket

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/bgloop/bgloop/activation"
)

var (
	// ErrListener is returned by Register for a listener that is nil, or whose
	// Accept cannot be interrupted since it has no SetDeadline; it is an
	// errors.ErrUnsupported.
	ErrListener = fmt.Errorf("socket: listener is nil or has no SetDeadline: %w", errors.ErrUnsupported)

	// ErrNotOwner is returned by GiveBack and Close when the connection was
	// given back or closed before.
	ErrNotOwner = errors.New("socket: the connection is not this activity's anymore")

	// ErrWatch is returned by GiveBack when the system cannot watch the
	// connection; it is an errors.ErrUnsupported.
	ErrWatch = fmt.Errorf("socket: the connection cannot be watched: %w", errors.ErrUnsupported)
)

// A Reason says what happened. The values are those of Windows'
// SocketActivityTriggerReason.
type Reason uint8

// The reasons.
const (
	None Reason = iota
	// SocketActivity: a connection that was given back has data.
	SocketActivity
	// ConnectionAccepted: a connection has arrived.
	ConnectionAccepted
	// KeepAliveTimerExpired: nothing came on a connection that was given back,
	// for the time that was said then.
	KeepAliveTimerExpired
	// SocketClosed: the other side of a connection that was given back closed
	// it, or it broke. It is the handler's to close all the same.
	SocketClosed
)

var reasons = [...]string{"None", "SocketActivity", "ConnectionAccepted", "KeepAliveTimerExpired", "SocketClosed"}

// String is the reason's name.
func (r Reason) String() string {
	if int(r) < len(reasons) {
		return reasons[r]
	}
	return fmt.Sprintf("Reason(%d)", uint8(r))
}

// An Activity is the details of an activation. The handler owns the connection,
// also beyond its return, until it calls GiveBack or Close; one that does
// neither leaks it. An activity that reaches no handler is closed by the App.
type Activity struct {
	// Reason is what happened.
	Reason Reason
	// Conn is the connection. It must not be used after GiveBack or Close.
	Conn net.Conn
	// State is whatever the handler left here when it gave the connection
	// back; nil at first.
	State any

	broker *broker
	over   atomic.Bool
}

// GiveBack gives the connection to the trigger, which activates the task again
// when it has data, is closed, or when keepAlive has passed by the App's clock
// without either; zero and below mean that this takes for ever. Data that the
// handler has read into a buffer is no data on the connection.
//
// It returns ErrNotOwner; activation.ErrUnbound when the registration has ended;
// or ErrWatch when the connection cannot be watched: on systems but Linux, and
// where it or the listener is not the system's own, as connections of crypto/tls
// are not. The connection is
// still the handler's when it returns an error, unless that is ErrNotOwner.
func (a *Activity) GiveBack(keepAlive time.Duration) error {
	if !a.over.CompareAndSwap(false, true) {
		return ErrNotOwner
	}
	if err := a.broker.take(&resting{conn: a.Conn, state: a.State}, keepAlive); err != nil {
		a.over.Store(false)
		return err
	}
	return nil
}

// Close closes the connection. It returns ErrNotOwner, or what the connection's
// Close returns.
func (a *Activity) Close() error {
	if !a.over.CompareAndSwap(false, true) {
		return ErrNotOwner
	}
	return a.Conn.Close()
}

// Drop is for the App: it closes the connection.
func (a *Activity) Drop() { _ = a.Close() }

// String is the reason, and the other side of the connection.
func (a *Activity) String() string { return fmt.Sprintf("%s from %v", a.Reason, a.Conn.RemoteAddr()) }

// On makes a task due for each connection that arrives at ln, with an *Activity
// as its details. It accepts one only when there is a place for it in the task's
// pending list; the others wait in the system's queue, as they do before Run,
// and after the registration has ended. So ln stays its caller's, who closes it;
// connections that were given back are closed when the registration ends.
//
// A place is taken before a connection is, so one that another process takes
// from a shared listener leaves a place held until the next arrives.
//
// One registration at a time goes by a listener. Keep is Every(1) unless the
// registration says otherwise. A listener that will not do is refused with
// ErrListener. When accepting fails, as it does when the process has too many
// descriptors open, that is told as an event and tried again after a pause;
// nothing is closed for it.
func On(ln net.Listener) activation.Trigger { return incoming{ln} }

// A listener is what can be told to give up.
type listener interface {
	net.Listener
	SetDeadline(time.Time) error
}

type incoming struct{ ln net.Listener }

// isNil reports whether there is no listener, as where an error was overlooked.
func isNil(ln net.Listener) bool {
	v := reflect.ValueOf(ln)
	return ln == nil || v.Kind() == reflect.Pointer && v.IsNil()
}

func (i incoming) String() string {
	if isNil(i.ln) {
		return "socket(nil)"
	}
	return fmt.Sprintf("socket(%s %v)", i.ln.Addr().Network(), i.ln.Addr())
}

func (i incoming) Arm(p activation.Port) error {
	ln, ok := i.ln.(listener)
	if !ok || isNil(i.ln) {
		return ErrListener
	}
	b := &broker{port: p, ln: ln, idle: map[uint64]*resting{}}
	p.Payload()
	p.Exclusive(i.ln)
	p.Go(b.run)
	p.OnDisarm(b.close)
	return nil
}

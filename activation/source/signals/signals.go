// Package signals makes tasks due by signals of the operating system, such as
// the SIGHUP that asks for a new configuration.
//
// It is the only package of bgloop that takes signals from their default, and
// only for those that a registered trigger names, while the App runs.
package signals

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/bgloop/bgloop/activation"
)

// Errors of Arm, returned by Register.
var (
	// ErrNoSignal: none was named, or a nil one.
	ErrNoSignal = errors.New("signals: no signal")

	// ErrUncatchable: the system delivers it to nobody. It is an
	// errors.ErrUnsupported.
	ErrUncatchable = fmt.Errorf("signals: cannot be caught: %w", errors.ErrUnsupported)
)

type caught []os.Signal

// On makes a task due for each of the given signals that the process receives.
// The details are the os.Signal, which an App with a store takes after
// app.WithDetails(syscall.Signal(0)), or for a task that is Volatile.
//
// A signal that comes while one of the same kind still waits for its place
// counts with that one, as it does in the system; a signal of another kind does
// not. Keep is Every(1) unless the registration says otherwise, so a busy task
// is activated again when it is over, for each kind. Signals are received from
// the start of the App until the registration ends; before and after it they do
// what they do in any Go program, unless others have asked for them, whom this
// trigger does not disturb.
//
// No signal at all, or nil, is refused with ErrNoSignal, SIGKILL and SIGSTOP
// with ErrUncatchable. Which signals exist depends on the system; one that it
// never sends makes nothing due.
func On(sigs ...os.Signal) activation.Trigger { return caught(slices.Clone(sigs)) }

func (c caught) String() string {
	names := make([]string, len(c))
	for i, s := range c {
		names[i] = fmt.Sprint(s)
	}
	return "signals(" + strings.Join(names, ", ") + ")"
}

func (c caught) Arm(p activation.Port) error {
	if len(c) == 0 || slices.Contains(c, nil) {
		return ErrNoSignal
	}
	for i, s := range c {
		switch {
		case s == os.Kill || stops(s):
			return fmt.Errorf("%w: %v", ErrUncatchable, s)
		case slices.Contains(c[:i], s):
			continue
		}
		p.Go(func(ctx context.Context) error { return receive(ctx, p, s) })
	}
	p.Payload()
	return nil
}

// receive passes signals of one kind on. It takes a place only for a signal that
// has come: the other kinds wait for the same places.
func receive(ctx context.Context, p activation.Port, s os.Signal) error {
	c := make(chan os.Signal, 1) // a slot: signal.Notify waits for nobody
	signal.Notify(c, s)
	defer signal.Stop(c)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c:
		}
		slot, err := p.Reserve(ctx)
		if err != nil {
			return nil // the App stops or the registration ends
		}
		if _, err := slot.Fire(ctx, s); err != nil {
			return activation.UnlessOver(err)
		}
	}
}

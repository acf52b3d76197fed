// Package systemd lets an App be a service of systemd: it says when the App is
// ready, reloads and stops, feeds the watchdog, and takes the sockets that
// systemd listens on. A program that systemd did not start is not affected.
//
// It starts no goroutine of its own and changes nothing of the App but for one
// registration in a group named "systemd".
package systemd

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	sockets "github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// Attach makes systemd hear of the App: READY=1 when it begins to run,
// STOPPING=1 when it begins to stop, and, if the unit has a WatchdogSec,
// WATCHDOG=1 twice in that time. The last comes by way of the App's own
// schedule, so an App that does nothing anymore is restarted by systemd. Call it
// once, before Run. Without NOTIFY_SOCKET in the environment it does nothing.
//
// It returns an error if the environment's WATCHDOG_USEC is malformed, or that
// of Register. A notice that cannot be sent is told as the failure of a source,
// and sent again after a pause.
func Attach(a *app.App) error {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return nil
	}
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("systemd: %w", err)
	}
	g := a.Group("systemd")
	g.HandleFunc("notify", func(context.Context, *tasks.Instance) error { return nil })
	_, err = g.Register(tasks.Registration{Name: "notify", Trigger: notices{watchdog / 2}})
	return err
}

// notices is a trigger that makes nothing due: it is there for as long as the
// App runs.
type notices struct{ feed time.Duration }

func (n notices) String() string { return fmt.Sprintf("systemd(watchdog %v)", n.feed) }

func (n notices) Arm(p activation.Port) error {
	p.Go(func(ctx context.Context) error {
		if err := notify(daemon.SdNotifyReady); err != nil {
			return err
		}
		if err := n.live(ctx, p); err != nil {
			return err
		}
		return notify(daemon.SdNotifyStopping)
	})
	return nil
}

// live feeds the watchdog until the App stops.
func (n notices) live(ctx context.Context, p activation.Port) error {
	due := make(chan struct{}, 1) // a slot: the timer waits for nobody
	for {
		if n.feed > 0 {
			if err := notify(daemon.SdNotifyWatchdog); err != nil {
				return err
			}
			p.After(n.feed, func() { due <- struct{}{} })
		}
		select {
		case <-ctx.Done():
			return nil
		case <-due:
		}
	}
}

func notify(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("systemd: %w", err)
	}
	return nil
}

// Reloading is h between RELOADING=1 and READY=1, for the task that takes a new
// configuration; with signals.On(syscall.SIGHUP) and Type=notify-reload,
// "systemctl reload" waits for it. That it cannot be told is h's error if it has
// none of its own.
func Reloading(h tasks.Handler) tasks.Handler {
	return tasks.HandlerFunc(func(ctx context.Context, in *tasks.Instance) (err error) {
		if err := notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec()); err != nil {
			return err
		}
		defer func() {
			if ready := notify(daemon.SdNotifyReady); err == nil {
				err = ready
			}
		}()
		return h.Run(ctx, in)
	})
}

// Status tells systemd in a line what the service does; systemctl status shows
// it. Ends of line in the text become spaces: what follows one would be a notice
// of its own.
func Status(text string) error {
	return notify("STATUS=" + strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, text))
}

// Listeners are the sockets that systemd has opened for the program, by the
// FileDescriptorName of their units; none if it has not. They are for
// socket.On, line.Socket or an http.Server, and their caller's to close. It
// works once: the environment that it comes from is emptied, so that child
// processes do not take it for theirs.
func Listeners() (map[string][]net.Listener, error) {
	l, err := sockets.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("systemd: %w", err)
	}
	return l, nil
}

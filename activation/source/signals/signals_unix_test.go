//go:build unix

package signals_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/activationtest"
	"github.com/bgloop/bgloop/activation/source/signals"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

func kill(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), s); err != nil {
		t.Error(err)
	}
}

// keep receives signals beside the trigger, so that they never end the test. It
// does so for good: one that was sent may still be on its way when the test is
// over.
func keep(sigs ...os.Signal) chan os.Signal {
	c := make(chan os.Signal, 1000) // slots: signal.Notify waits for nobody
	signal.Notify(c, sigs...)
	return c
}

func TestConformance(t *testing.T) {
	keep(syscall.SIGHUP)
	activationtest.Trigger(t, activationtest.Source{
		New: func(testing.TB) activation.Trigger {
			return signals.On(syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGHUP)
		},
		Provoke: func(t testing.TB) { kill(t, syscall.SIGHUP) },
		Check: func(t testing.TB, details any) {
			if details != syscall.SIGHUP {
				t.Errorf("details: got %v, want SIGHUP", details)
			}
		},
	})
}

// A signal is received by a task that runs as well as by others, each kind is
// an activation of its own however busy the task is, and the same kind many
// times while it is busy is at least one.
func TestKindsAreKeptApart(t *testing.T) {
	also := keep(syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH)
	a := app.New(app.WithLogger(slog.New(slog.DiscardHandler)))
	begun, free := make(chan os.Signal), make(chan struct{})
	a.Handle("x", tasks.Typed(func(ctx context.Context, _ *tasks.Instance, s os.Signal) error {
		select {
		case begun <- s:
		case <-ctx.Done():
		}
		<-free
		return nil
	}))
	if _, err := a.Register(tasks.Registration{Name: "x", Trigger: signals.On(syscall.SIGUSR1, syscall.SIGUSR2)}); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := make(chan os.Signal)
	go func() { first <- <-begun }()
	for waiting := true; waiting; { // until the trigger listens
		kill(t, syscall.SIGUSR1)
		<-also
		select {
		case s := <-first:
			if s != syscall.SIGUSR1 {
				t.Errorf("first: got %v", s)
			}
			waiting = false
		default:
		}
	}
	for range 10 { // the task is busy
		kill(t, syscall.SIGUSR2)
		<-also
		kill(t, syscall.SIGUSR1)
		<-also
	}
	close(free)
	got := map[os.Signal]int{}
	for got[syscall.SIGUSR1] == 0 || got[syscall.SIGUSR2] == 0 {
		got[<-begun]++
	}
	if _, err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	t.Logf("received while it was busy: %v", got)
}

// SIGSTOP is refused, since the system delivers it to nobody.
func TestRegister_Stop(t *testing.T) {
	_, err := app.New().Register(tasks.Registration{Name: "x", Trigger: signals.On(syscall.SIGSTOP)})
	if !errors.Is(err, signals.ErrUncatchable) {
		t.Errorf("got %v, want %v", err, signals.ErrUncatchable)
	}
}

// The program world is a service whose tasks go by the world outside: requests,
// lines, connections, signals, the time zone, the power supply and its start.
// With a directory for its sockets as its argument it prints what happens:
//
//	go run ./examples/world DIR
//
//	curl -H 'Prefer: wait' -d 'version 7' http://ADDRESS/deploy
//	echo hello | nc -U DIR/lines
//	nc -U DIR/echo
//	kill -HUP PID
//
// Ctrl-C stops it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/source/line"
	"github.com/bgloop/bgloop/activation/source/power"
	"github.com/bgloop/bgloop/activation/source/push"
	"github.com/bgloop/bgloop/activation/source/signals"
	"github.com/bgloop/bgloop/activation/source/socket"
	"github.com/bgloop/bgloop/activation/source/zone"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if len(os.Args) != 2 {
		log.Fatal("usage: world DIRECTORY")
	}
	if err := run(ctx, os.Args[1], os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir string, out io.Writer) error {
	lines, err := net.Listen("unix", filepath.Join(dir, "lines"))
	if err != nil {
		return err
	}
	defer func() { _ = lines.Close() }()
	echo, err := net.Listen("unix", filepath.Join(dir, "echo"))
	if err != nil {
		return err
	}
	defer func() { _ = echo.Close() }()
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}

	a, door := app.New(), &push.Handler{}
	say := func(name string) {
		a.HandleFunc(name, func(_ context.Context, in *tasks.Instance) error {
			_, err := fmt.Fprintln(out, name, details(in.Details()))
			return err
		})
	}
	say("start")
	say("deploy")
	say("line")
	say("reload")
	say("zone")
	a.Handle("echo", tasks.Typed(answer))
	say("compact")
	for _, r := range []tasks.Registration{
		{Name: "start", Trigger: trigger.Startup()},
		{Name: "deploy", Trigger: door.Trigger("deploy"), Keep: tasks.Every(10)},
		{Name: "line", Trigger: line.Socket(lines)},
		{Name: "echo", Trigger: socket.On(echo), Overlap: tasks.Parallel(16)},
		{Name: "reload", Trigger: signals.On(syscall.SIGHUP)},
		{Name: "zone", Trigger: zone.Changed()},
		{Name: "compact", Trigger: trigger.Every(time.Hour), Conditions: []activation.Condition{power.System().OnLine()}},
	} {
		_, err := a.Register(r)
		if errors.Is(err, errors.ErrUnsupported) {
			log.Print(err) // the others work without it
		} else if err != nil {
			return err
		}
	}

	server := &http.Server{Handler: door, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(web) }()
	defer func() { _ = server.Close() }()
	if _, err := fmt.Fprintln(out, "listens", web.Addr()); err != nil {
		return err
	}
	return a.Run(ctx)
}

// answer sends back what came on a connection, and waits for more without a
// goroutine.
func answer(_ context.Context, _ *tasks.Instance, s *socket.Activity) error {
	if s.Reason == socket.SocketActivity {
		b := make([]byte, 1024)
		n, err := s.Conn.Read(b)
		if err == nil {
			_, err = s.Conn.Write(b[:n])
		}
		if err != nil {
			return errors.Join(err, s.Close())
		}
	}
	if s.Reason == socket.SocketActivity || s.Reason == socket.ConnectionAccepted {
		if s.GiveBack(time.Minute) == nil {
			return nil
		}
	}
	return s.Close()
}

func details(v any) any {
	if m, ok := v.(*push.Message); ok {
		return string(m.Body)
	}
	return v
}

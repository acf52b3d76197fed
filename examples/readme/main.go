// Readme is the first program of the README: a task that is due every second,
// starts while a flag says so, and goes on after its handler has returned.
// Ctrl-C ends it.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()

	a, online := app.New(), condition.NewFlag("online", true)
	a.HandleFunc("sync", func(_ context.Context, in *tasks.Instance) error {
		d, err := in.Deferral("upload") // goes on after the handler returned
		if err != nil {
			return err
		}
		return in.Go(func(ctx context.Context) error { defer d.Complete(); return upload(ctx, in.Name()) })
	})
	t, err := a.Register(tasks.Registration{
		Name:       "sync",
		Trigger:    trigger.Every(time.Second),
		Conditions: []activation.Condition{online},
		TimeLimit:  time.Minute,
	})
	if err != nil {
		log.Fatal(err)
	}
	t.OnCompleted(func(e event.Event) { fmt.Println(e.Task, "done:", e.Err) })
	if err := a.Run(ctx); err != nil { // names every instance that was late
		log.Fatal(err)
	}
}

// upload stands for something that takes a while.
func upload(ctx context.Context, name string) error {
	fmt.Println("uploading for", name)
	select {
	case <-time.After(100 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

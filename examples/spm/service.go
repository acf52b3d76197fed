package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/event"
	"github.com/bgloop/bgloop/tasks"
)

// A service is an App with tasks of its own.
type service struct {
	*app.App
	lines *trigger.Application[string]
	tally tally
}

func newService(set settings) (*service, error) {
	s := &service{lines: trigger.NewApplication[string]()}
	s.App = app.New(app.WithOnBackgroundActivated(s.OnBackgroundActivated))
	s.Observe(tell)
	s.HandleFunc("tally", s.show)
	s.HandleFunc("rotate", s.rotate)
	s.HandleFunc("archive", s.show)
	for _, r := range s.registrations(set) {
		if _, err := s.Register(r); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// registrations say when each task is due, and what it needs.
func (s *service) registrations(set settings) []tasks.Registration {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // it never comes on Windows
	list := []tasks.Registration{
		{Name: "tally", Trigger: trigger.Every(set.every)},
		{Name: "rotate", Trigger: trigger.Chan(hangup)},
		// One line at a time, while 64 more may wait.
		{Name: "line", Trigger: s.lines, Keep: tasks.Every(64)},
		// Hourly, and at the end of the input.
		{Name: "publish", Trigger: trigger.Every(time.Hour), TimeLimit: set.limit},
	}
	if set.until == "" {
		return list
	}
	exists := condition.Func(set.until+" exists", func(context.Context) bool {
		_, err := os.Stat(set.until)
		return err == nil
	}, 50*time.Millisecond)
	// Daily, and at the start; but latched until there is a place for it.
	return append(list, tasks.Registration{
		Name: "archive", Trigger: trigger.Every(24 * time.Hour), Conditions: []activation.Condition{exists},
	})
}

// OnBackgroundActivated stands in the place of the App's own: it answers the
// tasks that are types, and leaves the others to the App.
func (s *service) OnBackgroundActivated(ctx context.Context, in *tasks.Instance) error {
	deferral, err := in.Deferral("dispatch")
	if err != nil {
		return err
	}
	defer deferral.Complete()

	switch in.Name() {
	case "line":
		return (&lineTask{&s.tally}).Run(ctx, in)
	case "publish":
		return new(publishTask).Run(ctx, in)
	}
	return s.App.OnBackgroundActivated(ctx, in)
}

// tell prints what happens to the tasks, beside what they print themselves.
func tell(e event.Event) {
	switch {
	case e.Kind == event.Waiting && e.Waits == event.ForCondition:
		log.Printf("%-8s is latched", e.Task)
	case e.Kind == event.Progressed:
		log.Printf("%-8s %d %%", e.Task, e.N)
	case e.Kind == event.Canceling:
		log.Printf("%-8s is canceled: %s", e.Task, e.Reason.String())
	case e.Kind == event.Completed && e.Err != nil:
		log.Printf("%-8s ended: %v", e.Task, e.Err)
	}
}

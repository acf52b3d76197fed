package trigger_test

import (
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/tasks"
)

// Startup is due when the App begins to run, once; not for who comes later.
func TestStartup(t *testing.T) {
	play(t, func(s *stage) {
		if _, err := s.Register(tasks.Registration{Name: "early", Trigger: trigger.Startup()}); err != nil {
			t.Fatal(err)
		}
		s.HandleFunc("early", s.noting(0))
		s.heard()
		time.Sleep(time.Minute)
		s.run(trigger.Every(time.Hour), s.noting(0))
		s.heard("1m0s due 1m0s")
		time.Sleep(time.Second)
		s.HandleFunc("late", s.noting(0))
		if _, err := s.Register(tasks.Registration{Name: "late", Trigger: trigger.Startup()}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		s.heard()
	})
}

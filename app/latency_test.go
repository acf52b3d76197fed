package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation/condition"
	"github.com/bgloop/bgloop/activation/trigger"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// What an activation took from one point of its life to the next is told by
// Snapshot, the same on goroutines and on coroutines, since time is virtual.
func TestLatencyIsThatOfTheStory(t *testing.T) {
	play(t, func(s *stage) {
		online := condition.NewFlag("online", false)
		s.HandleFunc("sync", func(_ context.Context, in *tasks.Instance) error { return in.Sleep(3 * time.Second) })
		s.register(tasks.Registration{
			Name: "sync", Trigger: trigger.Every(time.Minute), Conditions: conditions(online), Overlap: tasks.Wait,
		})
		s.start()
		if n := latency(s).Accepted.Count(); n != 0 {
			s.t.Errorf("before it is due: %d are accepted", n)
		}
		s.wait(70 * time.Second) // due at 1m0s
		online.Set(true)
		s.wait(40 * time.Second)
		online.Set(false)
		s.wait(20 * time.Second) // due at 2m0s, and waits
		for range 20 {
			online.Set(true)
			s.wait(time.Minute)
		}
		l := latency(s)
		for _, tt := range []struct {
			name  string
			h     tasks.Histogram
			count uint64
			max   time.Duration
		}{
			{"accepted", l.Accepted, 22, 0},
			{"started", l.Started, 22, 10 * time.Second},
			{"begun", l.Begun, 22, 0},
			{"done", l.Done, 22, 3 * time.Second},
		} {
			if tt.h.Count() != tt.count || tt.h.Max().Round(time.Second) != tt.max {
				s.t.Errorf("%s: got %d, at most %v, want %d, %v", tt.name, tt.h.Count(), tt.h.Max(), tt.count, tt.max)
			}
		}
		if p50 := l.Done.P50(); (p50 - 3*time.Second).Abs() > 200*time.Millisecond {
			s.t.Errorf("done: the median is %v", p50)
		}
	})
}

// After many attempts only some are timed, the same on every run.
func TestLatencyIsSampledByCount(t *testing.T) {
	play(t, func(s *stage) {
		s.HandleFunc("sync", nothing)
		task := s.register(tasks.Registration{Name: "sync", Trigger: never("")})
		s.start()
		for range 1024 + 2*16 {
			if err := s.fire(task, nil).Wait(s.ctx); err != nil {
				s.t.Fatal(err)
			}
		}
		l := latency(s)
		if l.Done.Count() != 1024+2*16 || l.Started.Count() != 1024+2 || l.Begun.Count() != 1024+2 || l.Accepted.Count() != 0 {
			s.t.Errorf("got %d done, %d started, %d begun, %d accepted", l.Done.Count(), l.Started.Count(), l.Begun.Count(), l.Accepted.Count())
		}
	})
}

// Without it nothing is counted, and all else is as it is.
func TestWithoutLatency(t *testing.T) {
	play(t, func(s *stage) {
		s.HandleFunc("sync", nothing)
		s.register(tasks.Registration{Name: "sync", Trigger: trigger.Every(time.Minute)})
		s.start()
		s.wait(150 * time.Second)
		x := s.Snapshot().Tasks[0]
		if n := x.Latency.Accepted.Count() + x.Latency.Begun.Count() + x.Latency.Done.Count(); n != 0 || x.Counts.Succeeded != 2 {
			s.t.Errorf("got %d counted, %d succeeded, want none and 2", n, x.Counts.Succeeded)
		}
	}, app.WithoutLatency())
}

func latency(s *stage) tasks.Latency { return s.Snapshot().Tasks[0].Latency }

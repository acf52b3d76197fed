package activationtest

import (
	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/tasks"
)

// String says the same before, while and after the condition is armed.
func conditionName(s *stage) {
	c := s.condition()
	s.state.Set(s.TB, true)
	name := c.String()
	if name == "" {
		s.Error("String is empty")
	}
	t := s.ask(task, c)
	s.run()
	s.wantStart(t, "a start while it holds")
	running := c.String()
	s.over()
	for _, got := range []string{running, c.String()} {
		if got != name {
			s.Errorf("String: got %q, want %q as before", got, name)
		}
	}
}

// A registration that is refused has begun nothing, and the condition can be
// used after it.
func conditionRefused(s *stage) {
	if _, err := s.Register(tasks.Registration{Name: task, Trigger: never{}}); err != nil {
		s.Fatal(err)
	}
	s.run()
	c := s.condition()
	s.state.Set(s.TB, true)
	before := descriptors()
	if _, err := s.Register(tasks.Registration{Name: task, Trigger: never{}, Conditions: []activation.Condition{c}}); err == nil {
		s.Fatal("Register: got no error for a name that stands")
	}
	if now := descriptors(); len(now) > len(before) {
		s.Errorf("Arm opened %d descriptors, though it was refused", len(now)-len(before))
	}
	s.state.Set(s.TB, false)
	s.state.Set(s.TB, true)
	s.Unregister(task, true)
	s.wantStart(s.ask(task, c), "a start after a refusal")
}

// What holds when the task is registered lets it start.
func holdsFromTheStart(s *stage) {
	c := s.condition()
	s.state.Set(s.TB, true)
	t := s.ask(task, c)
	s.run()
	for range 3 {
		if !s.wantStart(t, "a start while it holds") {
			return
		}
		s.settle()
	}
}

// A latched task starts when the condition comes to hold.
func comesToHold(s *stage) {
	c := s.condition()
	s.state.Set(s.TB, false)
	t := s.ask(task, c)
	s.run()
	for range 3 {
		if !s.wantLatch(t, "latched") {
			return
		}
		n := s.count()
		s.state.Set(s.TB, true)
		if !s.await("a start when it comes to hold", func() bool { return s.count() > n }) {
			return
		}
		s.settle()
		s.state.Set(s.TB, false)
	}
}

// A task that runs is canceled when the condition ceases to hold.
func isLost(s *stage) {
	c := s.condition()
	s.state.Set(s.TB, true)
	t := s.ask(task, c)
	s.run()
	defer s.hold()()
	if !s.wantStart(t, "a start while it holds") {
		return
	}
	s.state.Set(s.TB, false)
	s.await("a cancel when it ceases to hold", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.canceled > 0
	})
}

// However often it changes, the last state is what counts.
func flaps(s *stage) {
	c := s.condition()
	s.state.Set(s.TB, false)
	t := s.ask(task, c)
	s.run()
	for i := range 20 {
		s.state.Set(s.TB, i%2 == 0)
	}
	s.fire(t) // what the condition saw in the midst of it may start this one
	if !s.awaitReport(t, false) {
		return
	}
	s.settle()
	if !s.wantLatch(t, "after flapping") {
		return
	}
	for i := range 21 {
		s.state.Set(s.TB, i%2 == 0)
	}
	if s.awaitReport(t, true) {
		s.wantStart(t, "a start after flapping")
	}
}

// One condition serves several tasks.
func servesTwo(s *stage) {
	c := s.condition()
	s.state.Set(s.TB, true)
	one, two := s.ask(task, c), s.ask(task+"2", c)
	s.run()
	s.wantStart(one, "a start of the first task")
	s.wantStart(two, "a start of the second task")
	s.settle()
	s.state.Set(s.TB, false)
	if !s.wantLatch(one, "the first task") || !s.wantLatch(two, "the second task") {
		return
	}
	s.Unregister(task, true)
	n := s.count()
	s.state.Set(s.TB, true)
	s.await("a start of the second task, when the first is gone", func() bool { return s.count() > n })
}

// A condition whose registration has ended has ended all that it began.
func changesAfterUnregister(s *stage) {
	c := s.condition()
	s.state.Set(s.TB, true)
	s.run()
	for range 3 {
		s.wantStart(s.ask(task, c), "a start while it holds")
		s.Unregister(task, true)
		if !s.await("the end of what the condition began", s.book.atRest) {
			return
		}
		s.state.Set(s.TB, false)
		s.state.Set(s.TB, true)
		s.settle()
	}
}

// So has one whose App has stopped.
func changesAfterStop(s *stage) {
	c := s.condition()
	s.state.Set(s.TB, true)
	t := s.ask(task, c)
	s.run()
	s.wantStart(t, "a start while it holds")
	s.over()
	s.state.Set(s.TB, false)
	s.state.Set(s.TB, true)
}

// A source that fails is started again, and tells what changed meanwhile.
func conditionFails(s *stage) {
	c := s.condition()
	s.state.Set(s.TB, true)
	t := s.ask(task, c)
	s.run()
	s.wantStart(t, "a start while it holds")
	for n := range 3 {
		s.state.Fail(s.TB)
		if !s.await("a failure of the source", func() bool { return s.failed() > n }) {
			return
		}
		s.settle()
		s.state.Set(s.TB, false)
		if !s.awaitReport(t, false) {
			return
		}
		s.state.Set(s.TB, true)
		if !s.wantStart(t, "a start after the failure") {
			return
		}
	}
}

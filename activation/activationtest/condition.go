package activationtest

import (
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
	"github.com/bgloop/bgloop/tasks"
)

// A State says how a condition is made and how it comes to hold. New and Set
// are required.
type State struct {
	// New returns a condition about the state that Set sets. It is called at
	// least once for each story; what it needs ends with the Cleanup of its
	// argument.
	New func(testing.TB) activation.Condition

	// Set makes it so that the newest condition holds, or does not. It is called
	// after New, also when nobody watches, and to the same state again. A
	// condition that has told its state before tells this one, unless that takes
	// time, before Set returns.
	Set func(t testing.TB, holds bool)

	// Setup is called with each story's App before anything is registered.
	// Nil means nothing.
	Setup func(testing.TB, *app.App)

	// Fail makes what the condition watches through fail, so that its source
	// ends with an error. Nil means that it cannot.
	Fail func(testing.TB)

	// Passes is how much of the App's time must pass until a change is told.
	// Zero means none.
	Passes time.Duration
}

// Condition tells all stories of a condition.
func Condition(t *testing.T, s State) {
	t.Helper()
	for _, story := range conditionStories {
		if story.when != nil && !story.when(s) {
			continue
		}
		t.Run(story.name, func(t *testing.T) { story.live(t, s, patience) })
	}
}

// A conditionStory is one thing that every condition must do.
type conditionStory struct {
	name string
	when func(State) bool // nil: always
	tell func(*stage)
}

// live lives the story twice, and compares what is left.
func (y conditionStory) live(t testing.TB, c State, patience time.Duration) {
	t.Helper()
	twice(t, patience, func(t testing.TB) {
		s := newStage(t, patience)
		s.state = c
		if c.Setup != nil {
			c.Setup(t, s.App)
		}
		y.tell(s)
		s.over()
	})
}

var conditionStories = []conditionStory{
	{"HasAStableName", nil, conditionName},
	{"RefusedLeavesNothing", nil, conditionRefused},
	{"HoldsFromTheStart", nil, holdsFromTheStart},
	{"ComesToHold", nil, comesToHold},
	{"IsLost", nil, isLost},
	{"Flaps", nil, flaps},
	{"ServesTwo", nil, servesTwo},
	{"ChangesAfterUnregister", nil, changesAfterUnregister},
	{"ChangesAfterStop", nil, changesAfterStop},
	{"FailsAndRestarts", func(s State) bool { return s.Fail != nil }, conditionFails},
}

// ask registers a task with the condition under test.
func (s *stage) ask(name string, c activation.Condition) asked {
	s.Helper()
	t, err := s.Register(tasks.Registration{Name: name, Trigger: never{}, Conditions: []activation.Condition{c}})
	if err != nil {
		s.Fatalf("Register: %v", err)
	}
	return asked{t, s.book.last()}
}

// An asked is a task with the condition under test, and its arming.
type asked struct {
	*app.Task
	e *entry
}

func (s *stage) condition() activation.Condition {
	c := s.state.New(s.TB)
	if c == nil {
		s.Fatal("New returned nil")
	}
	return &spiedCondition{c, s.book}
}

func (s *stage) fire(t asked) {
	s.Helper()
	if r, err := t.Fire(s.Context(), nil); err != nil || r.Result != activation.Allowed {
		s.Fatalf("Fire: got %v, %v", r.Result, err)
	}
}

// wantStart fires and waits for the handler.
func (s *stage) wantStart(t asked, what string) bool {
	s.Helper()
	n := s.count()
	s.fire(t)
	return s.await(what, func() bool { return s.count() > n })
}

// wantLatch fires, and sees that the handler is not called while the condition
// does not hold. A condition that needs time to notice has it before.
func (s *stage) wantLatch(t asked, what string) bool {
	s.Helper()
	s.pass()
	s.settle()
	n := s.count()
	s.fire(t)
	s.awaitReport(t, false)
	s.settle()
	if s.count() != n {
		s.Errorf("%s: the task started while the condition does not hold", what)
		return false
	}
	return true
}

// awaitReport waits until the last thing that the condition said to the task is this.
func (s *stage) awaitReport(t asked, holds bool) bool {
	s.Helper()
	what := "a report that it does not hold"
	if holds {
		what = "a report that it holds"
	}
	return s.await(what, func() (said bool) {
		s.book.do(func() { said = t.e.reports > 0 && t.e.holds == holds })
		return said
	})
}

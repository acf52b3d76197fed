package activationtest

import (
	"testing"
	"time"

	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/app"
)

// A Source says how a trigger is made and what makes it fire. New and Provoke
// are required.
type Source struct {
	// New returns a trigger. It is called at least once for each story; what
	// it needs ends with the Cleanup of its argument.
	New func(testing.TB) activation.Trigger

	// Provoke makes what the newest trigger watches happen once. It is also
	// called when nobody watches, and while the task is busy: it must neither
	// wait for an activation nor fail the test then. It may be called from a
	// goroutine of its own.
	Provoke func(testing.TB)

	// Setup is called with each story's App before anything is registered; for
	// a Provoke that needs the App. Nil means nothing.
	Setup func(testing.TB, *app.App)

	// Fail makes what the trigger watches through fail, so that its source
	// ends with an error. Nil means that it cannot.
	Fail func(testing.TB)

	// Check is called on the handler's goroutine with the details of each
	// activation. Nil means that any will do.
	Check func(t testing.TB, details any)

	// Owned is how many details that own something have been made so far, and
	// how often their Drop has been called, over all triggers of this Source:
	// at the end of a story the two are equal, since what reaches the handler
	// is dropped there. Nil means that nobody counted.
	Owned func() (made, drops int)

	// Passes is how much of the App's time must pass until what was provoked
	// is a firing: an interval, a delay. Zero means none.
	Passes time.Duration

	// Lossless says that each Provoke is an activation of its own, however
	// busy the task is.
	Lossless bool

	// Once says that the trigger fires once, and ends its registration.
	Once bool
}

// patience is how long a story waits for what must happen.
const patience = 10 * time.Second

// Trigger tells all stories of a trigger.
func Trigger(t *testing.T, s Source) {
	t.Helper()
	for _, story := range triggerStories {
		if story.when != nil && !story.when(s) {
			continue
		}
		t.Run(story.name, func(t *testing.T) { story.live(t, s, patience) })
	}
}

// A triggerStory is one thing that every trigger must do.
type triggerStory struct {
	name string
	when func(Source) bool // nil: always
	tell func(*stage)
}

// live lives the story twice, and compares what is left.
func (y triggerStory) live(t testing.TB, s Source, patience time.Duration) {
	t.Helper()
	twice(t, patience, func(t testing.TB) {
		st := newStage(t, patience)
		st.source = s
		if s.Setup != nil {
			s.Setup(t, st.App)
		}
		y.tell(st)
		st.over()
		if s.Owned == nil {
			return
		}
		if made, drops := s.Owned(); made != drops {
			t.Errorf("details dropped: got %d times, want once for each of the %d", drops, made)
		}
	})
}

var triggerStories = []triggerStory{
	{"HasAStableName", nil, stableName},
	{"RefusedLeavesNothing", nil, refused},
	{"FiresWhileTheAppRuns", nil, fires},
	{"ProvokedBeforeRun", nil, beforeRun},
	{"ProvokedAfterStop", nil, afterStop},
	{"ProvokedAfterUnregister", nil, afterUnregister},
	{"SlowConsumer", repeats, slowConsumer},
	{"FailsAndRestarts", func(s Source) bool { return s.Fail != nil && repeats(s) }, failsAndRestarts},
	{"Replaced", repeats, replaced},
	{"ReplacedByItself", repeats, replacedByItself},
	{"UnregisteredWhileFiring", repeats, unregisteredWhileFiring},
	{"ArmedTwice", repeats, armedTwice},
	{"RegisteredAgain", repeats, registeredAgain},
}

func repeats(s Source) bool { return !s.Once }

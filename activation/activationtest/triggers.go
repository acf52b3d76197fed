package activationtest

import (
	"github.com/bgloop/bgloop/activation"
	"github.com/bgloop/bgloop/tasks"
)

// burst is how often a busy task's trigger is provoked. It is odd: a state that
// goes back and forth is another at the end, however little of it was seen.
const burst = 11

// String says the same before, while and after the trigger is armed.
func stableName(s *stage) {
	t := s.register()
	name := t.String()
	if name == "" {
		s.Error("String is empty")
	}
	s.run()
	s.wantFired()
	running := t.String()
	s.over()
	for _, got := range []string{running, t.String()} {
		if got != name {
			s.Errorf("String: got %q, want %q as before", got, name)
		}
	}
}

// A registration that is refused has begun nothing, and the trigger can be
// registered after it.
func refused(s *stage) {
	if _, err := s.Register(tasks.Registration{Name: task, Trigger: never{}}); err != nil {
		s.Fatal(err)
	}
	s.run()
	t := s.spied(s.source.New(s.TB))
	before := descriptors()
	if _, err := s.Register(tasks.Registration{Name: task, Trigger: t}); err == nil {
		s.Fatal("Register: got no error for a name that stands")
	}
	if now := descriptors(); len(now) > len(before) {
		s.Errorf("Arm opened %d descriptors, though it was refused", len(now)-len(before))
	}
	s.provoke()
	s.settle()
	if n := s.count(); n != 0 {
		s.Errorf("activations of a refused trigger: got %d", n)
	}
	s.Unregister(task, true)
	if _, err := s.Register(tasks.Registration{Name: task, Trigger: t}); err != nil {
		s.Fatalf("Register after a refusal: %v", err)
	}
	s.wantFired()
}

// never is a trigger that makes nothing due.
type never struct{}

func (never) String() string            { return "never" }
func (never) Arm(activation.Port) error { return nil }

// What is provoked while the App runs is an activation.
func fires(s *stage) {
	s.register()
	s.run()
	s.wantFired()
	for range 3 {
		if s.source.Once {
			return
		}
		s.wantFired()
	}
}

// Nothing is activated before Run, whatever happens then; after it the trigger
// works.
func beforeRun(s *stage) {
	s.register()
	s.provoke()
	s.settle()
	if n := s.count(); n != 0 {
		s.Errorf("activations before Run: got %d", n)
	}
	s.run()
	s.wantFired()
}

// A stopped App has ended what the trigger began, and what happens then harms
// nobody.
func afterStop(s *stage) {
	s.register()
	s.run()
	s.wantFired()
	s.over()
	n := s.count()
	s.quietly()
	if now := s.count(); now != n {
		s.Errorf("activations after Stop: got %d", now-n)
	}
}

// quietly provokes where nothing is to come of it.
func (s *stage) quietly() {
	for range 3 {
		s.provoke()
		s.pass()
		<-after(provokeEvery * tick) // time to make a mistake in
	}
}

// So has a registration that was ended while the App goes on.
func afterUnregister(s *stage) {
	s.register()
	s.run()
	s.wantFired()
	s.Unregister(task, true)
	s.await("the end of what the trigger began", s.book.atRest)
	s.settle()
	n := s.count()
	s.quietly()
	if now := s.count(); now != n {
		s.Errorf("activations after Unregister: got %d", now-n)
	}
}

// A task that is busy is not activated beside itself, and what happened in the
// meantime is not forgotten: it is one activation at least, and each of them if
// the source loses nothing.
func slowConsumer(s *stage) {
	s.register()
	s.run()
	free := s.hold()
	defer free()
	if !s.wantFired() {
		return
	}
	asked := s.provoked
	for range burst {
		s.provoke()
		s.pass()
	}
	want := 2
	if s.source.Lossless {
		want = 1 + burst
	}
	free()
	s.await("what was provoked while the task was busy", func() bool { return s.count() >= want })
	s.settle()
	if n := s.count(); s.source.Lossless && n > asked+burst {
		s.Errorf("activations: got %d of %d provoked", n, asked+burst)
	}
}

// A source that fails is started again after its pause, every time.
func failsAndRestarts(s *stage) {
	s.register()
	s.run()
	s.wantFired()
	for n := range 3 {
		s.source.Fail(s.TB)
		if !s.await("a failure of the source", func() bool { return s.failed() > n }) {
			return
		}
		if !s.wantFired() {
			return
		}
	}
}

// The new trigger fires, and the old one has ended.
func replaced(s *stage) { s.replace(nil) }

// A trigger may replace itself.
func replacedByItself(s *stage) {
	s.replace(func(old activation.Trigger) activation.Trigger { return old })
}

func (s *stage) replace(by func(activation.Trigger) activation.Trigger) {
	old := s.register()
	s.run()
	s.wantFired()
	for range 3 {
		var t activation.Trigger
		if by == nil {
			t = s.spied(s.source.New(s.TB))
		} else {
			t = by(old)
		}
		if _, err := s.Replace(tasks.Registration{Name: task, Trigger: t}); err != nil {
			s.Fatalf("Replace: %v", err)
		}
		if !s.wantFired() {
			return
		}
		s.await("the end of the old trigger", s.book.oneLives)
	}
}

// A registration may end at any instant.
func unregisteredWhileFiring(s *stage) {
	s.run()
	for range 5 {
		s.register()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for range burst {
				s.source.Provoke(s.TB)
			}
		}()
		s.pass()
		s.Unregister(task, true)
		if !s.await("the return of Provoke", func() bool { return closed(ended) }) {
			return
		}
	}
	s.await("the end of what the triggers began", s.book.atRest)
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// One trigger for two tasks is refused, or serves them.
func armedTwice(s *stage) {
	t := s.register()
	_, err := s.Register(tasks.Registration{Name: task + "2", Trigger: t})
	s.Logf("a second registration of one trigger: %v", err)
	s.run()
	s.wantFired()
	s.Unregister(task+"2", true)
	s.wantFired()
}

// A trigger whose registration has ended can be registered again.
func registeredAgain(s *stage) {
	t := s.register()
	s.run()
	for range 3 {
		s.wantFired()
		s.Unregister(task, true)
		s.await("the end of what the trigger began", s.book.atRest)
		if _, err := s.Register(tasks.Registration{Name: task, Trigger: t}); err != nil {
			s.Fatalf("Register again: %v", err)
		}
	}
	s.wantFired()
}

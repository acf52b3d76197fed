// Package activationtest is what every trigger and every condition must do, as
// a test: those of bgloop and those of its users.
//
//	func TestDoorbell(t *testing.T) {
//		var bell *Doorbell
//		activationtest.Trigger(t, activationtest.Source{
//			New:     func(testing.TB) activation.Trigger { bell = NewDoorbell(); return bell },
//			Provoke: func(testing.TB) { bell.Ring() },
//		})
//	}
//
// The example has a trigger and a condition to begin with; the tests of both are
// in the same file.
//
// Each story is a subtest with an App of its own. It is lived twice, and the
// second time must leave no goroutine and no descriptor behind that the first
// did not. The App's clock is virtual; it moves only as a Source or a State
// says, and for the pause after a failure. Nothing here asserts how long
// something took: what is waited for has ten seconds to happen.
//
// The stories count what the whole process has open, so a test that tells them
// must not be parallel to others.
package activationtest

// Package sim runs a whole App, the real one, under virtual time and a seed, so
// that a year of a service's background life takes milliseconds and a life that
// went wrong can be lived again.
//
//	func TestSync(t *testing.T) {
//		sim.Test(t, func(s *sim.S) {
//			var online *condition.Flag
//			s.App(func(env sim.Env) *app.App {
//				a := app.New(env.Options()...)
//				online = ... // register tasks, as the service does
//				return a
//			})
//			s.Every("the network changes", time.Hour, func() {
//				online.Set(s.Choose("online", 2) == 1)
//			})
//			s.Invariant("no two uploads at once", func() error { ... })
//			s.RunFor(24 * time.Hour)
//		})
//	}
//
// Test lives the scenario with many seeds. Everything that is open follows from
// the seed: which of the things that can happen at one instant happens first,
// what the scenario leaves to Choose, Chance and Between, and which faults come
// when. A seed that breaks something is shrunk to the few decisions that it
// takes, and told as a story, with the line that lives it again.
//
// Handlers are plain blocking functions; they run as coroutines, one at a time.
// They may wait by what the App gives them: Instance.Sleep, Await and Go,
// Receipt.Wait, App.Stop. Whatever else blocks, a channel or a mutex that
// another handler holds, would block the simulation and is reported with its
// stack. For the same reason such a life cannot show a data race.
//
// InBubble and InBatch, or -sim.mode=bubble and -sim.mode=batch, live the same
// scenario with goroutines in a testing/synctest bubble: for handlers that wait
// natively, and, in a batch, for go test -race. They say what a bubble cannot
// give.
//
// The package never reads the real time but to notice that, and never lets
// anything but a choice decide.
package sim

// Package app is the host: an App answers activations of its tasks by calling
// their handlers, keeps their conditions, limits and deferrals, and stops them
// with a reason.
//
// A program makes an App with New, says with Handle which handler answers which
// task, registers tasks, and calls Run. There is no package-level state; an App
// starts no goroutine before Run, handles no signal and never ends the process.
//
// # Concurrency
//
// Every method of App, Group and Task may be called from any goroutine, also
// from inside handlers, observers, conditions and triggers.
//
//  1. One goroutine at a time owns the engine, where everything is decided:
//     whoever calls while nobody owns it, else the one that does. There is one
//     true order of what happened, and observers are told in that order.
//  2. No code of the user's runs while the engine is owned, with one exception:
//     the pure methods of Schedule, Leaper and Filter, which must be quick.
//  3. Each attempt's handler runs on a goroutine of its own, unless the task is
//     one with OnLoop. So does every other callback, except that those of one
//     observer run one after the other, and that Arm and OnArm's functions run
//     on the goroutine that registers.
//  4. Calls that wait (Stop, WaitIdle, Receipt.Wait) answer ErrInHandler when
//     they are given the context of a running instance.
//  5. When Stop has returned, no callback is called anymore, but for Drop and
//     OnDisarm's functions, which are called however late. Go cannot end a
//     goroutine from outside: a handler that was abandoned may still run.
package app

// Package activation says why a task runs: the trigger that makes it due, the
// conditions that must hold before it starts, the reason it was canceled, and
// what a firing was answered.
//
// It never decides anything and starts no goroutine. It imports nothing of
// this module, so that a trigger or condition of your own needs this package
// alone; the built-in ones are in activation/trigger and activation/condition.
package activation

// Package trigger holds the built-in triggers: what makes a task due.
//
// A trigger is a value that describes; it does nothing until it is armed by a
// registration. Those that depend on the world outside live in packages of
// their own.
package trigger

// Package source makes triggers and conditions of a state of the world outside,
// such as the network, the power supply or the load of the machine. A [Feed]
// watches the state once, however many registrations go by it, and tells each
// of them.
//
// It asks no system for anything: a [Watch] does that, and those that come with
// bgloop are in the packages below this one and under integrations. It starts
// no goroutine; the App does, for as long as a registration needs it.
package source

// Package engine holds the decisions. Given its state, the instant and one
// Input it changes its state and returns Effects: start this instance, cancel
// that one, tell observers. Whoever has read it knows the product.
//
// It starts no goroutine, reads no clock, takes no lock and lets no map order
// decide. Exactly one goroutine at a time may use an Engine; app sees to that,
// and carries out the effects.
//
// The files tell it in this order: engine (the parts), input and effect (the
// words in and out), register, fire, gate, instance, condition, drain; plan is
// the schedule of everything that waits for time.
package engine

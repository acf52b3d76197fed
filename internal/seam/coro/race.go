//go:build race

package coro

// newSwitch is newHandoff under the race detector, which never frees the 5 KB
// that it keeps for each coroutine of iter.Pull: a hunt or a fuzz run of some
// minutes would use up the machine's memory.
func newSwitch(body func()) coroutine { return newHandoff(body) }

//go:build !race

package coro

func newSwitch(body func()) coroutine { return newPull(body) }

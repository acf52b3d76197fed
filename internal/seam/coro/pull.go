package coro

import "iter"

// A pull is a coroutine by iter.Pull, which switches without the scheduler.
// Who resumes it must not be locked to a thread, unless the one who created it
// was locked to the same.
type pull struct {
	next func() (struct{}, bool)
	end  func()
	give func(struct{}) bool
}

func newPull(body func()) coroutine {
	p := new(pull)
	p.next, p.end = iter.Pull(func(yield func(struct{}) bool) {
		p.give = yield
		body()
	})
	return p
}

func (p *pull) resume()     { p.next() }
func (p *pull) yield() bool { return p.give(struct{}{}) }
func (p *pull) stop()       { p.end() }

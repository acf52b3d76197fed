// Package deferral is how work outlives the handler that began it: whoever
// holds a Deferral keeps the instance alive until Complete.
//
// It never starts a goroutine and never reads the time; how long a deferral may
// be held is the instance's limit, which a deferral does not extend.
package deferral

import (
	"errors"
	"runtime/debug"
	"sync"
)

// ErrOver is returned when a deferral is taken from an instance that is over.
var ErrOver = errors.New("deferral: the instance is over")

// A Group counts a handler, which is worth one, and its open deferrals. It is
// over when the count is zero. The zero Group is not usable; see New.
type Group struct {
	mu     sync.Mutex // guards the following
	n      int
	open   *Deferral // the newest of a list
	end    Ender
	stacks bool
	wait   *sync.WaitGroup // for Wait, made by the first; it counts the group
}

// New returns a group that counts one handler. zero is called, without a lock
// held, by whoever brings the count to zero; it may be nil.
func New(zero func()) *Group {
	g := new(Group)
	if zero == nil {
		zero = func() {}
	}
	g.Init(enderFunc(zero), false)
	return g
}

// An Ender is told when a group is over.
type Ender interface {
	// Over is called, without a lock held, by whoever brings the count to zero.
	Over()
}

type enderFunc func()

func (f enderFunc) Over() { f() }

// Init makes g a new group in place, for one that is part of a larger struct.
// With stacks, each deferral keeps the stack that took it. A group that is over,
// and was not abandoned, may be made anew: its old deferrals stay completed.
func (g *Group) Init(end Ender, stacks bool) {
	g.n, g.end, g.stacks = 1, end, stacks
}

// A Deferral says "I go on after the handler returned". Its methods may be
// called from any goroutine, also on a nil Deferral.
type Deferral struct {
	g     *Group
	why   string
	stack []byte
	done  bool      // guarded by g.mu
	next  *Deferral // guarded by g.mu
}

// Take takes a deferral; why names it in reports, and needs not be unique. It
// returns ErrOver once the group is over or abandoned.
func (g *Group) Take(why string) (*Deferral, error) {
	d := &Deferral{g: g, why: why}
	if g.stacks {
		d.stack = debug.Stack()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n == 0 {
		return nil, ErrOver
	}
	d.next, g.open = g.open, d
	g.n++
	return d, nil
}

// Why is what the deferral was taken for.
func (d *Deferral) Why() string {
	if d == nil {
		return ""
	}
	return d.why
}

// Complete ends the deferral and reports whether this call did so: false if it
// was completed before, or if its instance was abandoned in the meantime.
func (d *Deferral) Complete() bool {
	if d == nil {
		return false
	}
	return d.g.release(d)
}

// Returned says that the handler has returned. It must be called once.
func (g *Group) Returned() { g.release(nil) }

// ReturnedAlone is Returned for a handler that leaves no deferral behind: then
// the group is over, which is what it reports, and its Ender is not told. If a
// deferral is open it does nothing.
func (g *Group) ReturnedAlone() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n != 1 || g.open != nil {
		return false
	}
	g.n = 0
	g.over()
	return true
}

func (g *Group) release(d *Deferral) bool {
	g.mu.Lock()
	if d != nil && d.done || g.n == 0 { // in this order: see Init
		g.mu.Unlock()
		return false
	}
	if d != nil {
		g.unlink(d)
	}
	g.n--
	last := g.n == 0
	if last {
		g.over()
	}
	g.mu.Unlock()
	if last {
		g.end.Over()
	}
	return true
}

// over releases who waits, with g.mu held.
func (g *Group) over() {
	if g.wait != nil {
		g.wait.Done()
		g.wait = nil
	}
}

func (g *Group) unlink(d *Deferral) {
	d.done = true
	for p := &g.open; *p != nil; p = &(*p).next {
		if *p == d {
			*p = d.next
			return
		}
	}
}

// An Open is a deferral that was open when it was asked for.
type Open struct {
	// Why is what the deferral was taken for.
	Why string
	// Stack is where it was taken, if the group keeps stacks.
	Stack string
}

// Open lists the deferrals that are not completed, oldest first.
func (g *Group) Open() []Open {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.list()
}

func (g *Group) list() []Open {
	var open []Open
	for d := g.open; d != nil; d = d.next {
		open = append(open, Open{Why: d.why, Stack: string(d.stack)})
	}
	for i, j := 0, len(open)-1; i < j; i, j = i+1, j-1 {
		open[i], open[j] = open[j], open[i]
	}
	return open
}

// Held reports whether a deferral is open.
func (g *Group) Held() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open != nil
}

// Abandon ends the group without its deferrals: they become inert, waiters are
// released, and the function given to New is not called. It returns the
// deferrals that were open, oldest first. What the handler and the deferrals do
// from then on is nobody's business.
func (g *Group) Abandon() []Open {
	g.mu.Lock()
	open := g.list()
	for d := g.open; d != nil; d = d.next {
		d.done = true
	}
	g.n, g.open = 0, nil
	g.over()
	g.mu.Unlock()
	return open
}

// Done reports whether the group is over or abandoned.
func (g *Group) Done() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n == 0
}

// Wait blocks until the group is over or abandoned. It may be called from any
// goroutine that holds none of the group's deferrals.
func (g *Group) Wait() {
	g.mu.Lock()
	if g.n == 0 {
		g.mu.Unlock()
		return
	}
	if g.wait == nil {
		g.wait = new(sync.WaitGroup)
		g.wait.Add(1)
	}
	w := g.wait
	g.mu.Unlock()
	w.Wait()
}

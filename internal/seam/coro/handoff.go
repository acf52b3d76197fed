package coro

// A handoff is a coroutine by a goroutine that passes a turn back and forth. It
// needs nothing but what the language promises.
type handoff struct {
	body    func()
	begun   bool
	stopped bool
	in, out chan struct{} // the turn, to the body and back
}

func newHandoff(body func()) coroutine {
	return &handoff{body: body, in: make(chan struct{}), out: make(chan struct{})}
}

func (h *handoff) resume() {
	if h.begun {
		h.in <- struct{}{}
	} else {
		h.begun = true
		go h.live()
	}
	<-h.out
}

func (h *handoff) live() {
	defer func() { h.out <- struct{}{} }()
	h.body()
}

func (h *handoff) yield() bool {
	h.out <- struct{}{}
	<-h.in
	return !h.stopped
}

func (h *handoff) stop() {
	h.stopped = true
	h.resume()
}

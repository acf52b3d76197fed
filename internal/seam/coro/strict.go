package coro

import (
	"fmt"
	"runtime"
)

// guard panics, in strict mode, if the World runs and call does not come from
// the goroutine whose turn it is.
func (w *World) guard(call string) {
	if w.strict && w.running {
		w.check(call)
	}
}

func (w *World) check(call string) {
	turn, whose := w.home, "the World's loop"
	if s := w.current; s != nil {
		turn, whose = s.goid, fmt.Sprintf("strand %d", s.id)
	}
	if from := goid(); from != turn {
		panic(fmt.Sprintf("coro: %s on goroutine %d while it is the turn of %s on goroutine %d: a goroutine that a job started must not call the World; spawn a strand instead", call, from, whose, turn))
	}
}

// goid is the number of the calling goroutine. The runtime tells it only in a
// stack trace, "goroutine 7 [running]".
func goid() uint64 {
	var b [64]byte
	line := b[len("goroutine "):runtime.Stack(b[:], false)]
	id := uint64(0)
	for _, c := range line {
		if c < '0' || c > '9' {
			break
		}
		id = id*10 + uint64(c-'0')
	}
	return id
}

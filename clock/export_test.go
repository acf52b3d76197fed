package clock

import (
	"errors"
	"time"
)

// PreciseInBubble is a Precise whose waker goes by the time of the bubble.
func PreciseInBubble() Clock {
	return newPrecise(func() (waker, error) {
		b := &bubbleWaker{rung: make(chan struct{}, 1), closed: make(chan struct{})}
		b.timer = time.AfterFunc(time.Hour, func() {
			select {
			case b.rung <- struct{}{}:
			default: // it is awake already
			}
		})
		return b, nil
	})
}

// PreciseRefused is a Precise that may open no descriptor.
func PreciseRefused() Clock {
	return newPrecise(func() (waker, error) { return nil, errors.New("too many open files") })
}

type bubbleWaker struct {
	timer        *time.Timer
	rung, closed chan struct{}
}

func (b *bubbleWaker) set(d time.Duration) { b.timer.Reset(d) }

func (b *bubbleWaker) wait() {
	select {
	case <-b.rung:
	case <-b.closed:
	}
}

func (b *bubbleWaker) close() {
	b.timer.Stop()
	close(b.closed)
}

package app_test

import (
	"sync"
	"time"
)

// A tape is what decides. After its end it reads as zeros.
type tape struct {
	mu sync.Mutex // guards the following
	b  []byte
}

func (t *tape) more() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.b) > 0
}

// n reads a number below k.
func (t *tape) n(k int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.b) == 0 {
		return 0
	}
	v := int(t.b[0])
	t.b = t.b[1:]
	return v % k
}

func (t *tape) yes() bool { return t.n(2) == 1 }

func (t *tape) nap() time.Duration { return time.Duration(t.n(16)) * 250 * time.Millisecond }

// one reads one of a list.
func one[T any](t *tape, list ...T) T { return list[t.n(len(list))] }

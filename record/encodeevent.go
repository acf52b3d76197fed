package record

import "github.com/bgloop/bgloop/event"

// Which fields of an event are written.
const (
	hasIDs uint64 = 1 << iota
	hasAttempt
	hasWaits
	hasReason
	hasResult
	hasDue
	hasN
	hasDetail
	hasErr
)

func (e *encoder) event(v *event.Event) {
	if !e.unseen.IsZero() {
		e.begin(Tick, e.unseen)
	}
	e.begin(Told, v.At)
	e.buf = append(e.buf, byte(v.Kind))
	set := func(has bool, bit uint64) uint64 {
		if has {
			return bit
		}
		return 0
	}
	has := set(v.Activation|v.Instance != 0, hasIDs) | set(v.Attempt > 1, hasAttempt) | set(v.Waits != 0, hasWaits) |
		set(v.Reason != 0, hasReason) | set(v.Result != 0, hasResult) | set(!v.Due.IsZero(), hasDue) |
		set(v.N != 0, hasN) | set(v.Detail != "", hasDetail) | set(v.Err != nil, hasErr)
	e.uint(has)
	e.string(v.Group)
	e.string(v.Task)
	if has&hasIDs != 0 {
		e.uint(v.Activation)
		e.uint(v.Instance)
	}
	if has&hasAttempt != 0 {
		e.uint(uint64(v.Attempt))
	}
	if has&hasWaits != 0 {
		e.buf = append(e.buf, byte(v.Waits))
	}
	if has&hasReason != 0 {
		e.reason(v.Reason)
	}
	if has&hasResult != 0 {
		e.buf = append(e.buf, byte(v.Result))
	}
	if has&hasDue != 0 {
		e.int(v.Due.UnixNano() - e.at)
	}
	if has&hasN != 0 {
		e.uint(v.N)
	}
	if has&hasDetail != 0 {
		e.text(v.Detail)
	}
	if has&hasErr != 0 {
		e.err(v.Err)
	}
}

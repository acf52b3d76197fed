package coro

import (
	"fmt"
	"time"
)

// Run lets everything happen that can up to the instant until, that one
// included, and then Now is until. If until is past, time stays and Run is as
// Idle.
//
// Strands are switched to and alarms ring on the caller's goroutine. A panic in
// a strand comes out of Run as a *StrandPanic, one in an alarm as it is; the
// World is then as it was after that step, and can go on. A strand or an alarm
// must not call Run.
func (w *World) Run(until time.Time) {
	w.enter("Run")
	defer w.leave()
	end := until.Round(0).Sub(w.start)
	w.live(nil, end)
	if !w.halted {
		w.now = max(w.now, end)
		w.moves++
	}
}

// RunFor is Run until d from now. A negative d counts as zero.
func (w *World) RunFor(d time.Duration) {
	w.Run(w.start.Add(w.now).Add(d))
}

// Idle is Run without the passing of time: what is ready or due at the present
// instant, and what comes of it.
func (w *World) Idle() {
	w.enter("Idle")
	defer w.leave()
	w.live(nil, -1)
}

// advance moves time to the earliest alarm, which is at that instant, and reports
// whether that is not after the end.
func (w *World) advance(at time.Duration) bool {
	if at > w.end || at == forever {
		return false
	}
	if w.quiet != nil && at > w.now {
		if w.quiet(); w.halted {
			return false
		}
	}
	w.now = at
	w.moves++
	return true
}

// enter makes the caller's goroutine the World's loop, until leave.
func (w *World) enter(call string) {
	if w.running {
		panic(fmt.Sprintf("coro: %s inside a World that runs: a strand waits with Park, and an alarm cannot wait", call))
	}
	if w.strict {
		w.home = goid()
	}
	w.running = true
}

func (w *World) leave() { w.running, w.drives, w.open = false, false, false }

// live lets things happen up to the instant end, or until goal is over if that
// is not nil.
func (w *World) live(goal *actor, end time.Duration) {
	w.goal, w.end, w.drives = goal, end, !w.strict
	w.loop()
}

package activation

import "time"

// A Schedule says when a task is next due. It is pure: the same Phase gives the
// same answer, on every machine and at any time. What it must remember is in
// the Phase, which survives Apply and a restart.
//
// Next returns the first due time after ph.Last (or after ph.Registered if it
// never fired), and false when there is none. An answer that is not after
// ph.Last faults the registration. Next is called by the owner of the engine:
// it must be quick, must not block and must not call the App.
type Schedule interface {
	Next(ph Phase) (time.Time, bool)
}

// A Leaper is a Schedule that can skip the past quickly. Missed returns how
// many due times there are after ph.Last up to and including now, and the last
// of them. Without it the App walks through them one by one, and gives the
// counting up after a million.
type Leaper interface {
	Schedule
	Missed(ph Phase, now time.Time) (n uint64, last time.Time)
}

// A Counter is a Schedule that can count elapsed time rather than read the wall
// clock: one that adds to ph.Registered or ph.Completed. When the clock is set
// back its phase is set back as well, so that it does not stand still until the
// old time has come again. Any other Schedule does stand still, lest a due time
// come twice, unless the clock is set back by three hours or more: such a clock
// was wrong, and the Schedule is asked anew with a Phase that is not in the future.
type Counter interface {
	Schedule
	CountsElapsed() bool
}

// A Follower is a Schedule that goes by ph.Completed: it is asked for its next
// due time when an activation of the task is over, rather than when it has
// fired.
type Follower interface {
	Schedule
	FollowsCompletion() bool
}

// A Phase is where a schedule stands.
type Phase struct {
	// Name is the task's.
	Name string
	// Registered is when the registration took effect: when it was made, or
	// when the App began to run if that was later.
	Registered time.Time
	// Started is when this run of the App began.
	Started time.Time
	// Last is the due time that fired last; zero if none has.
	Last time.Time
	// Completed is when an activation of the task was last over; zero if none
	// has been.
	Completed time.Time
	// N is how many due times have passed.
	N uint64
}

// A Filter limits, delays or drops firings. It is pure, like a Schedule, and is
// called by the owner of the engine.
//
// Pass is asked about a firing that is due at the given instant. It returns
// when the firing may start, and whether it is let through at all. The Phase
// counts the firings that came through: N, and of the Last the instant that the
// filter was asked about.
type Filter interface {
	Pass(ph Phase, due time.Time) (at time.Time, ok bool)
}

// A Postponer is a Filter that delays a firing anew each time another becomes
// part of the same activation. Without it the earlier start stands.
type Postponer interface {
	Filter
	Postpones() bool
}

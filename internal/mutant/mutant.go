// Package mutant names the bugs that are planted in this module to see whether
// the simulation finds them. They are there only in a build with the tag
// mutant, and one at a time: that which the environment variable BGLOOP_MUTANT
// names. Without the tag On is constant, and costs nothing.
//
//	if mutant.On(mutant.LostWakeup) { ... }
package mutant

// A Mutant is a planted bug.
type Mutant string

// The mutants, each with what is wrong in it.
const (
	// LostWakeup: the end of a canceled instance wakes nobody who waits for its
	// slot.
	LostWakeup Mutant = "lost-wakeup"
	// DoubleCompletion: an activation that failed with deferrals open is
	// completed once more when these are.
	DoubleCompletion Mutant = "double-completion"
	// DeferralLeak: a deferral that is completed after a cancel does not end
	// its instance.
	DeferralLeak Mutant = "deferral-leak"
	// CancelRace: a cancel that meets an instance before its handler is lost.
	CancelRace Mutant = "cancel-race"
	// SecondReason: a second cancel counts.
	SecondReason Mutant = "second-reason"
	// LostLatch: a condition that comes to hold at the instant of a firing
	// starts nothing.
	LostLatch Mutant = "lost-latch"
	// Drift: a due time that is acted on late moves those after it.
	Drift Mutant = "drift"
	// DSTDouble: what is due once on the day when clocks are set back runs
	// twice.
	DSTDouble Mutant = "dst-double"
	// MissedStorm: every missed due time is made up for.
	MissedStorm Mutant = "missed-storm"
	// ReplaceForgets: a registration that is replaced leaves its running
	// instances uncounted.
	ReplaceForgets Mutant = "replace-forgets"
	// GraceKept: the grace of an instance that ended goes on.
	GraceKept Mutant = "grace-kept"
	// RetryInDrain: a failure while the App stops is retried.
	RetryInDrain Mutant = "retry-in-drain"
	// CapLeak: a canceled instance keeps its part of a cap.
	CapLeak Mutant = "cap-leak"
	// CapBlind: who comes to the head of a cap's line starts whether or not its
	// conditions hold.
	CapBlind Mutant = "cap-blind"
	// MergeLost: the fifth firing of an activation is not counted.
	MergeLost Mutant = "merge-lost"
	// LatchLost: what was latched when the process was killed is gone.
	LatchLost Mutant = "latch-lost-on-kill"
	// RunLost: what was running when the process was killed is gone.
	RunLost Mutant = "run-lost-on-kill"
	// PhaseLost: a schedule begins anew after a kill.
	PhaseLost Mutant = "phase-lost-on-kill"
)

// All lists the mutants.
func All() []Mutant {
	return []Mutant{
		LostWakeup, DoubleCompletion, DeferralLeak, CancelRace, SecondReason, LostLatch, Drift, DSTDouble,
		MissedStorm, ReplaceForgets, GraceKept, RetryInDrain, CapLeak, CapBlind, MergeLost,
		LatchLost, RunLost, PhaseLost,
	}
}

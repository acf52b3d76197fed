package activation

// A Condition must hold before a due task starts.
//
// Arm is called once for each registration, from inside Register, under the
// rules of Trigger.Arm. The condition calls report whenever it starts or ceases
// to hold, from any goroutine; nobody asks it. Until its first report it does
// not hold. A report made inside Arm is the state that the registration starts
// with. After disarming, reports are ignored.
//
// Of two reports the later call counts, so a condition that is changed by several
// goroutines holds a lock of its own while it reports: that is safe, since no
// handler, observer or condition is called inside report.
//
// String is the condition's identity, for people.
type Condition interface {
	Arm(report func(holds bool), p Port) error
	String() string
}

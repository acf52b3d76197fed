package condition

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bgloop/bgloop/activation"
)

// ErrTimeOfDay is returned by Register for a time of day that is none, and for a
// window from a time to the same.
var ErrTimeOfDay = errors.New("condition: not a time of day")

type window struct {
	from, to time.Duration // since midnight, by the clock on the wall
	loc      *time.Location
	wrong    error
	text     string
}

// TimeWindow holds from one time of day to another, by the clock on the wall in
// a zone; a nil zone is time.Local. Times are written as 15:04 or 15:04:05; what
// is none, and a window from a time to the same, are refused with ErrTimeOfDay.
// If the first is later than the second, the window spans midnight.
//
// It holds whenever the zone's clock shows a time that is not before the first
// and before the second. So where the clock is set forward over one of the two,
// that one is the instant after the gap, and a window that lies in the gap does
// not open on that day; where a time comes twice, so does what is due at it. See
// docs/daylight-saving.md. That the system's clock was set is noticed within ten
// minutes.
func TimeWindow(from, to string, loc *time.Location) activation.Condition {
	if loc == nil {
		loc = time.Local
	}
	w := &window{loc: loc, text: fmt.Sprintf("window(%s-%s %s)", from, to, loc)}
	var err1, err2 error
	w.from, err1 = timeOfDay(from)
	w.to, err2 = timeOfDay(to)
	if w.wrong = errors.Join(err1, err2); w.wrong == nil && w.from == w.to {
		w.wrong = fmt.Errorf("%w: from %s to %s", ErrTimeOfDay, from, to)
	}
	return w
}

// QuietHours does not hold from one time of day to another, and holds otherwise;
// see TimeWindow. What runs when they begin is canceled with
// activation.ConditionLoss, as with any condition.
func QuietHours(from, to string, loc *time.Location) activation.Condition {
	return Not(TimeWindow(from, to, loc))
}

func timeOfDay(s string) (time.Duration, error) {
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil && t.Nanosecond() == 0 {
			return t.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)), nil
		}
	}
	return 0, fmt.Errorf("%w: %q", ErrTimeOfDay, s)
}

func (w *window) String() string { return w.text }

func (w *window) Arm(tell func(bool), p activation.Port) error {
	if w.wrong != nil {
		return w.wrong
	}
	s := &sash{window: w, tell: tell, port: p}
	tell(w.open(p.Now()))
	p.OnArm(s.look)
	p.OnDisarm(s.close)
	return nil
}

// open reports whether the clock shows a time in the window.
func (w *window) open(t time.Time) bool {
	shown := clockTime(t.In(w.loc))
	if w.from < w.to {
		return w.from <= shown && shown < w.to
	}
	return w.from <= shown || shown < w.to
}

func clockTime(t time.Time) time.Duration {
	h, m, s := t.Clock()
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second + time.Duration(t.Nanosecond())
}

// next is the next instant at which to look: when the clock shows one of the
// two times, or is set.
func (w *window) next(t time.Time) time.Time {
	t = t.In(w.loc)
	shown := clockTime(t)
	wait := 24 * time.Hour
	for _, edge := range []time.Duration{w.from, w.to} {
		d := edge - shown
		if d <= 0 {
			d += 24 * time.Hour
		}
		wait = min(wait, d)
	}
	at := t.Add(wait)
	if _, end := t.ZoneBounds(); end.After(t) && end.Before(at) { // on the last day of a leap year it may be before t
		return end
	}
	return at
}

// recheck is how long to look away at most, for a clock that is set meanwhile.
const recheck = 10 * time.Minute

// A sash opens and closes a window for one registration.
type sash struct {
	*window
	tell func(bool)
	port activation.Port

	mu     sync.Mutex // guards the following, and keeps reports in order
	closed bool
	stop   func() bool
}

// look reports how things stand, and arranges for the next look.
func (s *sash) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	now := s.port.Now()
	s.tell(s.open(now))
	s.stop = s.port.After(min(s.next(now).Sub(now), recheck), s.look)
}

func (s *sash) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.stop != nil {
		s.stop()
	}
}

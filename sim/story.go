package sim

import (
	"fmt"
	"strings"
)

// A story is what happened, in lines.
type story struct{ lines []string }

// How many lines of a long story are shown at its beginning and its end.
const (
	opening = 15
	ending  = 45
)

// tell adds a line to the story, if somebody reads it.
func (s *S) tell(format string, args ...any) {
	if s.story == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.story.lines = append(s.story.lines, fmt.Sprintf("  %-14v ", s.since())+fmt.Sprintf(format, args...))
	}
}

func (st *story) whole() string { return lines(st.lines) }

// short leaves the middle out of a long story.
func (st *story) short() string {
	n := len(st.lines)
	if n <= opening+ending {
		return lines(st.lines)
	}
	return lines(st.lines[:opening]) + fmt.Sprintf("  ... %d lines; -sim.trace=true tells them\n", n-opening-ending) + lines(st.lines[n-ending:])
}

func lines(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return strings.Join(list, "\n") + "\n"
}

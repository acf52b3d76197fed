package sim

import "fmt"

// A story is what happened, in lines.
type story struct{ lines []string }

// tell adds a line to the story, if somebody reads it.
func (s *S) tell(format string, args ...any) {
	if s.story != nil {
		s.story.lines = append(s.story.lines, fmt.Sprintf("%12v  ", s.since())+fmt.Sprintf(format, args...))
	}
}

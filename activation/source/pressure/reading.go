package pressure

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// A Resource is what one can run short of.
type Resource string

// The resources.
const (
	CPU    Resource = "cpu"
	Memory Resource = "memory"
	IO     Resource = "io"
)

// A Stall says for how much of the time work stood still: in percent over the
// last 10, 60 and 300 seconds, and in all.
type Stall struct {
	Avg10, Avg60, Avg300 float64
	Total                time.Duration
}

// A Reading is how much one resource is wanting.
type Reading struct {
	Resource Resource
	// Some is the time in which at least one task waited for the resource.
	Some Stall
	// Full is the time in which all of them did at once.
	Full Stall
}

// String is the two shares of the last 10 seconds.
func (r Reading) String() string {
	return fmt.Sprintf("%s: some %.2f%%, full %.2f%%", r.Resource, r.Some.Avg10, r.Full.Avg10)
}

// Read reads the gauge.
func (g Gauge) Read() (Reading, error) {
	r := Reading{Resource: g.resource}
	text, err := os.ReadFile(g.path)
	if err != nil {
		return r, fmt.Errorf("pressure: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		var kind string
		var s Stall
		var total int64
		if _, err := fmt.Sscanf(line, "%s avg10=%f avg60=%f avg300=%f total=%d", &kind, &s.Avg10, &s.Avg60, &s.Avg300, &total); err != nil {
			return r, fmt.Errorf("pressure: %s: %q: %w", g.path, line, err)
		}
		s.Total = time.Duration(total) * time.Microsecond
		switch kind {
		case "some":
			r.Some = s
		case "full":
			r.Full = s
		}
	}
	return r, nil
}

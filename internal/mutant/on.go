//go:build mutant

package mutant

import (
	"os"
	"sync"
)

var chosen = sync.OnceValue(func() Mutant { return Mutant(os.Getenv("BGLOOP_MUTANT")) })

// On reports whether the mutant is in this run.
func On(m Mutant) bool { return m == chosen() }

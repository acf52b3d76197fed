//go:build !unix

package signals

import "os"

// stops reports whether the signal is the one that stops a process: there is
// none here.
func stops(os.Signal) bool { return false }

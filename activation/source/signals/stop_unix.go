//go:build unix

package signals

import (
	"os"
	"syscall"
)

// stops reports whether the signal is the one that stops a process.
func stops(s os.Signal) bool { return s == syscall.SIGSTOP }

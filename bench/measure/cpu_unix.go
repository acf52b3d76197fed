//go:build unix

package measure

import (
	"syscall"
	"time"
)

// CPUTime is what this process has used of all processors so far.
func CPUTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

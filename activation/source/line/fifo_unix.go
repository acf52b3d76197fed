//go:build unix

package line

import (
	"os"
	"syscall"
)

const hasFIFOs = true

// openFIFO opens a pipe so that reading it can be interrupted.
func openFIFO(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
}

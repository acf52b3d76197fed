//go:build !linux

package power

import (
	"errors"
	"fmt"
	"runtime"
)

func check(string) error {
	return fmt.Errorf("%w: power: no supplies are read on %s", errors.ErrUnsupported, runtime.GOOS)
}

func uevents() (bell, error) { return nil, check("") }

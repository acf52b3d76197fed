//go:build !linux

package pressure

import (
	"errors"
	"fmt"
	"runtime"
)

func check(string) error {
	return fmt.Errorf("%w: pressure: not told on %s", errors.ErrUnsupported, runtime.GOOS)
}

func open([]threshold) (alarm, error) { return nil, check("") }

func notify(string) (alarm, error) { return nil, check("") }
